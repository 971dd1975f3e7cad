"""Parses recorded exchanges into facts: pure."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urljoin, urlsplit

from inspector import Answer, BadUri, Cause, ParseContext, ScanFailure, ScanOutput, Scheme, Uri, UriForm, parse_uri
from inspector_http.observations import Cookie, Header, Http, Redirect, WebProtocol
from inspector_http.redaction import Exchange, Exchanges

HTTPS = Scheme("https", UriForm.PAGE, 443)
HTTP = Scheme("http", UriForm.PAGE, 80)
_SCHEMES = {scheme.name: scheme for scheme in (HTTP, HTTPS)}

BAD_REQUEST = 400
REDIRECTS = frozenset({301, 302, 303, 307, 308})
UNAUTHORISED = 401
#: Replies by which a web application firewall, or the server itself, rejects this client.
_REJECTED = {403: Cause.BLOCKED, 429: Cause.RATE_LIMITED, 503: Cause.BLOCKED}
#: Header fields by which web application firewalls mark a challenge, whatever its status.
_CHALLENGES = {"cf-mitigated": "challenge", "x-amzn-waf-action": ""}
#: Around a URL reference browsers drop these, inside it tabs and line ends (WHATWG URL §4.4).
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_TAB_OR_NEWLINE = re.compile(r"[\t\n\r]")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_PARAMETERS = re.compile(r"[?#;].*", re.DOTALL)
_AGE = re.compile(r"-?[0-9]+")


def uri_of(url: str) -> Uri:
    """The endpoint that a URL names; raises BadUri."""
    return parse_uri(url, _SCHEMES)


def plain(url: str) -> str:
    """A URL without parameters, query and fragment."""
    return _PARAMETERS.sub("", url)


def location(url: str, status: int | None, values: Iterable[str]) -> Answer[str]:
    """The absolute URL, without fragment, to which the reply to ``url`` redirects; empty when it does not redirect.

    ``values`` are those of its Location fields, as Latin-1 text. Several different ones, or one that is not a web URL,
    are unseen.
    """
    locations = set(values) if status in REDIRECTS else set()
    if len(locations) > 1:
        return Answer[str](unseen=Cause.AMBIGUOUS)
    try:
        return Answer[str](seen=_escaped(urljoin(url, _reference(locations.pop()))) if locations else "")
    except (BadUri, ValueError):
        return Answer[str](unseen=Cause.PROTOCOL_ERROR)


def _reference(value: str) -> str:
    """A URL reference as browsers read it: UTF-8, with bytes that are not escaped one by one, and ``\\`` as ``/``."""
    text = value.encode("latin-1").decode("utf-8", "surrogateescape")
    text = _NOT_UTF8.sub(lambda found: f"%{ord(found.group()) - 0xDC00:02X}", text)
    text = _TAB_OR_NEWLINE.sub("", text.strip(_C0_AND_SPACE))
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    return path.replace("\\", "/") + text[len(path) :]


def _escaped(url: str) -> str:
    """A URL in ASCII, without fragment (RFC 3987 §3.1): its host in A-labels, the rest percent-encoded over UTF-8."""
    parts = urlsplit(url)
    path, query = (quote(part, safe=string.punctuation) for part in (parts.path or "/", parts.query))
    target = f"{parts.scheme}://{parts.netloc}{path}" + (f"?{query}" if query else "")
    return uri_of(target).service + target.partition("://")[2].removeprefix(parts.netloc)


def printable(text: str) -> str:
    """Received bytes, given as Latin-1 text, decoded as UTF-8 where they are, with unprintable characters escaped."""
    decoded = text.encode("latin-1", "replace").decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in decoded)


def parse_http(output: ScanOutput, context: ParseContext) -> Http:
    """The facts of one scan; raises ScanFailure when no reply shows which protocol the port answers."""
    recorded = output.named("exchanges.json")
    if recorded is None:
        raise ValueError("no exchange was recorded")
    exchanges = Exchanges.parse(recorded)
    subject = context.subject
    last = exchanges.followed[-1]
    protocol = _protocol(exchanges, subject.scheme)
    if protocol == subject.scheme:
        cause, status_cause = _why_unseen(last), last.cause
    else:
        cause = status_cause = Cause.REFUSED if protocol is WebProtocol.NONE else Cause.PROTOCOL_ERROR
    replies = tuple(each for each in exchanges.followed if each.cause is None)
    headers, cookies = _headers(replies[-1]) if replies else (), _cookies(replies, context.seen_at)
    target = location(last.url, last.status, (value for name, value in last.headers if name.lower() == "location"))
    return Http.model_validate(
        {
            "url": subject.uri,
            "scheme": subject.scheme,
            "host": subject.host or "",
            "protocol": _answer(protocol),
            "followed": tuple(str(uri_of(plain(each.url))) for each in replies[1:]),
            "status": _answer(last.status, status_cause),
            "redirect": _answer(
                _redirect(target.seen or ""), target.unseen or (None if last.status == UNAUTHORISED else cause)
            ),
            "headers": _answer(headers, cause),
            "cookies": _answer(cookies, cause),
            "received_headers": headers if cause else (),
            "received_cookies": cookies if cause else (),
        }
    )


def _answer(value: object, cause: Cause | None = None) -> dict[str, object]:
    """An answer in its JSON form."""
    return {"unseen": cause} if cause else {"seen": value}


def _protocol(exchanges: Exchanges, scheme: str) -> WebProtocol:
    """The protocol that the port answers; raises ScanFailure when no reply shows it."""
    first, other = exchanges.followed[0], exchanges.other
    if other is not None and other.cause is None:
        if scheme == "http":
            return WebProtocol.HTTPS
        if not _demands_tls(other):
            return WebProtocol.HTTP
    if first.cause is None:
        return WebProtocol(scheme)
    if first.cause is Cause.REFUSED:
        return WebProtocol.NONE
    raise ScanFailure(first.cause, first.detail or "no reply")


def _demands_tls(reply: Exchange) -> bool:
    """Whether a reply over plain HTTP is that of an HTTPS port: an error, or a redirect to HTTPS on the same port."""
    values = (value for name, value in reply.headers if name.lower() == "location")
    target = location(reply.url, reply.status, values).seen
    requested = uri_of(plain(reply.url))
    service = Uri(HTTPS, requested.host, requested.port).service
    return reply.status == BAD_REQUEST or (target or "").startswith(service + "/")


def _why_unseen(last: Exchange) -> Cause | None:
    """Why the last reply is not that of the page itself; None when it is."""
    if last.cause is not None or last.status is None:
        return last.cause or Cause.PROTOCOL_ERROR
    if last.status in _REJECTED:
        return _REJECTED[last.status]
    if any(value.lower().startswith(_CHALLENGES.get(name.lower(), "\n")) for name, value in last.headers):
        return Cause.BLOCKED
    return Cause.AMBIGUOUS if last.status >= 400 else None


def _redirect(url: str) -> Redirect | None:
    if not url:
        return None
    uri = uri_of(plain(url))
    return Redirect(url=str(uri), scheme=uri.scheme.name, host=uri.host)


def _headers(reply: Exchange) -> tuple[Header, ...]:
    return tuple(Header(name=printable(name).lower(), value=printable(value.strip())) for name, value in reply.headers)


def _cookies(replies: tuple[Exchange, ...], seen_at: datetime) -> tuple[Cookie, ...]:
    """The cookies that remain set after these replies; the last Set-Cookie for a name, domain and path counts."""
    jar: dict[tuple[str, str, str], Cookie | None] = {}
    for reply in replies:
        for name, value in reply.headers:
            if name.lower() == "set-cookie":
                pair, _, text = value.partition(";")
                cookie = printable(pair.partition("=")[0].strip())
                attributes = _attributes(text)
                domain = attributes.get("domain", "").lower().removeprefix(".")
                jar[cookie, domain, _path(attributes, reply.url)] = _cookie(cookie, attributes, seen_at)
    return tuple(cookie for _, cookie in sorted(jar.items(), key=lambda each: each[0]) if cookie is not None)


def _path(attributes: dict[str, str], url: str) -> str:
    """The path of a cookie: its attribute, or that of the reply without the last segment (RFC 6265 §5.1.4)."""
    written = attributes.get("path", "")
    return written if written.startswith("/") else uri_of(plain(url)).path.rpartition("/")[0] or "/"


def _attributes(text: str) -> dict[str, str]:
    """Cookie attributes by lower-case name; the last of a name counts (RFC 6265 §5.2)."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _cookie(name: str, attributes: dict[str, str], seen_at: datetime) -> Cookie | None:
    """The cookie, or None when the reply removes it."""
    if _is_removed(attributes, seen_at):
        return None
    same_site = attributes.get("samesite", "").lower()
    return Cookie(
        name=name,
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=same_site if same_site in {"strict", "lax", "none"} else None,
    )


def _is_removed(attributes: dict[str, str], seen_at: datetime) -> bool:
    """Max-Age takes precedence over Expires, and is ignored when it is not a number (RFC 6265 §5.2.2, §5.3)."""
    age = attributes.get("max-age", "")
    if _AGE.fullmatch(age):
        return age.startswith("-") or not age.strip("0")
    return _is_past(attributes.get("expires", ""), seen_at)


def _is_past(expires: str, seen_at: datetime) -> bool:
    """Whether a date has passed; without a zone it is in UTC (RFC 6265 §5.1.1), and what is not a date never passes."""
    try:
        date = parsedate_to_datetime(expires.replace("-", " "))
        return (date if date.tzinfo else date.replace(tzinfo=UTC)) < seen_at
    except (ValueError, TypeError, OverflowError):
        return False
