"""The first flight of a server, parsed as its bytes arrive: bounded, and without an exception for any bytes.

Parsed are ServerHello and HelloRetryRequest, alerts, and in the clear text of TLS 1.2 and older Certificate,
CertificateStatus, ServerKeyExchange, CertificateRequest and ServerHelloDone (RFC 8446 §4 and §5, 5246 §6 and §7, 6066
§8); the SERVER-HELLO and ERROR of SSL 2.0. What was parsed before a fault stays.
"""

from __future__ import annotations

from typing import NamedTuple

from inspector_tls.wire.alerts import Alert
from inspector_tls.wire.certificate_messages import certificate_list, parse_status
from inspector_tls.wire.client_hello import COOKIE, KEY_SHARE, VERSIONS_SUPPORTED
from inspector_tls.wire.code_points import VERSIONS
from inspector_tls.wire.encoding import Malformed, Reader, tagged
from inspector_tls.wire.records import ContentType, HandshakeType, Message, MessageReader, Record, RecordReader
from inspector_tls.wire.versions import TlsVersion

#: Bounds: one handshake message, all bytes of an answer, records, warnings. A real flight has a few kilobytes.
MESSAGE_BYTES, FLIGHT_BYTES, RECORDS, WARNINGS = 131_072, 262_144, 10_000, 32

#: The end of the random value of a server that chose TLS 1.2 and supports TLS 1.3 (RFC 8446 §4.1.3).
_DOWNGRADED = b"DOWNGRD\x01"
#: The random value that makes a ServerHello a HelloRetryRequest (ibid.).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class ServerHello(NamedTuple):
    """What the server chose.

    ``number``: the version on the wire; ``version`` is None when that is not known. ``is_retry``: it is a
    HelloRetryRequest. ``is_downgraded``: it is of TLS 1.2 and indicates that the server supports TLS 1.3.
    """

    number: int
    version: TlsVersion | None
    suite: int
    compression: int
    session: bytes
    extensions: dict[int, bytes]
    is_retry: bool
    is_downgraded: bool

    @classmethod
    def parse(cls, body: bytes) -> ServerHello:
        """The hello in a message's body (RFC 8446 §4.1.3, RFC 5246 §7.4.1.3); raises Malformed."""
        reader = Reader(body)
        head, session, (high, low, compression) = reader.take(34), reader.vector(1), reader.take(3)
        number, random = int.from_bytes(head[:2], "big"), head[2:]
        extensions = dict(tagged(reader.vector(2))) if reader.left else {}
        chosen = extensions.get(VERSIONS_SUPPORTED)
        if chosen is not None:
            if len(chosen) != 2:
                raise Malformed("a selected version of the wrong length")
            number = int.from_bytes(chosen, "big")
        version, is_retry, is_downgraded = VERSIONS.get(number), random == _RETRY, random.endswith(_DOWNGRADED)
        return cls(number, version, high << 8 | low, compression, session, extensions, is_retry, is_downgraded)

    @property
    def group(self) -> int | None:
        """The group of TLS 1.3, named in a HelloRetryRequest or in the server's key share."""
        body = self.extensions.get(KEY_SHARE, b"")
        return int.from_bytes(body[:2], "big") if len(body) >= 2 else None

    @property
    def share(self) -> bytes:
        """The server's public key in that group; raises Malformed where there is none."""
        reader = Reader(self.extensions.get(KEY_SHARE, b""))
        reader.number(2)
        return reader.vector(2)

    @property
    def cookie(self) -> bytes:
        """What a HelloRetryRequest asks to be sent back (RFC 8446 §4.2.2)."""
        return self.extensions.get(COOKIE, b"")


class Ssl2Hello(NamedTuple):
    """The SERVER-HELLO of SSL 2.0: the certificate, and every cipher kind that both sides have."""

    certificate: bytes
    suites: tuple[int, ...]

    @classmethod
    def parse(cls, body: bytes) -> Ssl2Hello:
        """The hello in a message (draft-hickman-netscape-ssl-00 §2.6); raises Malformed."""
        reader = Reader(body, 3)
        version, of_certificate, of_suites = reader.number(2), reader.number(2), reader.number(2)
        reader.take(2)
        if version != 2 or of_suites % 3:
            raise Malformed("the SERVER-HELLO is malformed")
        certificate, kinds = reader.take(of_certificate), reader.take(of_suites)
        return cls(certificate, tuple(int.from_bytes(kinds[at : at + 3], "big") for at in range(0, of_suites, 3)))


