"""The observation of the HTTP probe."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from inspector import (
    Answer,
    Cause,
    CertificateFlaw,
    Instant,
    Model,
    Observation,
    Verdict,
    inconclusive,
    is_address,
)
from inspector_http.headers import shorten


class Part(StrEnum):
    """The parts of the observation that need more than the requests for the page.

    ``certificate``: whether clients accept it. ``http/1.1``: the page over HTTP/1.1, where it came over HTTP/2.
    ``error-page``: the reply for a path that cannot exist.
    """

    CERTIFICATE = "certificate"
    HTTP1 = "http/1.1"
    ERROR_PAGE = "error-page"


class WebProtocol(StrEnum):
    """The protocol by which a port answers a web client. ``none``: it refuses connections."""

    HTTPS = "https"
    HTTP = "http"
    NONE = "none"


class Header(Model):
    """One header field: lower-case name, value as printable text (anything else escaped)."""

    name: str
    value: str


class CookieReach(Model):
    """Where and how long a browser sends a cookie.

    ``domain`` is set where hosts below it receive the cookie, too; ``seconds`` is how long it lives from its reply on,
    None where it ends with the browser's session. ``is_refused``: its name promises by a prefix what its attributes do
    not keep, so that browsers do not store it (RFC 6265bis §4.1.3).
    """

    domain: str = ""
    seconds: int | None = None
    is_partitioned: bool = False
    is_refused: bool = False


class Cookie(Model):
    """A cookie by name and attributes; its value is never recorded. ``same_site`` is in lower case.

    ``reach`` is None in observations of earlier versions, which did not read it.
    """

    name: str
    secure: bool
    http_only: bool
    same_site: str | None = None
    reach: CookieReach | None = None

    @property
    def label(self) -> str:
        """Its name for a message, ``""`` where it has none."""
        return shorten(self.name, 60) or '""'

    @property
    def is_stored(self) -> bool:
        """Whether browsers store it."""
        return self.reach is None or not self.reach.is_refused


class Redirect(Model):
    """The target of a redirect: an absolute URL without its query, its scheme and its host."""

    url: str
    scheme: str
    host: str


class Use(StrEnum):
    """What a page does with a URL that it names: which part of it that is.

    ``other``: a part that browsers never load over plain HTTP, as images of ``srcset``, fonts and subtitles; ``css``:
    in a style sheet in the page, where nearly always images stand.
    """

    SCRIPT = "script"
    STYLE = "style"
    FRAME = "frame"
    OBJECT = "object"
    IMAGE = "image"
    MEDIA = "media"
    CSS = "css"
    CSS_IMPORT = "css-import"
    OTHER = "other"
    FORM = "form"


class Reference(Model):
    """A URL that a page names, without its query, of another service than the page's own.

    ``integrity`` are the hash algorithms of its integrity metadata that browsers know, None where the element has no
    such attribute; ``cors``: it is requested with CORS.
    """

    use: Use
    url: str
    integrity: tuple[str, ...] | None = None
    cors: bool = False

    @property
    def host(self) -> str:
        """The host of the URL, without its port."""
        authority = self.url.partition("://")[2].partition("/")[0]
        return authority.partition("]")[0] + "]" if authority.startswith("[") else authority.partition(":")[0]

    @property
    def is_clear(self) -> bool:
        """Whether the URL is of plain HTTP, and not of the visitor's own machine."""
        return self.url.startswith("http://") and not is_local(self.host)


def is_local(host: str) -> bool:
    """Whether a host is the visitor's own machine, which browsers trust without encryption (Secure Contexts §3.1)."""
    return host == "localhost" or host.endswith(".localhost") or host == "[::1]" or host.startswith("127.")


class Library(Model):
    """A JavaScript library by the name that tables have, and its version."""

    name: str
    version: str


