"""Numbers and vectors of the TLS presentation language (RFC 8446 §3).

What is parsed comes from an untrusted peer: bytes that do not fit their own lengths raise ``Malformed``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class Malformed(ValueError):
    """The bytes are not the expected TLS structure."""


@dataclass(slots=True)
class Reader:
    """Reads numbers and vectors from the start of some bytes; raises Malformed past their end."""

    data: bytes
    at: int = 0

    @property
    def left(self) -> int:
        """How many bytes remain."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise Malformed("a message ends before it is whole")
        return self.data[start : self.at]

    def number(self, size: int) -> int:
        """The next ``size`` bytes as a number, big endian."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """The bytes preceded by a length of ``size`` bytes."""
        data, start = self.data, self.at + size
        self.at = start + int.from_bytes(data[self.at : start], "big")
        if self.at > len(data):
            raise Malformed("a message ends before it is whole")
        return data[start : self.at]

    def numbers(self) -> tuple[int, ...]:
        """The two-byte numbers in a vector with a two-byte length; a trailing odd byte is ignored."""
        return unpack_numbers(self.vector(2))


def unpack_numbers(data: bytes) -> tuple[int, ...]:
    """The two-byte numbers in ``data``; a trailing odd byte is ignored."""
    return struct.unpack_from(f">{len(data) // 2}H", data)


def vectors(data: bytes, size: int) -> Iterator[bytes]:
    """The vectors that fill ``data``, each preceded by a length of ``size`` bytes; raises Malformed."""
    reader = Reader(data)
    while reader.at < len(data):
        yield reader.vector(size)


def tagged(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The pairs of a two-byte number and a vector that fill ``data``: extensions, key shares; raises Malformed."""
    reader = Reader(data)
    while reader.at < len(data):
        yield reader.number(2), reader.vector(2)


def vector(data: bytes, size: int) -> bytes:
    """``data`` preceded by its length of ``size`` bytes."""
    return len(data).to_bytes(size, "big") + data


def pack_numbers(values: Sequence[int]) -> bytes:
    """A vector of two-byte numbers with a two-byte length."""
    return struct.pack(f">H{len(values)}H", 2 * len(values), *values)


def tag(number: int, body: bytes) -> bytes:
    """One pair of a two-byte number and a vector."""
    return struct.pack(">HH", number, len(body)) + body
