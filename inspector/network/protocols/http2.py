"""HTTP/2 client (RFC 9113): one request per connection, over a stream whose TLS handshake chose ``h2``."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.transport.stream import Stream

#: The protocol's name in ALPN (RFC 9113 §3.1), and the version of its answers.
ALPN = "h2"
VERSION = b"HTTP/2"
#: Bytes of all fields of an answer, by the count of RFC 9113 §6.5.2.
_FIELD_BYTES = 100 * 1024
#: Bytes that are read at once, so that many small frames do not hold the event loop; and of frames without content.
_READ_BYTES = 16384
_IDLE_BYTES = 128 * 1024
#: Interim answers (1xx) before the final one.
_MOST_INTERIM = 16
#: What the server may send before the client says that it read: more than is read of any answer.
_WINDOW_BYTES = 2**24
_STATUS = re.compile(rb"[1-9][0-9]{2}")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_NOT_IN_VALUES = re.compile(rb"[\0\r\n]")
#: What a library for hostile bytes may raise besides its own errors: a field that is no number, no text.
_MALFORMED = (H2Error, ValueError, IndexError, KeyError)
#: Fields of one connection alone, which no request of HTTP/2 has (RFC 9113 §8.2.2), and the one that ``:authority`` is.
_NOT_SENT = frozenset({b"host", b"connection", b"transfer-encoding", b"keep-alive", b"upgrade", b"proxy-connection"})

Fields = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request; ``fields`` may have ``Host``, which becomes ``:authority``."""

    method: bytes
    scheme: bytes
    authority: bytes
    target: bytes
    fields: Fields
    content: bytes = b""

    def head(self) -> list[tuple[bytes, bytes]]:
        """The pseudo-header fields and the fields, in lower case."""
        names = ((name.lower(), value) for name, value in self.fields)
        return [
            (b":method", self.method),
            (b":scheme", self.scheme),
            (b":authority", self.authority),
            (b":path", self.target),
            *((name, value) for name, value in names if name not in _NOT_SENT),
        ]


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the final answer. ``malformed`` holds fields that no client can use, as ``name: value``."""

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    malformed: tuple[bytes, ...]

    @classmethod
    def parse(cls, received: Fields) -> Head:
        """Read the fields of one answer; a malformed one costs itself. Raises ScanFailure without one valid status."""
        statuses = [value for name, value in received if name == b":status"]
        if len(statuses) != 1 or not _STATUS.fullmatch(statuses[0]):
            raise ScanFailure(Cause.PROTOCOL_ERROR, "HTTP/2: the answer has no status")
        fields = [(name, value) for name, value in received if not name.startswith(b":")]
        usable = [bool(_NAME.fullmatch(name)) and not _NOT_IN_VALUES.search(value) for name, value in fields]
        return cls(
            status=int(statuses[0]),
            fields=tuple((name, value.strip(b" \t")) for (name, value), fit in zip(fields, usable, strict=True) if fit),
            malformed=tuple(
                b"%s: %s" % (name, value) for (name, value), fit in zip(fields, usable, strict=True) if not fit
            ),
        )


class Exchange:
    """One request and its answer; ``deadline`` is on the event loop's clock. Every step raises ScanFailure."""

    def __init__(self, stream: Stream, deadline: float) -> None:
        self.truncated = False
        self._stream = stream
        self._deadline = deadline
        self._http = H2Connection(
            H2Configuration(client_side=True, header_encoding=None, validate_inbound_headers=False)
        )
        self._events: deque[Event] = deque()
        self._idle = 0
        self._interim = 0
        self._id = 1

    async def ask(self, request: Request) -> Head:
        """Send the request and read up to the head of the final answer."""
        http = self._http
        http.local_settings = Settings(
            client=True, initial_values={SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: _FIELD_BYTES}
        )
        http.decoder.max_header_list_size = _FIELD_BYTES
        try:
            http.initiate_connection()
            http.increment_flow_control_window(_WINDOW_BYTES)
            http.send_headers(self._id, request.head(), end_stream=not request.content)
            http.increment_flow_control_window(_WINDOW_BYTES, self._id)
            if request.content:
                http.send_data(self._id, request.content, end_stream=True)
        except H2Error as error:
            raise ScanFailure(Cause.BUG, f"HTTP/2 request: {type(error).__name__}: {error}") from None
        await self._flush()
        while True:
            event = await self._next()
            if isinstance(event, ResponseReceived):
                return Head.parse(event.headers or ())
            if isinstance(event, StreamEnded | DataReceived):
                raise ScanFailure(Cause.PROTOCOL_ERROR, "HTTP/2: the answer has no head")

    async def body(self) -> AsyncIterator[bytes]:
        """The parts of the body; it ends early, and ``truncated``, where the connection's allowance is used up."""
        while True:
            event = await self._next()
            if self.truncated or isinstance(event, StreamEnded):
                return
            if isinstance(event, DataReceived) and event.data:
                yield event.data

    async def _next(self) -> Event | None:
        """The next event of the answer; None once the allowance is used up."""
        while True:
            while self._events:
                event = self._events.popleft()
                if isinstance(event, StreamReset | ConnectionTerminated):
                    raise ScanFailure(Cause.PROTOCOL_ERROR, f"HTTP/2: the server ended it: {_reason(event.error_code)}")
                self._interim += isinstance(event, InformationalResponseReceived)
                if self._interim > _MOST_INTERIM:
                    raise ScanFailure(Cause.PROTOCOL_ERROR, "HTTP/2: too many interim answers")
                if isinstance(event, DataReceived) and event.data:
                    self._idle = 0
                if isinstance(event, ResponseReceived | DataReceived | StreamEnded) and event.stream_id == self._id:
                    return event
            data = await self._stream.read(_READ_BYTES, timeout=self._seconds())
            if not data and self._stream.truncated:
                self.truncated = True
                return None
            if not data:
                raise ScanFailure(Cause.PROTOCOL_ERROR, "HTTP/2: the connection ended before the answer did")
            self._idle += len(data)
            if self._idle > _IDLE_BYTES:
                raise ScanFailure(Cause.PROTOCOL_ERROR, "HTTP/2: the server sends frames without content")
            try:
                self._events.extend(self._http.receive_data(data))
            except _MALFORMED as error:
                name = type(error).__name__
                raise ScanFailure(Cause.PROTOCOL_ERROR, f"HTTP/2: the server breaks the protocol: {name}") from None
            await self._flush()
            await asyncio.sleep(0)  # data may be there at once, for ever

    async def _flush(self) -> None:
        if data := self._http.data_to_send():
            await self._stream.write(data, timeout=self._seconds())

    def _seconds(self) -> float:
        return max(0.0, self._deadline - asyncio.get_running_loop().time())


def _reason(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else str(code)
