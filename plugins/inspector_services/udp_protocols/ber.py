"""The Basic Encoding Rules (X.690), as far as SNMP and LDAP use them: definite lengths, tags of one byte. Pure."""

from __future__ import annotations

from inspector_services.udp_protocols.question import Reader, require

INTEGER, OCTETS, NULL, OID, ENUMERATED, BOOLEAN, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x0A, 0x01, 0x30


def encode(tag: int, *parts: bytes) -> bytes:
    """One element with the given contents, of at most 65,535 bytes."""
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A number in as few bytes as it needs."""
    return encode(tag, value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True))


def read(reader: Reader) -> tuple[int, bytes]:
    """The next element: tag and contents. Raises MalformedReply."""
    tag = reader.number(1)
    length = reader.number(1)
    if length >= 128:
        require(length in (0x81, 0x82, 0x83, 0x84))
        length = reader.number(length - 128)
    return tag, reader.take(length)


def expect(reader: Reader, tag: int) -> bytes:
    """The contents of the next element, which has this tag. Raises MalformedReply."""
    found, content = read(reader)
    require(found == tag)
    return content


def number(reader: Reader, tag: int = INTEGER) -> int:
    """The next element as a number. Raises MalformedReply."""
    content = expect(reader, tag)
    require(0 < len(content) <= 8)
    return int.from_bytes(content, "big", signed=True)
