"""Parses Set-Cookie as browsers do (RFC 6265 §5; prefixes, lifetimes and nameless cookies as in its successor)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from math import ceil
from typing import TYPE_CHECKING

from inspector import BadUri, is_address
from inspector_http.observations import Cookie, CookieReach
from inspector_http.text import printable
from inspector_http.urls import uri_of

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

#: Prefixes of names by which browsers demand attributes, in lower case.
PREFIXES = ("__host-", "__secure-")
_AGE = re.compile(r"-?[0-9]+")
_DELIMITERS = re.compile(r"[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIRST_YEAR = 1601
#: Digits of ``Max-Age`` that are read: a longer one counts as the greatest of these.
_DIGITS = 15
#: Characters for which browsers ignore the whole field (RFC 6265bis §5.6).
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_HOST = re.compile(r"[^\w.-]")


def cookie_date(text: str) -> datetime | None:
    """The instant that a cookie date names; None when it is none (RFC 6265 §5.1.1). Weekday and zone do not matter."""
    time: re.Match[str] | None = None
    day: int | None = None
    year = month = 0
    for token in _DELIMITERS.split(text):
        if time is None and (found := _TIME.match(token)):
            time = found
        elif day is None and (found := _DAY.match(token)):
            day = int(found[1])
        elif not month and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif not year and (found := _YEAR.match(token)):
            year = _full_year(int(found[1]))
    if time is None or day is None or year < _FIRST_YEAR:
        return None
    try:
        return datetime(year, month, day, int(time[1]), int(time[2]), int(time[3]), tzinfo=UTC)
    except ValueError:
        return None


def _full_year(year: int) -> int:
    """A year of two digits in full: 70 to 99 are of the last century."""
    if year < 70:
        return year + 2000
    return year + 1900 if year < 100 else year


def kept_cookies(fields: Iterable[tuple[str, str, str]], seen_at: datetime) -> tuple[Cookie, ...]:
    """The cookies that remain after these fields, in the order of name, domain and path.

    ``fields`` are host and path of each request and the value of a Set-Cookie in its reply, as Latin-1 text, in order.
    The last one for a name, domain and path counts. A cookie without a name has a value (RFC 6265bis §5.6).
    """
    jar: dict[tuple[str, str, str], Cookie | None] = {}
    for host, path, value in fields:
        pair, _, text = value.partition(";")
        written, _, held = pair.partition("=") if "=" in pair else ("", "", pair)
        name = printable(written.strip(" \t"))
        attributes = _attributes(text)
        domain = _domain(attributes.get("domain", ""), host)
        if (name or held.strip(" \t")) and domain is not None and not _CONTROL.search(value):
            cookie = _cookie(name, domain, attributes, seen_at)
            jar[name, domain, attributes.get("path") or _default_path(path)] = cookie
    return tuple(cookie for _, cookie in sorted(jar.items(), key=lambda each: each[0]) if cookie is not None)


def _attributes(text: str) -> dict[str, str]:
    """Attributes by lower-case name: the last usable one of a name counts (RFC 6265 §5.2).

    An unusable Max-Age, Expires or Domain is ignored; an unusable Path stands for the default.
    """
    attributes: dict[str, str] = {}
    for part in text.split(";"):
        written, _, value = part.partition("=")
        name, value = written.strip(" \t").lower(), value.strip(" \t")
        if name == "path" and not value.startswith("/"):
            value = ""
        if _is_usable(name, value):
            attributes[name] = value
    return attributes


def _is_usable(name: str, value: str) -> bool:
    match name:
        case "max-age":
            return _AGE.fullmatch(value) is not None
        case "expires":
            return cookie_date(value) is not None
        case "domain":
            return bool(value)
    return True


def _default_path(path: str) -> str:
    """The path of a request without its last segment (RFC 6265 §5.1.4)."""
    return path.rpartition("/")[0] or "/"


def _domain(written: str, host: str) -> str | None:
    """The domain of a cookie, empty for that of the host alone; None when browsers ignore the cookie (RFC 6265 §5.3).

    They do where the host is not in the domain (§5.1.3), and where the domain is a public suffix, as ``gov.vn``, that
    is not the host itself (§5.3 step 5).
    """
    written = written.removeprefix(".")
    if not written:
        return ""
    domain = canonical_domain(written)
    if is_address(host) or _is_public_suffix(domain):
        return "" if domain == host else None
    return domain if domain == host or host.endswith(f".{domain}") else None


def _is_public_suffix(domain: str) -> bool:
    """Whether anyone may register names below the domain; of one that the list does not know, the last label is."""
    return "." not in domain or _suffixes().is_public(_in_characters(domain))


def registrable_domain(host: str) -> str:
    """The domain below a public suffix to which a host belongs; the host itself where it is an address, or none."""
    found = None if is_address(host) else _suffixes().privatesuffix(_in_characters(host))
    return ".".join(host.split(".")[-len(found.split(".")) :]) if found else host


@cache
def _suffixes() -> PublicSuffixList:
    """The list as of the installed version, with U-labels: to encode all of them takes a third of a second."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_encoded_idn=False)


def _in_characters(domain: str) -> str:
    """A domain in A-labels with U-labels in their place."""
    return ".".join(map(_in_u_label, domain.split("."))) if "xn--" in domain else domain


def _in_u_label(label: str) -> str:
    try:
        return label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
    except UnicodeError:
        return label


def canonical_domain(domain: str) -> str:
    """A domain in lower-case A-labels; empty when it is none (RFC 6265 §5.1.2)."""
    if domain.isascii():
        return domain.lower()
    text = domain.encode("latin-1", "replace").decode("utf-8", "replace")
    try:
        return "" if _NOT_IN_HOST.search(text) else uri_of(f"http://{text}").host
    except BadUri:
        return ""


def _cookie(name: str, domain: str, attributes: dict[str, str], seen_at: datetime) -> Cookie | None:
    """The cookie, or None when the field removes it."""
    seconds = _seconds(attributes, seen_at)
    if seconds is not None and seconds <= 0:
        return None
    same_site = attributes.get("samesite", "").lower()
    return Cookie(
        name=name,
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=same_site if same_site in {"strict", "lax", "none"} else None,
        reach=CookieReach(
            domain=domain,
            seconds=seconds,
            is_partitioned="partitioned" in attributes,
            is_refused=_is_refused(name.lower(), attributes),
        ),
    )


def _is_refused(name: str, attributes: dict[str, str]) -> bool:
    """Whether the name has a prefix whose promise is not kept (RFC 6265bis §4.1.3): any case of it counts."""
    if not name.startswith(PREFIXES) or "secure" not in attributes:
        return name.startswith(PREFIXES)
    is_of_host = not attributes.get("domain") and attributes.get("path") == "/"
    return name.startswith("__host-") and not is_of_host


def _seconds(attributes: dict[str, str], seen_at: datetime) -> int | None:
    """How long it lives; 0 where it ends at once. Max-Age takes precedence over Expires (RFC 6265 §5.3)."""
    age = attributes.get("max-age")
    if age is not None:
        digits = age.lstrip("0")
        if age.startswith("-") or not digits:
            return 0
        return int(digits) if len(digits) <= _DIGITS else int("9" * _DIGITS)
    expires = cookie_date(attributes.get("expires", ""))
    return None if expires is None else max(0, ceil((expires - seen_at).total_seconds()))
