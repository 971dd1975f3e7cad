"""Parses security headers as browsers do."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

#: The field by which a host asks for HTTPS alone.
HSTS = "strict-transport-security"
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rf'"(?:[^"\\]|\\.)*"|{_TOKEN}'
_DIRECTIVE = re.compile(rf"[ \t]*(?:({_TOKEN})(?:[ \t]*=[ \t]*({_VALUE}))?)?[ \t]*(?:;|\Z)")
#: Digits of ``max-age`` that are read, more than any age needs: a longer one counts as the greatest of these.
_DIGITS = 15


def hsts_directives(value: str) -> dict[str, str] | None:
    """The directives of Strict-Transport-Security, by name in lower case; None when browsers ignore it (RFC 6797 §6.1).

    They ignore a field with a directive that stands twice, and one whose ``includeSubDomains`` has a value (§6.1.2).
    """
    directives: dict[str, str] = {}
    position = 0
    while position < len(value):
        found = _DIRECTIVE.match(value, position)
        if found is None:
            return None
        position = found.end()
        if found[1] is None:
            continue
        name = found[1].lower()
        if name in directives or (name == "includesubdomains" and found[2] is not None):
            return None
        directives[name] = (found[2] or "").strip('"')
    age = directives.get("max-age", "")
    return directives if age.isascii() and age.isdigit() else None


def hsts_max_age(value: str) -> int | None:
    """The ``max-age`` of Strict-Transport-Security, in seconds; None when browsers ignore it."""
    directives = hsts_directives(value)
    if directives is None:
        return None
    age = directives["max-age"].lstrip("0") or "0"
    return int(age) if len(age) <= _DIGITS else int("9" * _DIGITS)


def elements(values: Iterable[str]) -> list[str]:
    """The comma-separated elements of all fields of one name, in lower case (Fetch, "get, decode, and split")."""
    return [element.strip(" \t").lower() for value in values for element in value.split(",")]


def denies_cross_origin_frames(options: Iterable[str]) -> bool:
    """Whether X-Frame-Options keeps pages of other origins from framing this one (HTML Standard §7.7.1).

    Several different values with a known one among them deny; a single unknown value, ALLOW-FROM included, is ignored.
    """
    values = set(elements(options))
    if len(values) > 1:
        return bool(values & {"deny", "allowall", "sameorigin"})
    return bool(values & {"deny", "sameorigin"})


#: In products: a number after a slash or after white space, or a dotted one (RFC 9110 §10.1.5). A ``v`` with more than
#: three digits is an identifier, which redaction replaces.
_VERSION = re.compile(r"[/\s](?:\d+|v\d{1,3})(?!\w)|\d\.\d", re.IGNORECASE)
#: In comments, whose numbers may mean anything: a dotted one that is no IPv4 address, an operating system's release.
_VERSION_IN_COMMENT = re.compile(
    r"(?<![\d.])(?!\d+\.\d+\.\d+\.\d+(?![\d.]))\d+\.\d"
    r"|\b(?:alma|alpine|amazon|centos|debian|fedora|(?:free|net|open)bsd|linux|rhel|rocky|suse|ubuntu|windows)"
    r"(?:[ /_-]|server)*v?\d+(?!\w|[ -]?bit)",
    re.IGNORECASE,
)


def names_version(name: str, value: str) -> bool:
    """Whether a field with products and comments names a version (RFC 9110 §10.2.4).

    The value of a field that is itself called a version is one when it begins with a digit.
    """
    if name.endswith("-version") and value[:1].isdigit():
        return True
    products, comments = _split_comments(value)
    return bool(_VERSION.search(products) or _VERSION_IN_COMMENT.search(comments))


def _split_comments(value: str) -> tuple[str, str]:
    """What stands outside and inside of parentheses, nested ones included (RFC 9110 §5.6.5)."""
    products: list[str] = []
    comments: list[str] = []
    depth = 0
    for part in re.split(r"([()])", value):
        if part == "(":
            depth += 1
        elif part == ")":
            depth = max(0, depth - 1)
        (comments if depth or part == ")" else products).append(" " if part in "()" else part)
    return "".join(products), "".join(comments)


_CHARSET = re.compile(r""";[ \t]*charset[ \t]*=[ \t]*"?([^\s;"]+)""", re.IGNORECASE)


def declared_charset(content_types: Iterable[str]) -> str:
    """The encoding that the last Content-Type declares, in lower case; empty for none."""
    found = [_CHARSET.search(value) for value in content_types]
    return found[-1][1].lower() if found and found[-1] else ""


def encoding_name(label: str) -> str:
    """One name for all labels of an encoding, as browsers take them (WHATWG Encoding §4.2); an unknown label itself."""
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return label
    return {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874"}.get(name, name)


def shorten(value: str, length: int = 160) -> str:
    """A header's value, cut to ``length`` characters for a message."""
    return value if len(value) <= length else f"{value[: length - 1]}…"
