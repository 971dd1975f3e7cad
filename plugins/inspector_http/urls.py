"""The URLs of requests, and those to which replies redirect."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, unquote, urljoin, urlsplit

from inspector import Answer, BadUri, Cause, Scheme, Uri, UriForm, parse_uri

HTTPS = Scheme("https", UriForm.PAGE, 443)
HTTP = Scheme("http", UriForm.PAGE, 80)
_SCHEMES = {scheme.name: scheme for scheme in (HTTP, HTTPS)}

#: Its type is looked up once: that costs as much as making an answer.
_Url = Answer[str]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Around a URL reference browsers drop these, inside it tabs and line ends (WHATWG URL §4.4).
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_TAB_OR_NEWLINE = re.compile(r"[\t\n\r]")
_ANY_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WEB_SCHEME = re.compile(r"https?:", re.IGNORECASE)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
#: Escaped UTF-8, which in a host stands for its characters (RFC 3986 §3.2.2).
_ESCAPES = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
_ENDPOINT = re.compile(r"[^:]*:(?://)?(\[[^\]]*\]|[^/:]+)")
_PARAMETERS = re.compile(r"[?#;].*", re.DOTALL)


@lru_cache(maxsize=1024)
def uri_of(url: str) -> Uri:
    """The endpoint that a URL names; raises BadUri."""
    return parse_uri(url, _SCHEMES)


def plain(url: str) -> str:
    """A URL without parameters, query and fragment."""
    return _PARAMETERS.sub("", url)


def same_resource(one: str, other: str) -> bool:
    """Whether two web URLs without a query name one resource; never raises."""
    try:
        return bool(one) and not _PARAMETERS.search(one) and uri_of(one) == uri_of(other)
    except (BadUri, ValueError):
        return False


def hosts(endpoints: Iterable[str], scheme: str = "") -> frozenset[str]:
    """The hosts that declared endpoints name, as normalised; only those of ``scheme`` when it is given."""
    found = (_ENDPOINT.match(endpoint) for endpoint in endpoints if endpoint.startswith(f"{scheme}:" if scheme else ""))
    return frozenset(each[1].strip("[]") for each in found if each)


def location(url: str, status: int | None, values: Iterable[str]) -> Answer[str]:
    """The absolute URL, without fragment, to which the reply to ``url`` redirects; empty when it does not redirect.

    ``values`` are those of its Location fields, as Latin-1 text. Several different ones, or one that is not a web URL,
    are unseen.
    """
    locations = set(values) if status in REDIRECTS else set()
    if len(locations) > 1:
        return _Url(unseen=Cause.AMBIGUOUS)
    try:
        return _Url(seen=_escaped(urljoin(url, _reference(locations.pop(), url))) if locations else "")
    except (BadUri, ValueError):
        return _Url(unseen=Cause.PROTOCOL_ERROR)


#: What a request to log in at an identity provider has in its query: OAuth 2.0 (RFC 6749 §4.1.1), SAML 2.0 bindings
#: §3.4.3, WS-Federation §13.2.1; and the path of CAS.
_LOG_INS = (
    re.compile(r"(?s)(?=.*[?&]client_id=).*[?&]response_type="),
    re.compile(r"(?s).*[?&]SAMLRequest="),
    re.compile(r"(?s).*[?&]wa=wsignin1\.0(?:&|\Z)"),
    re.compile(r"(?s)[^?]*/cas/login\?(?:.*&)?service="),
)


def asks_for_log_in(url: str) -> bool:
    """Whether a URL is a request to log in at an identity provider."""
    return any(each.match(url) for each in _LOG_INS)


#: The beginning of a reference that may lead to another service.
_OTHER_SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\\\]{2}")


def other_service(reference: str) -> bool:
    """Whether a reference in a page may lead to another service than the page's own: it has a scheme or a host."""
    return bool(_OTHER_SERVICE.match(_TAB_OR_NEWLINE.sub("", reference.strip(_C0_AND_SPACE))))


def resolved(base: str, reference: str) -> str:
    """The absolute URL, without fragment, of a reference in a page at ``base``; empty for one that is no web URL."""
    if "\x00" in reference:
        return ""
    try:
        return _escaped(urljoin(base, _reference(reference.encode("utf-8", "replace").decode("latin-1"), base)))
    except (BadUri, ValueError):
        return ""


def _reference(value: str, base: str) -> str:
    """A URL reference as browsers read it: UTF-8, with bytes that are not escaped one by one, and ``\\`` as ``/``.

    Behind a web scheme they need no slash, there and behind ``//`` they drop those that are too many; behind the scheme
    of the ``base`` alone the rest is relative (WHATWG URL §4.4).
    """
    text = value.encode("latin-1").decode("utf-8", "surrogateescape")
    text = _NOT_UTF8.sub(lambda found: f"%{ord(found.group()) - 0xDC00:02X}", text)
    text = _TAB_OR_NEWLINE.sub("", text.strip(_C0_AND_SPACE))
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    text = path.replace("\\", "/") + text[len(path) :]
    scheme = _WEB_SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    if scheme and not (base.startswith(scheme.group().lower()) and not rest.startswith("//")):
        return f"{scheme.group()}//{rest.lstrip('/')}"
    if scheme and _ANY_SCHEME.match(rest):
        return f"./{rest}"  # a path whose first segment has a colon (RFC 3986 §4.2)
    return f"//{rest.lstrip('/')}" if rest.startswith("//") else rest


def _escaped(url: str) -> str:
    """A URL in ASCII, without user information and fragment: its host in A-labels, the rest percent-encoded over UTF-8.

    RFC 3987 §3.1. Whoever stands before ``@``, the host is what follows (RFC 3986 §3.2).
    """
    parts = urlsplit(url)
    host = _ESCAPES.sub(lambda found: unquote(found.group()), parts.netloc.rpartition("@")[2])
    path, query = (quote(part, safe=string.punctuation) for part in (parts.path or "/", parts.query))
    rest = path + (f"?{query}" if query else "")
    return uri_of(f"{parts.scheme}://{host}{rest}").service + rest
