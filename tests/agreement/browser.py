"""The product and Chromium on the configurations of web servers: ``python -m tests.agreement.browser [--write]``.

Chromium says what a browser does with what these servers send: which cookies it stores, which scripts it runs, whether
it notes HSTS, what pages of other sites may read and frame. A difference needs an entry in ``browser.yaml``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from inspector import Outcome, Verdict
from inspector_http.checks.referrer_policy_set import NOTHING, ORIGIN, WHOLE_URL
from inspector_http.headers import HSTS, elements, hsts_max_age
from inspector_http.observations import CrossOrigin, Http, Sharing
from inspector_http.structured import item_token
from tests.agreement.chromium import Chromium, Tab, chromium, tab
from tests.agreement.corpora.comparison import Compared, explanations, faults, table
from tests.agreement.page import PAGE, write
from tests.plugins.inspector_http.configurations.inspection import Results, judge, observe
from tests.plugins.inspector_http.configurations.model import Configuration, configurations
from tests.plugins.inspector_http.configurations.servers import serving
from tests.plugins.inspector_http.webservers import root
from tests.plugins.inspector_services.servers import own_address

NAME = "chromium"
EXPLANATIONS = Path(__file__).with_name("browser.yaml")
BEGIN, END = "<!-- browser: written by make agreement-browser -->\n", "<!-- end of browser -->\n"
#: How many browsers share the configurations.
_AT_ONCE = 3
#: Longer than this Chromium keeps no cookie.
_LONGEST_DAYS = 400
_OPEN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_SCRIPT = {"Content-Type": "text/javascript", **_OPEN}
#: Scripts of others: a stranger's, and one of a host where everybody may publish.
_FOREIGN = ("https://khac.test/a.js", "https://cdn.jsdelivr.net/npm/a.js")
_HTML = {"Content-Type": "text/html"}


def served(every: tuple[Configuration, ...]) -> dict[str, tuple[dict[str, str], str]]:
    """Pages and scripts of other sites, which the browser gets from here: among them one that frames each page."""
    pages = dict.fromkeys(_FOREIGN, (_SCRIPT, "self.ran = true"))
    pages["https://khac.test/b"] = ({"Content-Type": "text/plain", **_OPEN}, "b")
    for scheme in ("http", "https"):
        pages[f"{scheme}://khac.test/"] = (_HTML, "<!doctype html><p>other</p>")
        pages[f"{scheme}://khac.test/null"] = ({**_HTML, "Content-Security-Policy": "sandbox allow-scripts"}, "<p>")
    for each in every:
        pages[_framing(each)] = (_HTML, f'<!doctype html><iframe src="{each.url}"></iframe>')
    return pages


def _framing(configuration: Configuration) -> str:
    return f"{configuration.entry.scheme}://khac.test/frame/{configuration.port}"


# --- what the browser does -------------------------------------------------------------------------------------------

#: Adds a script to the page as one who injects it; whether it ran. Trusted Types are no hindrance that a policy for
#: scripts is: a value of the page's own policy passes them.
_INJECTED = """
(async () => {
  let trusted = {createScript: text => text, createScriptURL: url => url};
  try { trusted = trustedTypes.createPolicy('p' + Math.random(), trusted) } catch (error) {}
  delete self.ran;
  const script = document.createElement('script');
  const done = new Promise(resolve => { script.onload = script.onerror = resolve });
  if (%(url)s) script.src = trusted.createScriptURL(%(url)s);
  else script.text = trusted.createScript('self.ran = true');
  document.documentElement.append(script);
  if (%(url)s) await done;
  return self.ran === true;
})()
"""
_EVAL = """
(() => {
  let trusted = {createScript: text => text};
  try { trusted = trustedTypes.createPolicy('p' + Math.random(), trusted) } catch (error) {}
  try { return eval(trusted.createScript('1 + 1')) === 2 } catch (error) { return false }
})()
"""
#: Whether a page runs as a script of itself, which its type forbids with nosniff.
_SNIFFED = """
new Promise(resolve => {
  const script = document.createElement('script');
  script.onload = () => resolve(true);
  script.onerror = () => resolve(false);
  script.src = location.pathname + '?again';
  document.documentElement.append(script);
})
"""
_READ = "fetch('%s', {credentials: '%s'}).then(() => true, () => false)"


def _runs_scripts_of_others(page: Tab) -> bool:
    urls = ("null", "'data:text/javascript,self.ran = true'", *(f"'{url}'" for url in _FOREIGN))
    return any(page.ask(_INJECTED % {"url": url}) is True for url in urls) or page.ask(_EVAL) is True


def _cookies(page: Tab) -> tuple[str, ...]:
    """Each cookie that the browser keeps with its attributes."""
    kept = page.browser.call("Storage.getCookies", browserContextId=page.context)["cookies"]
    now = time.time()
    return tuple(
        sorted(
            _cookie(
                each["name"],
                domain=each["domain"].removeprefix(".") if each["domain"].startswith(".") else "",
                days=None if each["session"] else round((each["expires"] - now) / 86400),
                flags={
                    "Secure": each["secure"],
                    "HttpOnly": each["httpOnly"],
                    f"SameSite={each.get('sameSite', '-')}": True,
                    "Partitioned": "partitionKey" in each,
                },
            )
            for each in kept
        )
    )


def _cookie(name: str, *, domain: str, days: int | None, flags: Mapping[str, bool]) -> str:
    parts = [name or "(no name)", *(flag for flag, is_set in flags.items() if is_set)]
    parts += [f"Domain={domain}"] if domain else []
    return "; ".join([*parts, *([f"{min(days, _LONGEST_DAYS)} d"] if days is not None else [])])


def _notes_hsts(page: Tab, configuration: Configuration) -> bool:
    """Whether a later request over plain HTTP goes out over HTTPS."""
    page.open(f"http://web.test:{configuration.port}/")
    answers = (
        each["redirectResponse"] for each in page.seen("Network.requestWillBeSent") if "redirectResponse" in each
    )
    return any(each["headers"].get("Non-Authoritative-Reason") == "HSTS" for each in answers)


def _is_framed(page: Tab, configuration: Configuration) -> bool:
    page.open(_framing(configuration))
    (child,) = page.call("Page.getFrameTree")["frameTree"]["childFrames"]
    return "unreachableUrl" not in child["frame"]


def _readable(page: Tab, configuration: Configuration, path: str) -> str:
    """Whether a page of another site reads the page, and whether it does with cookies."""
    page.open(f"{configuration.entry.scheme}://khac.test/{path}")
    if page.ask(_READ % (configuration.url, "include")):
        return Sharing.CREDENTIALS
    return Sharing.EVERYONE if page.ask(_READ % (configuration.url, "omit")) else Sharing.NONE


def _referrer_policy(page: Tab) -> str:
    page.browser.events.clear()
    page.ask("fetch('https://khac.test/b').then(() => 1, () => 0)")
    sent = page.seen("Network.requestWillBeSent")
    return str(next(each["request"]["referrerPolicy"] for each in sent if each["request"]["url"].endswith("/b")))


def _has_mixed_content(page: Tab) -> bool:
    return any(each["issue"]["code"] == "MixedContentIssue" for each in page.seen("Audits.issueAdded"))


# --- what the product finds ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What the product finds on one configuration."""

    results: Results
    verdicts: Mapping[str, Verdict]

    @property
    def http(self) -> Http:
        """Its observation of the page."""
        seen = self.results[Http].observation
        assert isinstance(seen, Http)
        return seen

    def passes(self, *checks: str) -> bool | None:
        """Whether the checks pass; None where one of them says nothing, and none fails."""
        outcomes = {self.verdicts[each].outcome for each in checks if each in self.verdicts}
        if Outcome.FAIL in outcomes:
            return False
        return True if outcomes == {Outcome.PASS} else None

    @property
    def is_page(self) -> bool:
        """Whether there is an HTML page that was seen, rather than what came in its place."""
        http = self.http
        return (
            http.headers.is_seen
            and http.instead is None
            and http.is_html
            and self.verdicts["csp-set"].outcome
            in (
                Outcome.PASS,
                Outcome.FAIL,
            )
        )

    def cookies(self) -> tuple[str, ...]:
        """As ``_cookies`` has them."""
        return tuple(
            sorted(
                _cookie(
                    each.name,
                    domain=each.reach.domain,
                    days=None if each.reach.seconds is None else round(each.reach.seconds / 86400),
                    flags={
                        "Secure": each.secure,
                        "HttpOnly": each.http_only,
                        f"SameSite={each.same_site.capitalize() if each.same_site else '-'}": True,
                        "Partitioned": each.reach.is_partitioned,
                    },
                )
                for each in self.http.all_cookies
                if each.is_stored and each.reach is not None
            )
        )

    def hsts(self) -> bool:
        """Whether a browser that trusts the certificate notes HSTS for some time."""
        values = [each.value for each in self.http.all_headers if each.name == HSTS]
        certificate = self.http.certificate
        return bool(values and hsts_max_age(values[0])) and certificate.is_seen and certificate.seen is None

    def isolated(self) -> bool:
        """Whether a page is isolated from all other sites."""
        opener, embedder = (
            item_token(self.http.field(f"cross-origin-{each}-policy")) for each in ("opener", "embedder")
        )
        return opener == "same-origin" and embedder in ("require-corp", "credentialless")

    def referrer_policy(self) -> str:
        """The policy in force, which without one is that of the browser."""
        known = [each for each in elements(self.http.field("referrer-policy")) if each in WHOLE_URL | ORIGIN | NOTHING]
        return known[-1] if known else "strict-origin-when-cross-origin"

    def shared(self, attribute: str) -> str | None:
        """What pages of other sites may read; None where it was not seen."""
        seen = self.results[CrossOrigin].observation
        return getattr(seen, attribute).seen if seen is not None else None


