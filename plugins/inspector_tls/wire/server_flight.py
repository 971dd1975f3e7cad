"""The first flight of a server, read as its bytes arrive: bounded, and without an exception whatever comes.

Read are ServerHello and HelloRetryRequest, alerts, and in the clear text of TLS 1.2 and older Certificate,
CertificateStatus, ServerKeyExchange, CertificateRequest and ServerHelloDone (RFC 8446 §4 and §5, 5246 §6 and §7, 6066
§8); the SERVER-HELLO and ERROR of SSL 2.0. What a fault spoils does not spoil what stood before it.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from inspector_tls.wire.client_hello import KEY_SHARE, VERSIONS_SUPPORTED
from inspector_tls.wire.code_points import VERSIONS
from inspector_tls.wire.versions import TlsVersion

#: Bounds: one handshake message, all bytes of an answer, records, warnings. A real flight has a few kilobytes.
MESSAGE_BYTES, FLIGHT_BYTES, RECORDS, WARNINGS = 131_072, 262_144, 10_000, 32
_RECORD_BYTES = 16_384 + 2_048

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23
_KINDS = frozenset({_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA})
_RECORD, _EXTENSION = struct.Struct(">BBBH"), struct.Struct(">HH")
_SERVER_HELLO, _CERTIFICATE, _KEY_EXCHANGE = 2, 11, 12
_CERTIFICATE_REQUEST, _HELLO_DONE, _CERTIFICATE_STATUS = 13, 14, 22
_WARNING, _CLOSE_NOTIFY = 1, 0
#: The end of the random value by which a server that chose TLS 1.2 says that it speaks TLS 1.3 (RFC 8446 §4.1.3).
_DOWNGRADED = b"DOWNGRD\x01"
#: The random value that makes a ServerHello a HelloRetryRequest (ibid.).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class Alert(NamedTuple):
    """An alert: its level (1 warning, 2 fatal) and its number (RFC 8446 §6)."""

    level: int
    number: int

    @property
    def is_last(self) -> bool:
        """Whether nothing follows it."""
        return self.level != _WARNING or self.number == _CLOSE_NOTIFY


class ServerHello(NamedTuple):
    """What the server chose. ``version`` is None when its number is not known; ``group`` is that of its key share.

    ``is_downgraded``: it is of TLS 1.2 and says that the server speaks TLS 1.3.
    """

    version: TlsVersion | None
    suite: int
    compression: int
    session: bytes
    extensions: dict[int, bytes]
    is_retry: bool
    is_downgraded: bool = False

    @property
    def group(self) -> int | None:
        """The group of TLS 1.3, named in a HelloRetryRequest or in the server's key share."""
        body = self.extensions.get(KEY_SHARE, b"")
        return int.from_bytes(body[:2], "big") if len(body) >= 2 else None


class Ssl2Hello(NamedTuple):
    """The SERVER-HELLO of SSL 2.0: the certificate, and every cipher kind that both sides have."""

    certificate: bytes
    suites: tuple[int, ...]


class _Fault(Exception):
    """The bytes are not what they should be."""