class Page(Model):
    """What the HTML of a reply names and shows; of a reply in plain text the ``marks`` alone.

    ``is_whole``: all of it was read, and every reference kept. ``logins`` are the URLs to which forms with a password
    are sent, without queries. ``charsets`` are the encodings that the page itself declares: its byte order mark, then
    its first ``meta``. ``marks`` are the products whose default page, listing or error page it is, as
    ``listing:nginx``. ``has_secret``: it holds a value that nobody else must guess, as those against forged requests;
    ``has_scripts``: it has a script of any kind that browsers run.
    ``own_domain`` is the registrable domain of the page's host, or its address.
    """

    is_whole: bool
    own_domain: str = ""
    references: tuple[Reference, ...] = ()
    logins: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()
    charsets: tuple[str, ...] = ()
    libraries: tuple[Library, ...] = ()
    marks: tuple[str, ...] = ()
    incident_addresses: tuple[str, ...] = ()
    has_secret: bool = False
    has_scripts: bool = False

    def is_foreign(self, host: str) -> bool:
        """Whether a host is outside of the page's own registrable domain."""
        return host != self.own_domain and not host.endswith(f".{self.own_domain}")


class InsteadKind(StrEnum):
    """What came in place of a page.

    ``log-in``: a demand for one by HTTP's own means. ``identity-provider``: a redirect to where one logs in.
    ``challenge``: a page by which browsers prove themselves. ``firewall``: the page of a web application firewall.
    ``network``: a demand for a log-in by a network on the way. ``error``: any other error.
    """

    CLIENT_CERTIFICATE = "client-certificate"
    LOG_IN = "log-in"
    IDENTITY_PROVIDER = "identity-provider"
    CHALLENGE = "challenge"
    FIREWALL = "firewall"
    NETWORK = "network"
    MAINTENANCE = "maintenance"
    UNAVAILABLE = "unavailable"
    RATE_LIMIT = "rate-limit"
    REJECTED = "rejected"
    ERROR = "error"


class Instead(Model):
    """What came in place of a page: its kind, and the product, service or status by which it is known.

    A demand for a certificate of the client is known by itself.
    """

    kind: InsteadKind
    by: str = ""


class ErrorPage(Model):
    """The reply for a path that cannot exist: its status, header fields that name products, and marks in its text.

    ``is_read`` is False where it is neither HTML nor text, so that nothing is known of its text. ``rejected`` is why
    the reply is not about the path: a demand for a log-in, a firewall or a limit stands before it.
    """

    status: int
    products: tuple[Header, ...]
    marks: tuple[str, ...] = ()
    is_read: bool = True
    rejected: Cause | None = None


