"""Whether shared caches may reuse a reply (RFC 9111). Pure; never raises."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime

from inspector_http.observations import Header

_DIRECTIVE = re.compile(r"""[ \t,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=("(?:[^"\\]|\\.)*"|[^\s,;"]*))?[^,]*""")
_CHARACTERS = 2000
#: Directives that keep a shared cache from reusing a reply, or what they name of it, without asking (§5.2.2).
_PREVENTING = {"no-store", "private", "no-cache"}


def directives(values: Iterable[str]) -> dict[str, str]:
    """The directives of Cache-Control by name in lower case, the first of a name counts; empty where it has none."""
    found: dict[str, str] = {}
    for value in values:
        for each in _DIRECTIVE.finditer(value[:_CHARACTERS]):
            found.setdefault(each[1].lower(), (each[2] or "").strip('"'))
    return found


def may_be_shared(headers: Iterable[Header]) -> bool:
    """Whether a shared cache may give this reply to others without asking the server.

    ``no-cache`` and ``private`` with field names hold for these fields alone, which are taken to be the cookie's where
    they name it (§5.2.2.4, §5.2.2.7). A lifetime that is no number counts as none left (§4.2.1).
    """
    headers = tuple(headers)
    control = directives(each.value for each in headers if each.name == "cache-control")
    for name in _PREVENTING & control.keys():
        fields = control[name].lower()
        if name == "no-store" or not fields or "set-cookie" in re.split(r"[\s,]+", fields):
            return False
    if any("*" in each.value.split(",") for each in headers if each.name == "vary"):
        return False
    for name in ("s-maxage", "max-age"):
        if name in control:
            digits = control[name]
            return digits.isascii() and digits.isdigit() and int(digits[:15]) > 0
    expires = [each.value for each in headers if each.name == "expires"]
    return not expires or _is_later(expires[0], next((each.value for each in headers if each.name == "date"), ""))


def _is_later(expires: str, date: str) -> bool:
    """Whether Expires is after Date; one that is no date means the past (§5.3)."""
    try:
        ends = parsedate_to_datetime(expires)
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
    try:
        return ends > parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return True
