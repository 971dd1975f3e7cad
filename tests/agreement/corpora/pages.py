"""The product and the HTTP Observatory of MDN on the integrity of scripts in pages, and its parser on what they are."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from inspector_http.observations import Use
from inspector_http.page_content import read_page
from inspector_http.urls import resolved
from tests.agreement.lab import node, policies

URL = "https://mozilla.org/"
_HASH = "integrity=sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"
#: Pages beside those that the Observatory is tested with, by what is particular in them.
_PAGES = {
    "cors": f"<script src=https://o.test/a.js {_HASH} crossorigin></script>",
    "no cors": f"<script src=https://o.test/a.js {_HASH}></script>",
    "two hashes": f"<script src=https://o.test/a.js crossorigin integrity='sha256-a= {_HASH[10:]}'></script>",
    "unknown hash": "<script src=https://o.test/a.js integrity=md5-a crossorigin></script>",
    "empty integrity": "<script src=https://o.test/a.js integrity crossorigin></script>",
    "upper case": "<SCRIPT SRC='HTTPS://O.TEST/a.js'></SCRIPT>",
    "entities": "<script src='https&colon;//o.test/a.js'></script>",
    "duplicate attribute": "<script src=/a.js src=https://o.test/a.js></script>",
    "subdomain": "<script src=https://cdn.mozilla.org/a.js></script>",
    "public suffix": "<script src=https://other.org/a.js></script>",
    "comment": "<!-- <script src=https://o.test/a.js></script> -->",
    "textarea": "<textarea><script src=https://o.test/a.js></script></textarea>",
    "title": "<title><script src=https://o.test/a.js></script>",
    "template": "<template><script src=https://o.test/a.js></script></template>",
    "noscript": "<noscript><script src=https://o.test/a.js></script></noscript>",
    "script in script": "<script>'<!-- <script src=https://o.test/a.js></script>'</script>",
    "svg": "<svg><script href=https://o.test/a.js></script></svg>",
    "svg title": "<svg><title><script src=https://o.test/a.js></script></title></svg>",
    "math": "<math><script src=https://o.test/a.js></script></math>",
    "data block": "<script type=text/template src=https://o.test/a.js></script>",
    "srcdoc": "<iframe srcdoc='<script src=https://o.test/a.js></script>'></iframe>",
    "base": "<base href=https://o.test/><script src=a.js></script>",
    "style sheet": "<link rel=stylesheet href=https://o.test/a.css>",
    "select": "<select><script src=https://o.test/a.js></script></select>",
    "frameset": "<frameset><frame src=/></frameset><script src=https://o.test/a.js></script>",
    "plaintext": "<plaintext><script src=https://o.test/a.js></script>",
    "image": "<img src=https://o.test/a.png>",
}

Fact = tuple[str, str, object, object]


@cache
def _pages() -> dict[str, str]:
    files = policies() / "mdn-http-observatory" / "package" / "test" / "files"
    theirs = {each.stem.removeprefix("test_content_sri_"): each for each in sorted(files.glob("*_sri_*.html"))}
    return {**{name: path.read_text("utf-8") for name, path in theirs.items()}, **_PAGES}


@cache
def _theirs() -> list[tuple[bool, list[str | None]]]:
    command = [node("new"), Path(__file__).with_suffix(".mjs"), policies()]
    given = json.dumps(list(_pages().values()))
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    found: list[tuple[bool, list[str | None]]] = json.loads(done.stdout)
    return found


def observatory() -> Iterator[Fact]:
    """Each page, whether both find its scripts unverified, and which scripts of other services both find in it."""
    for (name, text), (passes, scripts) in zip(_pages().items(), _theirs(), strict=True):
        page = read_page(text.encode(), URL)
        loaded = [each for each in page.references if each.use in (Use.SCRIPT, Use.STYLE)]
        others = [each for each in loaded if each.host != "mozilla.org" and not each.host.endswith(".mozilla.org")]
        yield name, "scripts-unverified", any(not each.integrity or not each.cors for each in others), not passes
        urls = {each.url for each in page.references if each.use is Use.SCRIPT}
        theirs = {resolved(URL, each) for each in scripts if each}
        yield name, "scripts", sorted(urls), sorted(each for each in theirs if not each.startswith(URL))