class Http(Observation):
    """How one URL answers a plain GET at one address.

    Redirects within the same scheme, host and port were followed (``followed``, in order, without queries: the last one
    is the page that the facts are about). ``cookies`` are those of all replies, everything else that of the last reply.
    Behind an error, a block page or a rate limit, the facts of the page itself are unseen: ``received_headers`` and
    ``received_cookies`` are those of the replies that came instead. What they hold is a fact about the service; what
    they lack says nothing about the page. ``page`` is what its HTML names, and ``received_page`` likewise what came
    instead. ``redirect`` is None in a reply that does not redirect; with ``leads_outside`` its host was not declared at
    the time, and nothing there was scanned. The size and digest of the body are in the raw exchanges only: no check
    reads them. ``meta_policies`` are the content security policies in the head of the page. ``certificate`` is why
    clients reject the port's certificate, None where they do not; it is verified only where what clients do with a
    header depends on it. ``version`` is that of the last reply, as ``HTTP/2``; ``http1_fields`` are the names of the
    header fields of the same page over HTTP/1.1, sorted, None where the server did not choose HTTP/2, or speaks that
    alone, and unseen where it chose HTTP/2 and did not answer in it. ``instead`` is what came in place of the page,
    where that is known. ``error_page`` is the reply for a path that cannot exist.
    """

    kind: ClassVar[str] = "http/1"

    url: str
    scheme: str
    host: str
    protocol: Answer[WebProtocol]
    followed: tuple[str, ...] = ()
    status: Answer[int]
    redirect: Answer[Redirect | None]
    leads_outside: bool = False
    headers: Answer[tuple[Header, ...]]
    cookies: Answer[tuple[Cookie, ...]]
    meta_policies: Answer[tuple[str, ...]] = Answer(unseen=Cause.NOT_SELECTED)
    received_headers: tuple[Header, ...] = ()
    received_cookies: tuple[Cookie, ...] = ()
    certificate: Answer[CertificateFlaw | None] = Answer(unseen=Cause.NOT_SELECTED)
    page: Answer[Page] = Answer(unseen=Cause.NOT_SELECTED)
    received_page: Page | None = None
    version: str = ""
    http1_fields: Answer[tuple[str, ...] | None] = Answer(unseen=Cause.NOT_SELECTED)
    instead: Instead | None = None
    error_page: Answer[ErrorPage] = Answer(unseen=Cause.NOT_SELECTED)

    @property
    def alternative_services(self) -> tuple[str, ...]:
        """The values of Alt-Svc (RFC 7838 §3), by which a service says that it is to be had over HTTP/3, too."""
        return tuple(each.value for each in self.all_headers if each.name == "alt-svc")

    def explain(self, cause: Cause) -> Verdict | None:
        """What came in place of the page, where that is why something was not seen."""
        came = self.instead
        if came is None or cause is not (self.headers.unseen or Cause.OUT_OF_SCOPE):
            return None
        if not came.by:
            return inconclusive(_INSTEAD[came.kind], cause=cause)
        return inconclusive(_INSTEAD[came.kind], measured=came.by, cause=cause)

    @property
    def any_page(self) -> Page | None:
        """The page, or the one that came instead; None where neither was read; never raises."""
        return self.received_page if self.page.seen is None else self.page.seen

    @property
    def page_fact(self) -> str:
        """The pointer to the fact that ``any_page`` gives."""
        return "/page" if self.page.is_seen else "/received_page"

    @property
    def all_headers(self) -> tuple[Header, ...]:
        """The header fields of the page, or of the last reply that came instead; never raises."""
        return self.received_headers if self.headers.seen is None else self.headers.seen

    @property
    def all_cookies(self) -> tuple[Cookie, ...]:
        """The cookies of the page, or of the replies that came instead; never raises."""
        return self.received_cookies if self.cookies.seen is None else self.cookies.seen

    @property
    def headers_fact(self) -> str:
        """The pointer to the fact that ``all_headers`` gives."""
        return "/headers" if self.headers.is_seen else "/received_headers"

    @property
    def cookies_fact(self) -> str:
        """The pointer to the fact that ``all_cookies`` gives."""
        return "/cookies" if self.cookies.is_seen else "/received_cookies"

    def require_page(self) -> None:
        """Raise ``NotSeen`` unless the last reply is that of the page itself, so that what it lacks is absent."""
        _ = self.headers.value

    def field(self, name: str) -> tuple[str, ...]:
        """The values of all header fields of this name, in order; raises ``NotSeen`` when the headers were not seen."""
        return tuple(header.value for header in self.headers.value if header.name == name)

    @property
    def is_address(self) -> bool:
        """Whether the URL names an IP address instead of a host."""
        return is_address(self.host)

    @property
    def is_closed(self) -> bool:
        """Whether a port for plain HTTP refuses connections, which is no failure; raises ``NotSeen``."""
        return self.scheme == "http" and self.protocol.value is WebProtocol.NONE

    @property
    def is_html(self) -> bool:
        """Whether the reply is HTML, or has no content type, so that browsers guess it; raises ``NotSeen``."""
        return self._media_type in ("", "text/html", "application/xhtml+xml")

    @property
    def is_plain_text(self) -> bool:
        """Whether the reply is plain text; raises ``NotSeen``."""
        return self._media_type == "text/plain"

    @property
    def _media_type(self) -> str:
        types = self.field("content-type")
        return types[-1].split(";")[0].strip().lower() if types else ""


