"""Exchanges as they are recorded: received bytes, with every secret replaced before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from email.utils import format_datetime
from functools import lru_cache
from http.client import responses
from urllib.parse import unquote_to_bytes

from inspector import Answer, Cause, CertificateFlaw, Model, masked
from inspector_http.cookies import canonical_domain, cookie_date
from inspector_http.csp import BYPASSES
from inspector_http.observations import Page
from inspector_http.urls import location, uri_of

#: Any status that redirects.
FOUND = 302

#: Fields that name products: their versions are kept.
PRODUCTS = frozenset({b"server", b"x-powered-by", b"x-aspnet-version", b"x-aspnetmvc-version", b"x-generator"})
#: Fields with words of a standard, which checks read or may come to read; other words in them are replaced.
VOCABULARY = frozenset(
    b"""
    strict-transport-security content-security-policy content-security-policy-report-only x-frame-options
    x-content-type-options referrer-policy content-type permissions-policy cross-origin-opener-policy
    cross-origin-embedder-policy cross-origin-resource-policy cache-control pragma x-xss-protection content-length
    content-encoding transfer-encoding connection vary accept-ranges allow retry-after cf-mitigated x-amzn-waf-action
    alt-svc access-control-allow-origin access-control-allow-credentials access-control-allow-methods
    """.split()
)
_WORDS = frozenset(
    b"""
    max age includesubdomains preload deny sameorigin allowall allow from nosniff no referrer when downgrade unsafe
    url origin cross strict same self none src frame ancestors default script style img font connect media object
    child worker manifest form action base uri report to upgrade insecure requests block all mixed content sandbox
    data blob http https ws wss inline eval dynamic hashes plugin types trusted text html plain application json xml
    xhtml javascript css image png jpeg gif svg webp octet stream charset utf iso ascii windows store cache private
    public must revalidate proxy s maxage immutable transform stale while if error require corp credentialless
    popups site camera geolocation microphone payment usb fullscreen accelerometer gyroscope magnetometer midi
    interest cohort mode gzip deflate br identity chunked close keep alive accept encoding cookie language user
    agent bytes get head post put delete options patch trace challenge captcha only scripts forms modals
    presentation top navigation nonce sha256 sha384 sha512 elem attr wasm sample require for
    noopener true null inspector invalid track connect propfind proppatch mkcol copy move lock unlock
    h2 h2c h3 ma persist clear quic
    """.split()
) | {word.encode() for url in BYPASSES for word in re.split(r"[^a-z0-9]+", url)}
_LOCATIONS = frozenset({b"location"})
_DATES = frozenset({b"date", b"expires"})
_COOKIE = frozenset({b"set-cookie", b"set-cookie2"})
_RUN = re.compile(rb"[A-Za-z0-9\x80-\xff]+")
#: Numbers that are kept: no structured field has longer ones (RFC 9651 §3.3.1), and zeros before them hide nothing.
_NUMBER = re.compile(rb"0*\d{1,15}")
_PARAMETERS = re.compile(rb"[?#;].*", re.DOTALL)
#: A Location that is no web URL.
_NO_URL = b"https://["
_SEGMENT = re.compile(rb"[^/]+")
_PARTS = re.compile(r"[^-_.]+")
_NAME_PART = re.compile(r"[A-Za-z]{1,20}|[0-9]{1,2}|p3p", re.IGNORECASE)
#: Characters for which browsers ignore a cookie: the replacement of its value has one, too.
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
#: Cookie values of fewer bytes occur elsewhere by chance.
_LEAST_SECRET_BYTES = 8


@lru_cache(maxsize=256)
def _has_words_alone(name: str) -> bool:
    """Whether nothing in a field's name is replaced."""
    return all(_NAME_PART.fullmatch(part) for part in _PARTS.findall(name))


def is_plain(segment: str) -> bool:
    """Whether a segment of a path is an ordinary word, file name, version or short number, and so no token."""
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        return False
    if re.fullmatch(r"[0-9]{1,4}|v[0-9]{1,2}|\.{1,2}", text):
        return True
    parts = re.split(r"[-_. ]", text)
    words = all(part.isalpha() and (part.islower() or part.istitle()) and len(part) <= 20 for part in parts if part)
    return words and len(parts) <= 8


