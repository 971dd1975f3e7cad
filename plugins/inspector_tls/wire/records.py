"""The record layer and the framing of handshake messages, read as the bytes arrive (RFC 8446 §5.1, RFC 5246 §6.2)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from inspector import masked
from inspector_tls.wire.encoding import Malformed, vector

#: The longest record: 2^14 bytes of content and what encryption may add (RFC 5246 §6.2.3).
RECORD_BYTES = 16_384 + 2_048
_HEADER = struct.Struct(">BBBH")


# Plain classes, not IntEnum: they are used for every record, and the members of an enumeration are slow to access.


class ContentType:
    """Record types by number."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    HEARTBEAT = 24


class HandshakeType:
    """Handshake messages by number."""

    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    NEW_SESSION_TICKET = 4
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    FINISHED = 20
    CERTIFICATE_STATUS = 22
    KEY_UPDATE = 24


#: The types of record that a handshake consists of, and all.
HANDSHAKE_TYPES = frozenset(range(ContentType.CHANGE_CIPHER_SPEC, ContentType.HEARTBEAT))
ALL_TYPES = HANDSHAKE_TYPES | {ContentType.HEARTBEAT}


class NotARecord(Malformed):
    """The bytes do not begin like a TLS record."""


class OversizedMessage(Malformed):
    """A handshake message announces more bytes than are accepted."""


class Record(NamedTuple):
    """One record: its type, its five header bytes, its content."""

    kind: int
    header: bytes
    body: bytes


class Message(NamedTuple):
    """One handshake message: its type and its body without the header."""

    kind: int
    body: bytes

    @property
    def raw(self) -> bytes:
        """The message with its header."""
        return bytes((self.kind,)) + vector(self.body, 3)


class RecordReader:
    """Splits the bytes of one connection into records.

    ``pending`` is the start of an incomplete record, ``consumed`` counts the bytes of those that were
    taken. Records of other ``types`` are refused.
    """

    def __init__(self, types: frozenset[int] = HANDSHAKE_TYPES) -> None:
        self.pending = bytearray()
        self.consumed = 0
        self._types = types

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self.pending += data

    def next(self) -> Record | None:
        """Take the next record, None while it is incomplete; raises NotARecord and Malformed."""
        if len(self.pending) < _HEADER.size:
            return None
        kind, major, _minor, length = _HEADER.unpack_from(self.pending)
        if major != 3 or kind not in self._types:
            raise NotARecord("not a TLS record")
        if length > RECORD_BYTES:
            raise Malformed("a record is too long")
        end = _HEADER.size + length
        if len(self.pending) < end:
            return None
        whole = bytes(self.pending[:end])
        self.skip(end)
        return Record(kind, whole[: _HEADER.size], whole[_HEADER.size :])

    def skip(self, size: int) -> None:
        """Take bytes that are no record."""
        del self.pending[:size]
        self.consumed += size


class MessageReader:
    """Joins the contents of handshake records and splits them into messages of at most ``most_bytes``."""

    def __init__(self, most_bytes: int) -> None:
        self.pending = bytearray()
        self._most_bytes = most_bytes

    def feed(self, content: bytes) -> None:
        """Add the content of a record."""
        self.pending += content

    def next(self) -> Message | None:
        """Take the next message, None while it is incomplete; raises OversizedMessage."""
        pending = self.pending
        if len(pending) < 4:
            return None
        end = self._end(pending)
        if len(pending) < end:
            return None
        message = Message(pending[0], bytes(pending[4:end]))
        del pending[:end]
        return message

    def check_size(self, following: bytes = b"") -> None:
        """Raise OversizedMessage as soon as a message announces too many bytes, even before its header is complete."""
        header = self.pending[:4] + following[: max(0, 4 - len(self.pending))]
        if len(header) == 4:
            self._end(header)

    def _end(self, header: bytearray) -> int:
        """Where the message with this header ends; raises OversizedMessage."""
        size = int.from_bytes(header[1:4], "big")
        if size > self._most_bytes:
            raise OversizedMessage(f"a handshake message of {4 + size} bytes")
        return 4 + size


#: The message type of an SSL 2.0 ServerHello.
_SSL_2_SERVER_HELLO = b"\x04"


def without_text(data: bytes) -> bytes:
    """The bytes with what follows the last TLS record, whole or begun, masked: a service of clear text may answer.

    So is what follows an SSL 2.0 ServerHello.
    """
    at = 0
    if data[:1] >= b"\x80" and data[2:3] == _SSL_2_SERVER_HELLO:
        at = 2 + (int.from_bytes(data[:2], "big") & 0x7FFF)
    while at < len(data) and data[at] in ALL_TYPES and data[at + 1 : at + 2] in (b"\x03", b""):
        at += _HEADER.size + int.from_bytes(data[at + 3 : at + 5], "big")
    return data[:at] + masked(data[at:])
