"""Configurations of web servers with the defects that were planted in them: ``*.yaml`` beside this file.

Each entry is a site with every security header that is in use, changed as the entry says::

    - name: hsts-short
      servers: [nginx, apache, lighttpd, asgi]     # a configuration of its own on each; default: nginx
      headers: {Strict-Transport-Security: max-age=300}
      defects: [hsts-set]

``headers`` has header fields in place of those of the good site: a value, a list of values, or null for none; the text
``{origin}`` in a value stands for the ``Origin`` of the request. ``cookies`` are values of Set-Cookie. ``status``,
``type`` (null: no Content-Type; asgi alone) and ``body`` are of the page, ``redirect`` makes it a redirect, in which
``{self}`` stands for the host and port of this site. ``paths`` has further paths by the same keys, without the headers
of the good site; others are 404 (asgi: as the path ``*`` says), and null is none where the good site has one
(``/.well-known/security.txt``). ``raw`` is the whole reply to every request (server ``raw``). ``scheme`` is https or
http; ``certificate`` one of the names in ``webservers.make_certificates``; ``declared`` further endpoints of the
system; ``extra`` lines of the server's own configuration; ``granted`` lets intrusive questions be asked. ``http2``
offers HTTP/2, too (nginx, apache). With ``other_site`` clients that do not send the name of this site get another at
the same port (nginx): a page without headers, under a certificate for another name.

``defects`` are the checks that fail, ``open`` those that are inconclusive, by id with the cause: all and only those.
What needs a grant that the entry does not give is left out. In ``open`` null takes back what ``UNDECIDED`` says, and
``rest`` stands for all that are not named, of which there is one at least.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

FOLDER = Path(__file__).parent

ServerKind = Literal["nginx", "apache", "lighttpd", "asgi", "raw"]
#: The header fields of a good site.
GOOD: dict[str, str] = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: The checks that no site decides which does not tell its version, and the cause.
UNDECIDED = {"web-no-known-exploited-product": "not-stated", "web-products-supported": "not-stated"}
#: In ``open``: all checks that are inconclusive and not named.
REST = "rest"
PAGE = '<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>Cổng</title></head><body>chào</body></html>'


SECURITY_TXT = "/.well-known/security.txt"


class Reply(BaseModel):
    """What a site answers to one path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    headers: dict[str, str | list[str] | None] = {}
    cookies: tuple[str, ...] = ()
    status: int = 200
    type: str | None = "text/html; charset=utf-8"
    body: str = PAGE
    redirect: str = ""

    def fields(self, port: int) -> list[tuple[str, str]]:
        """All header fields in order, without Content-Type."""
        found = [(name, each) for name, value in self.headers.items() for each in _values(value)]
        found += [("Set-Cookie", each) for each in self.cookies]
        if self.redirect:
            found.append(("Location", self.redirect.replace("{self}", f"web.test:{port}")))
        return found

    @property
    def code(self) -> int:
        """The status, which of a redirect is 301 unless the entry says otherwise."""
        return 301 if self.redirect and self.status == 200 else self.status


def _values(value: str | list[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


class Entry(Reply):
    """One entry of a file."""

    name: str
    servers: tuple[ServerKind, ...] = ("nginx",)
    scheme: Literal["https", "http"] = "https"
    certificate: str = ""
    paths: dict[str, Reply | None] = {}
    raw: str = ""
    extra: str = ""
    declared: tuple[str, ...] = ()
    granted: bool = False
    http2: bool = False
    other_site: bool = False
    defects: frozenset[str] = frozenset()
    open: dict[str, str | None] = Field(default_factory=dict)

    def explains(self, unclear: dict[str, str]) -> bool:
        """Whether exactly these checks may be inconclusive, by id with the cause."""
        if not self.granted:
            unclear = {name: cause for name, cause in unclear.items() if cause != "not-authorised"}
        usual = {name: cause for name, cause in UNDECIDED.items() if name not in self.defects and REST not in self.open}
        named = {**usual, **self.open}
        expected = {name: cause for name, cause in named.items() if cause is not None and name != REST}
        rest = {cause for name, cause in unclear.items() if name not in expected}
        is_rest = rest == {self.open[REST]} if REST in self.open else not rest
        return is_rest and expected.items() <= unclear.items()

    def replies(self) -> dict[str, Reply]:
        """The replies by path, with the headers of the good site on ``/``."""
        page = Reply(
            headers={**GOOD, **self.headers},
            **{name: getattr(self, name) for name in Reply.model_fields if name != "headers"},
        )
        paths = {SECURITY_TXT: _security_txt(), **self.paths}
        return {"/": page, **{path: reply for path, reply in paths.items() if reply is not None}}


def _security_txt() -> Reply:
    expires = datetime.now(UTC) + timedelta(days=180)
    body = f"Contact: mailto:ung-cuu@web.test\nExpires: {expires:%Y-%m-%dT%H:%M:%SZ}\n"
    return Reply(type="text/plain; charset=utf-8", body=body)


class Configuration(BaseModel):
    """An entry on one server, at a port of its own."""

    model_config = ConfigDict(frozen=True)

    entry: Entry
    server: ServerKind
    port: int

    @property
    def id(self) -> str:
        """``entry-server``."""
        return f"{self.entry.name}-{self.server}"

    @property
    def url(self) -> str:
        """The URL of its page."""
        return f"{self.entry.scheme}://web.test:{self.port}/"


def configurations() -> tuple[Configuration, ...]:
    """All of them, in the order of the files."""
    return tuple(
        Configuration(entry=entry, server=server, port=20000 + number)
        for number, (entry, server) in enumerate((entry, server) for entry in _entries() for server in entry.servers)
    )


def _entries() -> Iterator[Entry]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for entry in YAML(typ="safe").load(path.read_text("utf-8")):
            yield Entry.model_validate(entry)