class Flight:
    """What a server has said so far.

    ``taken`` counts the bytes up to the end of the last message that was read; ``fault`` says what was wrong;
    ``is_over``: nothing more is to be learnt from this connection.
    """

    def __init__(self) -> None:
        self.hello: ServerHello | None = None
        self.ssl_2: Ssl2Hello | None = None
        self.certificates: tuple[bytes, ...] | None = None
        self.status: bytes | None = None
        self.key_exchange: bytes | None = None
        self.asks_certificate = False
        self.is_done = False
        self.is_over = False
        self.alerts: list[Alert] = []
        self.fault = ""
        self.taken = 0
        self._buffer = bytearray()
        self._at = 0
        self._handshake = bytearray()
        self._records = 0

    @property
    def has_chosen(self) -> bool:
        """Whether the server answered with a hello."""
        return self.hello is not None or self.ssl_2 is not None

    def feed(self, data: bytes) -> None:
        """Read some more bytes."""
        self._buffer += data
        try:
            self._read()
        except _Fault as fault:
            self.fault = str(fault)
            self.is_over = True

    def _read(self) -> None:
        while not self.is_over:
            if not self._step():
                if len(self._buffer) > FLIGHT_BYTES:
                    raise _Fault("the answer is too long")
                return

    # --- records ---

    def _step(self) -> bool:
        """Read one record; False while it is incomplete."""
        buffer, at = self._buffer, self._at
        if at == 0 and len(buffer) >= 3 and self._is_ssl_2():
            return self._read_ssl_2()
        if len(buffer) - at < 5:
            return False
        kind, major, _minor, length = _RECORD.unpack_from(buffer, at)
        if kind not in _KINDS or major != 3:
            raise _Fault("not a TLS record")
        if length > _RECORD_BYTES:
            raise _Fault("a record is too long")
        if len(buffer) - at < 5 + length:
            if kind == _HANDSHAKE:
                self._refuse_giants(bytes(buffer[at + 5 : at + 9]))
            return False
        self._records += 1
        if self._records > RECORDS:
            raise _Fault("too many records")
        self._at = at + 5 + length
        self._read_record(kind, bytes(buffer[at + 5 : self._at]))
        return True

    def _refuse_giants(self, rest: bytes) -> None:
        """A message that announces too much is refused before it has come."""
        start = bytes(self._handshake[:4]) + rest[: max(0, 4 - len(self._handshake))]
        if len(start) == 4 and int.from_bytes(start[1:4], "big") > MESSAGE_BYTES:
            raise _Fault("a handshake message is too long")

    def _read_record(self, kind: int, body: bytes) -> None:
        if kind == _HANDSHAKE:
            if self._handshake:
                self._handshake += body
                del self._handshake[: self._read_messages(self._handshake)]
            else:
                self._handshake += body[self._read_messages(body) :]
            return
        self.taken = self._at
        if kind == _ALERT:
            for at in range(0, len(body) - 1, 2):
                if not self.is_over:
                    self._read_alert(Alert(body[at], body[at + 1]))
        elif kind == _APPLICATION_DATA:
            raise _Fault("application data before the handshake is done")

    def _read_alert(self, alert: Alert) -> None:
        self.alerts.append(alert)
        self.is_over = alert.is_last
        if len(self.alerts) > WARNINGS:
            raise _Fault("too many alerts")

    # --- handshake messages ---

    def _read_messages(self, data: bytes | bytearray) -> int:
        """Read the messages that are whole; how many bytes they have."""
        at, size = 0, len(data)
        while not self.is_over and size - at >= 4:
            length = int.from_bytes(data[at + 1 : at + 4], "big")
            if length > MESSAGE_BYTES:
                raise _Fault("a handshake message is too long")
            if size - at < 4 + length:
                break
            kind, body = data[at], bytes(data[at + 4 : at + 4 + length])
            at += 4 + length
            self.taken = self._at - (size - at)
            try:
                self._read_message(kind, body)
            except (struct.error, IndexError):
                raise _Fault(f"handshake message {kind} is malformed") from None
        return at

    def _read_message(self, kind: int, body: bytes) -> None:
        if (kind == _SERVER_HELLO) == (self.hello is not None):
            raise _Fault(f"handshake message {kind} is out of place")
        if kind == _SERVER_HELLO:
            self.hello = server_hello(body)
            # What follows is encrypted, or a second hello would have to.
            self.is_done = self.is_over = self.hello.is_retry or self.hello.version is TlsVersion.TLS_1_3
        elif kind == _CERTIFICATE:
            self.certificates = tuple(_vectors(_vector(body, 0, 3), 3))
        elif kind == _CERTIFICATE_STATUS:
            self.status = _vector(body, 1, 3) if body[0] == 1 else None
        elif kind == _KEY_EXCHANGE:
            self.key_exchange = body
        elif kind == _CERTIFICATE_REQUEST:
            self.asks_certificate = True
        elif kind == _HELLO_DONE:
            self.is_done = self.is_over = True
        else:
            raise _Fault(f"handshake message {kind} is out of place")

    # --- SSL 2.0 ---

    def _is_ssl_2(self) -> bool:
        """Whether the bytes begin like a message of SSL 2.0: SERVER-HELLO (4) or ERROR (0)."""
        buffer = self._buffer
        if buffer[0] & 0x80:
            return buffer[2] in (0, 4)
        return buffer[0] < 0x14 and len(buffer) >= 4 and buffer[3] == 4

    def _read_ssl_2(self) -> bool:
        buffer = self._buffer
        header = 2 if buffer[0] & 0x80 else 3
        length = int.from_bytes(buffer[:2], "big") & (0x7FFF if header == 2 else 0x3FFF)
        if len(buffer) < header + length:
            return False
        body = bytes(buffer[header : header + length])
        self._at = self.taken = header + length
        if body[:1] == b"\x00":
            raise _Fault("SSL 2.0 error " + str(int.from_bytes(body[1:3], "big")))
        if len(body) < 11 or body[3:5] != b"\x00\x02":
            raise _Fault("the SERVER-HELLO is malformed")
        of_certificate, of_suites = struct.unpack_from(">HH", body, 5)
        kinds = body[11 + of_certificate : 11 + of_certificate + of_suites]
        if len(kinds) != of_suites or of_suites % 3:
            raise _Fault("the SERVER-HELLO is malformed")
        suites = tuple(int.from_bytes(kinds[at : at + 3], "big") for at in range(0, of_suites, 3))
        self.ssl_2 = Ssl2Hello(body[11 : 11 + of_certificate], suites)
        self.is_done = self.is_over = True
        return True


def read_flight(data: bytes) -> Flight:
    """What a server said in these bytes."""
    flight = Flight()
    flight.feed(data)
    return flight


def server_hello(body: bytes) -> ServerHello:
    """Read a ServerHello (RFC 8446 §4.1.3); raises struct.error or IndexError when it is malformed."""
    number = struct.unpack_from(">H", body, 0)[0]
    random = body[2:34]
    session = _vector(body, 34, 1)
    suite, compression = struct.unpack_from(">HB", body, 35 + len(session))
    at = 38 + len(session)
    extensions: dict[int, bytes] = {}
    if at < len(body):
        rest = _vector(body, at, 2)
        at, size = 0, len(rest)
        while at < size:
            kind, length = _EXTENSION.unpack_from(rest, at)
            at += 4 + length
            if at > size:
                raise IndexError("cut short")
            extensions[kind] = rest[at - length : at]
    chosen = extensions.get(VERSIONS_SUPPORTED)
    if chosen is not None:
        number = struct.unpack(">H", chosen)[0]
    return ServerHello(
        VERSIONS.get(number), suite, compression, session, extensions, random == _RETRY, random.endswith(_DOWNGRADED)
    )


def _vector(data: bytes, at: int, size: int) -> bytes:
    """The bytes behind a length of ``size`` bytes; raises IndexError when some are missing."""
    start = at + size
    length = int.from_bytes(data[at:start], "big")
    if len(data) < start + length:
        raise IndexError("cut short")
    return data[start : start + length]


def _vectors(data: bytes, size: int) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        found.append(_vector(data, at, size))
        at += size + len(found[-1])
    return found