class Flight:
    """What was received of a server's first flight.

    ``parsed_bytes`` counts the bytes up to the end of the last message that was parsed; ``fault`` names an error;
    ``is_done``: the flight, or its part in clear text, is complete; ``has_hello_done``: it ended with ServerHelloDone;
    ``is_over``: this connection shows nothing more.
    """

    def __init__(self) -> None:
        self.hello: ServerHello | None = None
        self.ssl_2: Ssl2Hello | None = None
        self.certificates: tuple[bytes, ...] | None = None
        self.status: bytes | None = None
        self.key_exchange: bytes | None = None
        self.asks_certificate = False
        self.is_done = False
        self.has_hello_done = False
        self.is_over = False
        self.alerts: list[Alert] = []
        self.fault = ""
        self.parsed_bytes = 0
        self._records = RecordReader()
        self._messages = MessageReader(MESSAGE_BYTES)
        self._count = 0

    @property
    def has_chosen(self) -> bool:
        """Whether the server answered with a hello."""
        return self.hello is not None or self.ssl_2 is not None

    def feed(self, data: bytes) -> None:
        """Parse some more bytes."""
        self._records.feed(data)
        try:
            while not self.is_over and self._step():
                pass
        except Malformed as fault:
            self.fault = str(fault)
            self.is_over = True

    # --- records ---

    def _step(self) -> bool:
        """Parse one record; False while it is not whole."""
        records = self._records
        if not records.consumed and self._is_ssl_2():
            return self._parse_ssl_2()
        record = records.next()
        if record is None:
            self._check_incomplete()
            return False
        self._count += 1
        if self._count > RECORDS:
            raise Malformed("too many records")
        self._parse_record(record)
        return True

    def _check_incomplete(self) -> None:
        """Refuse a message that announces too many bytes before it has arrived, and an endless answer."""
        pending = self._records.pending
        if pending[:1] == bytes((ContentType.HANDSHAKE,)):
            self._messages.check_size(bytes(pending[5:9]))
        if self._records.consumed + len(pending) > FLIGHT_BYTES:
            raise Malformed("the answer is too long")

    def _parse_record(self, record: Record) -> None:
        if record.kind == ContentType.HANDSHAKE:
            self._messages.feed(record.body)
            while not self.is_over and (message := self._messages.next()) is not None:
                self.parsed_bytes = self._records.consumed - len(self._messages.pending)
                self._parse_message(message)
            return
        self.parsed_bytes = self._records.consumed
        if record.kind == ContentType.APPLICATION_DATA:
            raise Malformed("application data before the handshake is done")
        if record.kind == ContentType.ALERT:
            for level, number in zip(record.body[::2], record.body[1::2], strict=False):
                if not self.is_over:
                    self._add_alert(Alert(level, number))

    def _add_alert(self, alert: Alert) -> None:
        self.alerts.append(alert)
        self.is_over = alert.is_last
        if len(self.alerts) > WARNINGS:
            raise Malformed("too many alerts")

    # --- handshake messages ---

    def _parse_message(self, message: Message) -> None:
        kind, body = message
        if (kind == HandshakeType.SERVER_HELLO) == (self.hello is not None):
            raise Malformed(f"handshake message {kind} is out of place")
        try:
            self._parse_body(kind, body)
        except Malformed as fault:
            raise Malformed(f"handshake message {kind}: {fault}") from None

    def _parse_body(self, kind: int, body: bytes) -> None:
        if kind == HandshakeType.SERVER_HELLO:
            self.hello = ServerHello.parse(body)
            # What follows is encrypted, or comes only after another hello of the client.
            self.is_done = self.is_over = self.hello.is_retry or self.hello.version is TlsVersion.TLS_1_3
        elif kind == HandshakeType.CERTIFICATE:
            self.certificates = certificate_list(body)
        elif kind == HandshakeType.CERTIFICATE_STATUS:
            self.status = parse_status(body)
        elif kind == HandshakeType.SERVER_KEY_EXCHANGE:
            self.key_exchange = body
        elif kind == HandshakeType.CERTIFICATE_REQUEST:
            self.asks_certificate = True
        elif kind == HandshakeType.SERVER_HELLO_DONE:
            self.has_hello_done = self.is_done = self.is_over = True
        else:
            raise Malformed("out of place")

    # --- SSL 2.0 ---

    def _is_ssl_2(self) -> bool:
        """Whether the bytes begin like a message of SSL 2.0: SERVER-HELLO (4) or ERROR (0)."""
        start = self._records.pending[:4]
        if len(start) < 3:
            return False
        if start[0] & 0x80:
            return start[2] in (0, 4)
        return start[0] < ContentType.CHANGE_CIPHER_SPEC and start[3:] == b"\x04"

    def _parse_ssl_2(self) -> bool:
        pending = self._records.pending
        header = 2 if pending[0] & 0x80 else 3
        length = int.from_bytes(pending[:2], "big") & (0x7FFF if header == 2 else 0x3FFF)
        if len(pending) < header + length:
            return False
        body = bytes(pending[header : header + length])
        self._records.skip(header + length)
        self.parsed_bytes = self._records.consumed
        if body[:1] == b"\x00":
            raise Malformed("SSL 2.0 error " + str(int.from_bytes(body[1:3], "big")))
        self.ssl_2 = Ssl2Hello.parse(body)
        self.is_done = self.is_over = True
        return True


def read_flight(data: bytes) -> Flight:
    """The flight in these bytes."""
    flight = Flight()
    flight.feed(data)
    return flight