class Exchange(Model):
    """One request and its reply. The bytes of the head are given as Latin-1 text, so that none is lost.

    ``malformed`` holds field lines that no client can use, each as its fingerprint: nothing shows which part is secret.
    ``body_bytes`` of the body were read, as transferred; all of it if ``body_complete``. ``cause`` and ``detail``
    explain why there is no reply, ``body_cause`` why its body was not read to the bound. ``meta_policies`` are those in
    the head of the page, None where it was not read to its end. ``page`` is what an HTML page names, None where there
    is none, or it cannot be parsed: ``page_cause``. ``http2_failure`` is why a server that chose HTTP/2 was asked over
    HTTP/1.1.
    """

    url: str
    status: int | None = None
    version: str = ""
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    malformed: tuple[str, ...] = ()
    body_bytes: int = 0
    body_sha256: str = ""
    body_complete: bool = False
    body_cause: Cause | None = None
    meta_policies: tuple[str, ...] | None = None
    page: Page | None = None
    page_cause: Cause | None = None
    http2_failure: Cause | None = None
    cause: Cause | None = None
    detail: str = ""


class Exchanges(Model):
    """All exchanges of one scan: along the redirects, and with the same port in the other of HTTP and HTTPS.

    ``certificate`` is why clients reject the port's certificate, None where they do not. ``leads_outside``: the last
    one redirects to a host that is not declared, ``to_log_in``: to where one logs in. ``http1`` is the exchange of the
    last URL over HTTP/1.1, ``missing`` that of a path that cannot exist.
    """

    followed: tuple[Exchange, ...]
    other: Exchange | None = None
    certificate: Answer[CertificateFlaw | None] = Answer(unseen=Cause.NOT_SELECTED)
    leads_outside: bool = False
    to_log_in: bool = False
    http1: Exchange | None = None
    missing: Exchange | None = None