def compare(page: Tab, configuration: Configuration, found: Found) -> Iterator[tuple[str, object, object]]:
    """Each fact with what the product finds and what Chromium does."""
    is_encrypted = configuration.entry.scheme == "https"
    error = page.open(configuration.url)
    yield "cookies", found.cookies(), _cookies(page)
    if found.is_page and not error:
        yield "scripts-of-others", not found.passes("csp-set", "csp-restricts-scripts"), _runs_scripts_of_others(page)
        if is_encrypted:
            yield "mixed-content", found.passes("no-mixed-content") is False, _has_mixed_content(page)
            yield "isolated", found.isolated(), page.ask("self.crossOriginIsolated")
        page.call("Page.setBypassCSP", enabled=True)
        page.open(configuration.url)
        yield "nosniff", found.passes("content-type-nosniff"), not page.ask(_SNIFFED)
        yield "referrer-policy", found.referrer_policy(), _referrer_policy(page)
        page.call("Page.setBypassCSP", enabled=False)
        yield "framed", found.passes("framing-restricted") is False, _is_framed(page, configuration)
        for fact, attribute, path in (("read", "foreign", ""), ("read-as-null", "without_origin", "null")):
            if (shared := found.shared(attribute)) is not None:
                yield fact, shared, _readable(page, configuration, path)
    if is_encrypted:
        yield "hsts", found.hsts(), _notes_hsts(page, configuration)


