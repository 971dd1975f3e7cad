"""What the recorded bytes of a server show in clear text, before its first ChangeCipherSpec: pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from inspector_tls.wire.encoding import Malformed, vector
from inspector_tls.wire.records import (
    ALL_TYPES,
    ContentType,
    HandshakeType,
    Message,
    MessageReader,
    Record,
    RecordReader,
)
from inspector_tls.wire.server_flight import MESSAGE_BYTES, read_flight
from inspector_tls.wire.versions import TlsVersion


def _records(data: bytes) -> Iterator[Record]:
    """The records up to the first that is cut short or malformed."""
    reader = RecordReader(ALL_TYPES)
    reader.feed(data)
    try:
        while (record := reader.next()) is not None:
            yield record
    except Malformed:
        return


def _clear(data: bytes) -> Iterator[Record]:
    """The records before the server's ChangeCipherSpec."""
    for record in _records(data):
        if record.kind == ContentType.CHANGE_CIPHER_SPEC:
            return
        yield record


def hello_version(data: bytes) -> TlsVersion | None:
    """The version that the server chose (RFC 8446 §4.1.3); None without a hello."""
    hello = read_flight(data).hello
    return hello.version if hello else None


def retry_group(data: bytes) -> int | None:
    """The group that a HelloRetryRequest names (RFC 8446 §4.1.4), 0 for none; None without such a request."""
    hello = read_flight(data).hello
    return hello.group or 0 if hello is not None and hello.is_retry else None


def certificates(data: bytes) -> tuple[bytes, ...] | None:
    """The server's certificates (DER), which are in clear text up to TLS 1.2; None without its Certificate message."""
    return read_flight(data).certificates


def is_hello_done(data: bytes) -> bool:
    """Whether the server finished its first flight: from here on it waits for the client's key exchange."""
    return read_flight(data).has_hello_done


def alerts(data: bytes) -> list[int]:
    """The numbers of the alerts in clear text."""
    return [each.body[1] for each in _clear(data) if each.kind == ContentType.ALERT and len(each.body) == 2]


def alerts_after_hello(data: bytes) -> list[int]:
    """The numbers of the alerts in clear text after the server's complete first flight."""
    flight = read_flight(data)
    return alerts(data[flight.parsed_bytes :]) if flight.has_hello_done else []


def speaks_first(data: bytes, since: int) -> bool:
    """Whether application data ends after so many bytes, with no encrypted alert before it."""
    end, changed = 0, False
    for record in _records(data):
        end += len(record.header) + len(record.body)
        changed = changed or record.kind == ContentType.CHANGE_CIPHER_SPEC
        if changed and end > since and record.kind in (ContentType.ALERT, ContentType.APPLICATION_DATA):
            return record.kind == ContentType.APPLICATION_DATA
    return False


class FirstFlight:
    """The server's first flight without the messages that sslyze does not need.

    sslyze's own parser fails on a message that spans records, as a long chain of certificates does; up to
    ServerHelloDone it looks for that message and for alerts only.
    """

    def __init__(self) -> None:
        self._records = RecordReader(ALL_TYPES)
        self._messages = MessageReader(MESSAGE_BYTES)
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        """What is left of the next bytes: perhaps nothing yet, and everything from ServerHelloDone on."""
        if self._is_over:
            return data
        self._records.feed(data)
        left = bytearray()
        try:
            while (record := self._records.next()) is not None:
                if record.kind != ContentType.HANDSHAKE:
                    left += record.header + record.body
                elif (done := self._hello_done(record.body)) is not None:
                    self._is_over = True
                    return bytes(left + record.header[:3] + vector(done.raw, 2) + self._records.pending)
        except Malformed:
            self._is_over = True
            left += self._records.pending
        return bytes(left)

    def _hello_done(self, content: bytes) -> Message | None:
        self._messages.feed(content)
        while (message := self._messages.next()) is not None:
            if message.kind == HandshakeType.SERVER_HELLO_DONE:
                return message
        return None


def has_heartbeat(data: bytes) -> bool:
    """Whether the server began to send a heartbeat."""
    whole = sum(len(record.header) + len(record.body) for record in _records(data))
    begun = data[whole : whole + 2] == bytes((ContentType.HEARTBEAT, 3))
    return begun or any(record.kind == ContentType.HEARTBEAT for record in _clear(data))