#: What verdicts say of what came in place of a page; ``measured`` is by what it is known.
_INSTEAD = {
    InsteadKind.CLIENT_CERTIFICATE: "the server demands a certificate of the client, which an inspection does not have",
    InsteadKind.LOG_IN: "the server demands a log-in ({measured}); what is behind it was not seen",
    InsteadKind.IDENTITY_PROVIDER: "redirects to {measured} for a log-in; what is behind it was not seen",
    InsteadKind.CHALLENGE: "a challenge for browsers came in place of the page ({measured})",
    InsteadKind.FIREWALL: "a web application firewall rejected the request ({measured})",
    InsteadKind.NETWORK: "a network on the way demands a log-in ({measured})",
    InsteadKind.MAINTENANCE: "a page that the site is under maintenance came in place of the page ({measured})",
    InsteadKind.UNAVAILABLE: "the server says that it is unavailable for now ({measured})",
    InsteadKind.RATE_LIMIT: "the server asks for fewer requests ({measured})",
    InsteadKind.REJECTED: "the server, or a firewall before it, rejected the request ({measured})",
    InsteadKind.ERROR: "an error came in place of the page ({measured})",
}


class Sharing(StrEnum):
    """With which origins a reply may be shared (Fetch, CORS protocol), as it answers one that it cannot know.

    ``none``: with none, or others alone. ``everyone``: with any page, without the visitor's cookies. ``credentials``:
    with the page that asked, and with the visitor's cookies.
    """

    NONE = "none"
    EVERYONE = "everyone"
    CREDENTIALS = "credentials"


class CrossOrigin(Observation):
    """How a page answers requests of other origins: of ``https://inspector.invalid``, and of ``null``, a preflight.

    ``page`` is the URL that was asked. ``methods`` are those in ``Allow`` of the reply to the preflight, in upper case;
    None where it has no such field.
    """

    kind: ClassVar[str] = "cross-origin/1"

    url: str
    page: str
    foreign: Answer[Sharing]
    without_origin: Answer[Sharing]
    methods: Answer[tuple[str, ...] | None]


class PathAnswer(Model):
    """Whether a service gives away what a path stands for; ``status`` is that of the last reply, None without one."""

    path: str
    status: int | None = None
    is_exposed: Answer[bool]


class Exposure(Observation):
    """Which paths that nobody outside should see one service answers, and whether it echoes requests (TRACE).

    ``missing`` is the status for a path that cannot exist.
    """

    kind: ClassVar[str] = "exposure/1"

    url: str
    missing: Answer[int]
    paths: tuple[PathAnswer, ...]
    trace: Answer[bool]


class SecurityFile(Model):
    """What a file ``security.txt`` says (RFC 9116): the values of each field as printable text, in order.

    ``is_utf8``: all that was read of it is UTF-8. ``is_signed``: it is in the armour of a cleartext signature, which
    nobody verified; ``is_cut_off``: a part of that armour is missing. ``contacts_usable`` are contacts that a program
    can open. ``ends`` is when it expires, None where that stands not once, or not in the form of RFC 3339.
    ``names_itself``: its own URL is among the canonical ones, or it names none.
    """

    media_type: str
    is_utf8: bool = True
    is_signed: bool = False
    is_cut_off: bool = False
    contacts: tuple[str, ...] = ()
    contacts_usable: tuple[str, ...] = ()
    expires: tuple[str, ...] = ()
    ends: Instant | None = None
    canonical_urls: tuple[str, ...] = ()
    names_itself: bool = True
    preferred_languages: tuple[str, ...] = ()
    encryption: tuple[str, ...] = ()
    acknowledgments: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()
    hiring: tuple[str, ...] = ()

    def is_valid_at(self, at: datetime) -> bool:
        """Whether programs can read it, and it names a contact and itself, and has not expired."""
        return (
            self.media_type == "text/plain"
            and self.is_utf8
            and not self.is_cut_off
            and bool(self.contacts_usable)
            and self.names_itself
            and self.ends is not None
            and self.ends > at
        )


class SecurityTxt(Observation):
    """The file ``security.txt`` of one HTTPS service at one address, at the instant ``seen_at``.

    ``file`` is None where the service has none, also where it answers every path with a page of its own. ``leads_to``
    is the other service to which its URL redirects, without a query: nothing there was requested.
    """

    kind: ClassVar[str] = "security-txt/1"

    url: str
    seen_at: Instant
    file: Answer[SecurityFile | None]
    leads_to: str = ""
