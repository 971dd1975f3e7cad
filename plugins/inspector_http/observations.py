"""What the HTTP probe writes down."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Model, Observation
from inspector.model.subject import is_address


class Speech(StrEnum):
    """What a port speaks to a web client. ``nothing``: it refuses connections."""

    HTTPS = "https"
    HTTP = "http"
    NOTHING = "nothing"


class Header(Model):
    """One header field: lower-case name, value as printable text (anything else escaped)."""

    name: str
    value: str


class Cookie(Model):
    """A cookie that is set, by name and attributes; its value is never kept. ``same_site`` in lower case."""

    name: str
    secure: bool
    http_only: bool
    same_site: str | None = None


class Redirect(Model):
    """Where a reply sends the client: absolute URL without its query, and the parts that matter."""

    url: str
    scheme: str
    host: str


class Body(Model):
    """The beginning of a body, as transferred: ``size`` bytes of it were read; all of it if ``complete``."""

    size: int
    sha256: str
    complete: bool


class Http(Observation):
    """How one URL answers a plain GET at one address.

    Redirects within the same scheme, host and port were followed (``followed``, in order, without queries); the facts
    are those of the last reply, ``cookies`` those of all. Behind an error, a block page or a rate limit, what the page
    itself would say is unseen. ``redirect`` is None in a reply that sends the client nowhere.
    """

    kind: ClassVar[str] = "http/1"

    url: str
    scheme: str
    host: str
    speaks: Answer[Speech]
    followed: tuple[str, ...] = ()
    status: Answer[int]
    redirect: Answer[Redirect | None]
    headers: Answer[tuple[Header, ...]]
    cookies: Answer[tuple[Cookie, ...]]
    body: Answer[Body]

    def field(self, name: str) -> tuple[str, ...]:
        """The values of all header fields of this name, in order; raises ``NotSeen`` when the headers were not seen."""
        return tuple(header.value for header in self.headers.value if header.name == name)

    @property
    def is_address(self) -> bool:
        """Whether the URL names an IP address instead of a host."""
        return is_address(self.host)

    @property
    def is_shut(self) -> bool:
        """Whether a port for HTTP in clear refuses connections, as it well may; raises ``NotSeen``."""
        return self.scheme == "http" and self.speaks.value is Speech.NOTHING

    @property
    def is_page(self) -> bool:
        """Whether the reply is HTML, or of no declared type and so guessed; raises ``NotSeen``."""
        types = self.field("content-type")
        return not types or types[-1].split(";")[0].strip().lower() in ("", "text/html", "application/xhtml+xml")
