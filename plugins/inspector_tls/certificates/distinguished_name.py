"""Distinguished names in the form in which RFC 5280 §7.1 compares them, read from any encoding that OpenSSL accepts."""

from __future__ import annotations

from collections.abc import Iterator

from inspector_tls.certificates.der import (
    OBJECT_IDENTIFIER,
    SEQUENCE,
    SET,
    Element,
    element,
    elements,
    object_identifier,
)
from inspector_tls.wire.encoding import Malformed

#: A distinguished name to compare: of each relative name the attributes, by type and value, without case and repeated
#: white space.
Name = tuple[frozenset[tuple[str, str]], ...]
EMAIL_ADDRESS = "1.2.840.113549.1.9.1"

#: How the strings of a tag are encoded; T61String is read as Latin-1, as OpenSSL does.
_UTF8 = 0x0C
_ENCODINGS = {_UTF8: "utf-8", 0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
#: The tags of values that OpenSSL reads, and the octets of a character where there is a fixed number of several.
_READ = frozenset({0x03, 0x0C, 0x12, 0x13, 0x14, 0x16, 0x1C, 0x1E, 0x30})
_OCTETS = {0x1C: 4, 0x1E: 2}
_LABELS = {"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU"}
_ESCAPED = frozenset(',+"\\<>;=')


def comparable(encoded: bytes) -> Name:
    """The name in these octets; raises Malformed."""
    return tuple(
        frozenset((kind, " ".join(value.casefold().split())) for kind, value in relative)
        for relative in _relatives(encoded)
    )


def check_form(encoded: bytes) -> None:
    """Raise Malformed for a name that OpenSSL refuses: a value that is no string, or not in its encoding."""
    for relative in element(encoded, SEQUENCE).elements:
        for attribute in relative.of(SET).elements:
            *_, value = attribute.of(SEQUENCE).elements
            if value.tag not in _READ or len(value.content) % _OCTETS.get(value.tag, 1):
                raise Malformed("a value that is no string")
            if value.tag == _UTF8 and value.content.decode("utf-8", "ignore").encode() != value.content:
                raise Malformed("a string that is not UTF-8")


def email_addresses(encoded: bytes) -> tuple[str, ...]:
    """The values of the emailAddress attributes; raises Malformed."""
    return tuple(value for relative in _relatives(encoded) for kind, value in relative if kind == EMAIL_ADDRESS)


def text(encoded: bytes) -> str:
    """The name as text (RFC 4514), of a name that a library refuses; raises Malformed."""
    relatives = [
        "+".join(f"{_LABELS.get(kind, kind)}={_escaped(value)}" for kind, value in relative)
        for relative in _relatives(encoded)
    ]
    return ",".join(reversed(relatives))


def _relatives(encoded: bytes) -> Iterator[list[tuple[str, str]]]:
    for relative in element(encoded, SEQUENCE).elements:
        yield [_attribute(each.of(SEQUENCE)) for each in relative.of(SET).elements]


def _attribute(attribute: Element) -> tuple[str, str]:
    parts = elements(attribute.content)
    if len(parts) != 2:
        raise Malformed("an attribute that is not a type and a value")
    kind, value = parts
    return object_identifier(kind.of(OBJECT_IDENTIFIER).content), _value(value)


def _value(value: Element) -> str:
    """The string; octets that do not fit its encoding are replaced by backslash escapes."""
    encoding = _ENCODINGS.get(value.tag, "ascii")
    return value.content.decode(encoding, errors="backslashreplace")


def _escaped(value: str) -> str:
    return "".join(f"\\{each}" if each in _ESCAPED else each for each in value)
