"""Files ``security.txt`` (RFC 9116): what is kept of one, and what it says. Pure; never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from inspector_http.observations import SecurityFile
from inspector_http.text import printable
from inspector_http.urls import same_resource

#: Where the file is (RFC 9116 §3).
PATH = "/.well-known/security.txt"
#: The fields of the registry (RFC 9116 §6.2), by which a file is told from any other page.
FIELDS = ("acknowledgments", "canonical", "contact", "encryption", "expires", "hiring", "policy", "preferred-languages")
#: In place of a line that is neither a known field nor a mark of a signature: it may hold anything.
OTHER = b"?"
#: The most characters of a value, and values of one field, that are read.
_CHARACTERS, _VALUES = 1000, 20

_FIELD = re.compile(rb"(?:- )?(" + "|".join(FIELDS).encode() + rb")[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
#: The armour of a cleartext signature (RFC 9580 §7).
_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
#: Ways to be contacted: a web page over HTTPS, an address, a number (RFC 9116 §2.5.3).
_CONTACT = re.compile(
    r"https://[^\s/?#@]+(?:[/?#]\S*)?|mailto:[^\s@?]+@[^\s@?]+(?:\?\S*)?|tel:\+?[0-9().*#-]*[0-9][^\s]*"
    r"|(?:sips?|xmpp):[^\s@]+@[^\s@]+",
    re.IGNORECASE,
)
#: An instant by RFC 3339 §5.6.
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:)(\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def without_other_text(body: bytes) -> bytes:
    """The lines of a file that say something: fields of the registry and the armour of a signature.

    Any other page, as one that a site shows for every path, is left without its text. Never longer than ``body``.
    """
    return b"\n".join(_kept(line) for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n"))


def _kept(line: bytes) -> bytes:
    text = line.strip(b" \t\r")
    if _FIELD.fullmatch(text) or text in (_SIGNED, _SIGNATURE, _END):
        return text
    return OTHER if text and not text.startswith(b"#") else b""


def parse_file(kept: bytes, url: str, media_type: str) -> SecurityFile | None:
    """What the file at ``url`` says; None where the page is none: without a field, or of another type and not whole.

    A page of another media type counts as a file only with both fields that one must have: text in the layout of a
    field occurs on other pages, too.
    """
    lines = kept.split(b"\n")
    is_signed = _SIGNED in lines
    values: dict[str, list[str]] = {name: [] for name in FIELDS}
    for name, value in _fields(_signed_part(lines) if is_signed else lines):
        if len(values[name]) < _VALUES:
            values[name].append(value)
    if not any(values.values()):
        return None
    if media_type != "text/plain" and not (values["contact"] and values["expires"]):
        return None
    expires = [instant(each) for each in values["expires"]]
    return SecurityFile(
        media_type=media_type,
        is_utf8=_is_utf8(kept),
        is_signed=is_signed,
        is_cut_off=is_signed and not _has_signature(lines),
        contacts=tuple(values["contact"]),
        contacts_usable=tuple(each for each in values["contact"] if _CONTACT.fullmatch(each)),
        expires=tuple(values["expires"]),
        ends=expires[0] if len(expires) == 1 else None,
        canonical_urls=tuple(values["canonical"]),
        names_itself=not values["canonical"] or any(same_resource(each, url) for each in values["canonical"]),
        preferred_languages=tuple(values["preferred-languages"]),
        encryption=tuple(values["encryption"]),
        acknowledgments=tuple(values["acknowledgments"]),
        policy=tuple(values["policy"]),
        hiring=tuple(values["hiring"]),
    )


def instant(text: str) -> datetime | None:
    """An instant in the form of RFC 3339, in UTC; None for any other text."""
    found = _INSTANT.fullmatch(text.strip())
    if found is None or not text.isascii():
        return None
    seconds = "59" if found[3] == "60" else found[3]  # a leap second
    zone = "+00:00" if found[4] in "Zz" else found[4]
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{seconds}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _fields(lines: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    """Name and value of each field, in order; names in lower case."""
    for line in lines:
        if found := _FIELD.fullmatch(line):
            yield found[1].decode().lower(), printable(found[2].decode("latin-1")).strip()[:_CHARACTERS]


def _signed_part(lines: Sequence[bytes]) -> Sequence[bytes]:
    """The text that a signature covers: what stands around it is not the file's (RFC 9116 §2.3)."""
    begin = lines.index(_SIGNED)
    end = lines.index(_SIGNATURE, begin) if _SIGNATURE in lines[begin:] else len(lines)
    return lines[begin:end]


def _has_signature(lines: Sequence[bytes]) -> bool:
    marks = [line for line in lines if line in (_SIGNED, _SIGNATURE, _END)]
    return marks == [_SIGNED, _SIGNATURE, _END]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
