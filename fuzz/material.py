"""What fuzz targets build their inputs from: templates that a server may well send, and edits of them."""

from __future__ import annotations


def vector(data: bytes, size: int) -> bytes:
    """Bytes behind their length."""
    return len(data).to_bytes(size, "big") + data


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes((kind,)) + vector(body, 3)


def record(kind: int, body: bytes) -> bytes:
    """A record of TLS 1.2."""
    return bytes((kind, 3, 3)) + vector(body, 2)


def hello(suite: int) -> bytes:
    """A ServerHello of TLS 1.2 with two extensions."""
    extensions = vector(bytes.fromhex("ff01000100") + bytes.fromhex("00170000"), 2)
    return message(2, b"\x03\x03" + bytes(32) + b"\x00" + suite.to_bytes(2, "big") + b"\x00" + extensions)


def edited(template: bytes, edits: bytes) -> bytes:
    """The template with some bytes changed: ``edits`` holds two bytes of place and one of value for each.

    A value of 255 cuts the rest off in one of eight places.
    """
    data = bytearray(template)
    for at in range(0, len(edits) - 2, 3):
        place, value = int.from_bytes(edits[at : at + 2], "big"), edits[at + 2]
        if value == 0xFF and place % 8 == 0:
            del data[place % (len(data) + 1) :]
        elif data:
            data[place % len(data)] = value
    return bytes(data)