class Redaction:
    """Replaces secrets with their fingerprints: those of cookies also where they occur in later replies."""

    def __init__(self, fingerprint: Callable[[bytes], str]) -> None:
        self._fingerprint = fingerprint
        self._known: dict[bytes, bytes] = {}
        self._replaced: dict[tuple[bytes, bytes], bytes] = {}

    def headers(self, fields: Iterable[tuple[bytes, bytes]], url: str) -> tuple[tuple[str, str], ...]:
        """The header fields of the reply to ``url`` with everything replaced that no check reads, as text."""
        replaced = [(self._name(name), self._value(name.lower(), value, url)) for name, value in fields]
        return tuple((name, self._replace_known(value).decode("latin-1")) for name, value in replaced)

    def lines(self, lines: Iterable[bytes]) -> tuple[str, ...]:
        """The fingerprints of whole lines."""
        return tuple(self._mark(line).decode() for line in lines)

    def policies(self, values: Iterable[str]) -> tuple[str, ...]:
        """Content security policies, given as Latin-1 text, with other words than those of the standard replaced."""
        kept = (self._replace_known(self._words(each.encode("latin-1", "replace"), _WORDS)) for each in values)
        return tuple(each.decode("latin-1") for each in kept)

    def page(self, page: Page) -> Page:
        """What a page names, without the parameters and unusual segments of its URLs, and other words than products."""
        return page.model_copy(
            update={
                "references": tuple(
                    dict.fromkeys(each.model_copy(update={"url": self.url(each.url)}) for each in page.references)
                ),
                "logins": tuple(dict.fromkeys(map(self.url, page.logins))),
                "generators": tuple(
                    masked(each.encode("latin-1", "replace")).decode("latin-1") for each in page.generators
                ),
            }
        )

    def reason(self, status: int, phrase: str) -> str:
        """The reason phrase, where it is the registered one."""
        registered = responses.get(status, "")
        return phrase if phrase.lower() in ("", registered.lower()) else self._mark(phrase.encode()).decode()

    def url(self, url: str) -> str:
        """A URL with its parameters and unusual segments of its path replaced."""
        return self._replace_known(self._url(url.encode())).decode("latin-1")

    def _name(self, name: bytes) -> str:
        """A field's name; parts of it that are no words are replaced."""
        text = name.decode("latin-1")
        if _has_words_alone(text):
            return text
        return _PARTS.sub(
            lambda part: part[0] if _NAME_PART.fullmatch(part[0]) else self._token(part[0].encode()), text
        )

    def _value(self, name: bytes, value: bytes, url: str) -> bytes:
        if name in _COOKIE:
            return self._cookie(value, uri_of(url).host)
        if name in _LOCATIONS:
            return self._location(value, url)
        if name in _DATES:
            return self._date(value)
        found = self._replaced.get((name, value))
        if found is None:
            found = self._replaced[name, value] = self._of_any_reply(name, value)
        return found

    def _of_any_reply(self, name: bytes, value: bytes) -> bytes:
        """The value of a field whose replacement is the same in every reply."""
        if name in PRODUCTS:
            return masked(value)
        return self._words(value, _WORDS) if name in VOCABULARY else self._mark(value)

    def _date(self, value: bytes) -> bytes:
        """A date in its usual form; what is none is replaced, and is none afterwards, either."""
        date = cookie_date(value.decode("latin-1"))
        return self._mark(value) if date is None else format_datetime(date, usegmt=True).encode()

    def _words(self, value: bytes, known: Collection[bytes]) -> bytes:
        """The value with unknown words and long numbers replaced: equal ones by equal ones, others by others.

        Of words that differ in case alone the replacements do, too: one that is not in lower case stays so.
        A word that is no token (RFC 9110 §5.6.2), having a character beyond ASCII, stays none. A number stays one, of
        more digits than are kept, and a word that begins with a digit still begins with one.
        """

        def word(found: re.Match[bytes]) -> bytes:
            run = found.group()
            if run.lower() in known or _NUMBER.fullmatch(run):
                return run
            if run.isdigit():
                return self._long_number(run)
            token = self._token(run.lower()).encode()
            token = token if run == run.lower() else token.capitalize()
            token = b"0" + token if run[:1].isdigit() else token
            return token + (b"" if run.isascii() else b"\xc3\xbf")

        return _RUN.sub(word, value)

    def _cookie(self, value: bytes, host: str) -> bytes:
        pair, *attributes = value.split(b";")
        name, secret = pair.split(b"=", 1) if b"=" in pair else (b"", pair)
        secret = secret.strip()
        mark = self._mark(secret) if secret else b""
        if _CONTROL.search(secret):
            mark += b"\x01"
        if len(secret) >= _LEAST_SECRET_BYTES:
            self._known[secret] = mark
        return b";".join([name + b"=" + mark, *(self._attribute(each, host) for each in attributes)])

    def _attribute(self, attribute: bytes, host: str) -> bytes:
        """An attribute of a cookie, as far as browsers read it (RFC 6265 §5.2)."""
        name, equals, value = attribute.partition(b"=")
        match name.strip(b" \t").lower():
            case b"secure" | b"httponly" | b"partitioned":
                return name
            case b"samesite":
                return name + equals + self._words(value, (b"strict", b"lax", b"none"))
            case b"max-age":
                return name + equals + self._words(value, ())
            case b"expires":
                date = cookie_date(value.decode("latin-1"))
                return name + equals + (b"" if date is None else format_datetime(date, usegmt=True).encode())
            case b"path":
                return name + equals + (self._path(value) if value.strip(b" \t").startswith(b"/") else b"")
            case b"domain":
                written = canonical_domain(value.strip(b" \t").decode("latin-1").removeprefix("."))
                is_own = not value.strip(b" \t") or written == host or host.endswith(f".{written}")
                return attribute if is_own else name + equals + b"other.invalid"
        return self._token(name).encode()

    def _location(self, value: bytes, url: str) -> bytes:
        """Where a reply to ``url`` redirects, as an absolute URL; one that is no web URL is replaced by another."""
        target = location(url, FOUND, [value.decode("latin-1")]).seen
        return _NO_URL if target is None else self._url(target.encode())

    def _url(self, url: bytes) -> bytes:
        """An absolute URL in ASCII with its parameters and unusual segments of its path replaced."""
        parameters = b""
        if found := _PARAMETERS.search(url):
            url, parameters = url[: found.start()], found.group()[:1] + self._mark(found.group()[1:])
        scheme, slashes, rest = url.partition(b"://")
        host, slash, path = rest.partition(b"/")
        return scheme + slashes + host + slash + self._path(path) + parameters

    def _path(self, path: bytes) -> bytes:
        def segment(found: re.Match[bytes]) -> bytes:
            text = found.group().strip(b" \t\r\n")
            return found.group() if is_plain(text.decode("latin-1")) else self._token(text).encode()

        return _SEGMENT.sub(segment, path)

    def _replace_known(self, value: bytes) -> bytes:
        for secret, mark in self._known.items():
            value = value.replace(secret, mark)
        return value

    def _mark(self, secret: bytes) -> bytes:
        """The fingerprint in a form that cannot be taken for a cookie attribute."""
        return self._fingerprint(secret).replace(";", ",").encode()

    def _long_number(self, secret: bytes) -> bytes:
        """A number of 16 digits in place of a longer one."""
        return b"9%015d" % int(self._fingerprint(secret)[-12:], 16)

    def _token(self, secret: bytes) -> str:
        """A part of the fingerprint's digest, which is a token of every grammar, and no number."""
        return f"x{self._fingerprint(secret)[-12:]}"