def compared(is_wanted: Callable[[Configuration], bool] = lambda _: True) -> list[Compared]:
    """All facts of the configurations; raises Missing where there is no Chromium."""
    every = tuple(each for each in configurations() if is_wanted(each))
    address = own_address()
    with serving(every, address):
        observed = observe(every, address)
        found = {each.id: Found(observed[each.id], judge(each, observed[each.id])) for each in every}
        pages = served(every)

        def share(number: int) -> list[Compared]:
            with chromium(address, root(), pages) as browser:
                return [one for each in every[number::_AT_ONCE] for one in _compared(browser, each, found[each.id])]

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return [one for facts in pool.map(share, range(_AT_ONCE)) for one in facts]


def _compared(browser: Chromium, configuration: Configuration, found: Found) -> list[Compared]:
    with tab(browser) as page:
        return [
            Compared(configuration.id, fact, ours, (theirs,))
            for fact, ours, theirs in compare(page, configuration, found)
        ]


def main() -> int:
    """Print the table; 1 when something is not explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.agreement.browser", description=__doc__)
    parser.add_argument("--only", default="", help="configurations whose name holds this")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    wanted = parser.parse_args()
    began = time.monotonic()
    found = compared(lambda each: wanted.only in each.id)
    names = {each.name for each in found}
    explained = [each for each in explanations(EXPLANATIONS) if names.issuperset(each.names)]
    wrong = faults(NAME, found, explained)
    by_fact = {
        fact: [each for each in found if each.fact == fact] for fact in dict.fromkeys(each.fact for each in found)
    }
    lines = [f"| {fact} | {len(each)} | {sum(one.agrees for one in each)} |" for fact, each in by_fact.items()]
    text = "\n".join(
        ["| fact | compared | agree |", "| --- | --- | --- |", *lines, "", table({NAME: found}, explained)]
    )
    summary = f"{len(names)} configurations, {len(found)} facts, {len(wrong)} faults, {time.monotonic() - began:.0f} s"
    sys.stdout.writelines(f"{line}\n" for line in (text, *wrong, summary))
    if wanted.write and not wanted.only:
        write(text, BEGIN, END)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
