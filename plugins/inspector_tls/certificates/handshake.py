"""One handshake up to the certificates, after which the connection is closed.

Up to TLS 1.2 certificates are sent in clear text; in TLS 1.3 keys are agreed to decrypt them. The server is not asked
to prove that it has the private key: only what it presents is recorded.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from inspector import Cause, ScanFailure, masked
from inspector_tls.certificates.hello_profiles import (
    FIRST_SHARES,
    CertificateKind,
    HelloProfile,
    anonymous_suites,
    hello,
)
from inspector_tls.wire.alerts import Alert
from inspector_tls.wire.certificate_messages import Presented, parse_status
from inspector_tls.wire.client_hello import RANDOM_BYTES, TIMESTAMPS, Hello, encode
from inspector_tls.wire.encoding import Malformed
from inspector_tls.wire.records import (
    ContentType,
    HandshakeType,
    Message,
    MessageReader,
    NotARecord,
    OversizedMessage,
    RecordReader,
)
from inspector_tls.wire.server_flight import ServerHello
from inspector_tls.wire.versions import TlsVersion

if TYPE_CHECKING:
    from inspector import Network, Stream
    from inspector_tls.wire.key_schedule import RecordProtection, Share

#: Negotiates TLS on a new connection, up to the client's first TLS byte; raises ScanFailure.
Opening = Callable[["Stream"], Awaitable[None]]
#: Largest handshake message that is parsed. A chain of 100 certificates stays far below.
MESSAGE_BYTES = 1 << 19
#: Records without handshake content (warnings, empty ones) in a row, and handshake messages before the certificates.
_IDLE_RECORDS = 32
_MESSAGES = 8
_HEADER_BYTES = 5
_SHOWN_BYTES = 64


class HandshakeEnd(StrEnum):
    """How a handshake ended.

    ``presented``: with certificates; ``anonymous``: the server chose a suite without any; ``alert``: it refused, with a
    number; ``malformed``: it answers with TLS, but its messages cannot be parsed; ``not-tls``; ``too-large``;
    ``closed``: the server closed the connection without an alert; ``failed``: the connection failed, with a cause;
    ``before-tls``: the dialogue before TLS did not lead to it, with a cause; ``unsupported``: the server chose a group
    or a suite in which this client cannot agree keys or decrypt, named in the note.
    """

    PRESENTED = "presented"
    ANONYMOUS = "anonymous"
    ALERT = "alert"
    MALFORMED = "malformed"
    NOT_TLS = "not-tls"
    TOO_LARGE = "too-large"
    CLOSED = "closed"
    FAILED = "failed"
    BEFORE_TLS = "before-tls"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class HandshakeResult:
    """The result of one handshake; ``version`` as on the wire, ``staple`` None where the handshake ended before it."""

    end: HandshakeEnd
    note: str = ""
    alert: int | None = None
    cause: Cause | None = None
    version: int | None = None
    presented: Presented | None = None
    staple: bytes | None = None


class _Read(Protocol):
    def __call__(self, limit: int = ..., *, timeout: float = ...) -> Awaitable[bytes]: ...


class _Write(Protocol):
    def __call__(self, data: bytes, *, timeout: float = ...) -> Awaitable[None]: ...


class _Ended(Exception):
    def __init__(self, end: HandshakeEnd, note: str = "", alert: int | None = None) -> None:
        super().__init__(note)
        self.end, self.note, self.alert = end, note, alert


async def fetch_certificates(
    network: Network,
    profile: HelloProfile,
    kind: CertificateKind,
    server_name: str | None,
    *,
    opening: Opening,
    seconds: float,
) -> HandshakeResult:
    """Make one handshake with the target, in at most so many seconds after ``opening``."""
    try:
        stream = await network.connect(timeout=seconds)
    except ScanFailure as failure:
        return HandshakeResult(HandshakeEnd.FAILED, failure.message, cause=failure.cause)
    try:
        await opening(stream)
    except ScanFailure as failure:
        await stream.close()
        return HandshakeResult(HandshakeEnd.BEFORE_TLS, failure.message, cause=failure.cause)
    from inspector_tls.wire.key_schedule import UnsupportedParameter

    handshake = _Handshake(_Messages(stream.read, seconds), stream.write, profile, kind, server_name)
    try:
        async with network.within(seconds):
            return await handshake.run()
    except _Ended as ended:
        return HandshakeResult(ended.end, ended.note, ended.alert, version=handshake.version)
    except Malformed as error:
        return HandshakeResult(HandshakeEnd.MALFORMED, str(error), version=handshake.version)
    except UnsupportedParameter as error:
        cause, version = Cause.TOOL_MISSING, handshake.version
        return HandshakeResult(HandshakeEnd.UNSUPPORTED, str(error), cause=cause, version=version)
    except TimeoutError:
        if handshake.presented is not None:
            return handshake.result(None)
        note = f"no certificate within {seconds:g} s"
        return HandshakeResult(HandshakeEnd.FAILED, note, cause=Cause.TIMEOUT, version=handshake.version)
    except ScanFailure as failure:
        return HandshakeResult(HandshakeEnd.FAILED, failure.message, cause=failure.cause, version=handshake.version)
    finally:
        await stream.close()


class _Messages:
    """The server's handshake messages, out of its records."""

    def __init__(self, read: _Read, seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._records = RecordReader()
        self._messages = MessageReader(MESSAGE_BYTES)
        self.decryption: RecordProtection | None = None

    async def next(self) -> Message:
        """The next message. Raises _Ended, Malformed and ScanFailure."""
        idle = 0
        while True:
            try:
                message = self._messages.next()
            except OversizedMessage as error:
                raise _Ended(HandshakeEnd.TOO_LARGE, str(error)) from None
            if message is not None:
                return message
            kind, content = await self._content()
            if kind == ContentType.HANDSHAKE and content:
                self._messages.feed(content)
                continue
            if kind == ContentType.ALERT:
                _check_alert(content)
            idle += 1
            if idle > _IDLE_RECORDS:
                raise Malformed("too many records without handshake content")

    async def _content(self) -> tuple[int, bytes]:
        """Type and content of the next record, decrypted where it is encrypted."""
        try:
            while (record := self._records.next()) is None:
                await self._receive()
        except NotARecord:
            begun = self._records.consumed > 0
            raise _Ended(HandshakeEnd.MALFORMED if begun else HandshakeEnd.NOT_TLS, self._shown()) from None
        if record.kind != ContentType.APPLICATION_DATA:
            return record.kind, record.body
        if self.decryption is None:
            raise Malformed("an encrypted record before there are keys")
        return self.decryption.decrypt(record)

    async def _receive(self) -> None:
        data = await self._read(timeout=self._seconds)
        if not data:
            pending = len(self._records.pending)
            is_cut = bool(self._records.consumed) or pending >= _HEADER_BYTES
            note = self._shown() if pending else ""
            raise _Ended(HandshakeEnd.NOT_TLS if pending and not is_cut else HandshakeEnd.CLOSED, note)
        self._records.feed(data)

    def _shown(self) -> str:
        return repr(masked(bytes(self._records.pending))[:_SHOWN_BYTES])


def _check_alert(content: bytes) -> None:
    """Ignore warnings; raise _Ended for any other alert."""
    if len(content) < 2:
        raise Malformed("an alert that breaks off")
    alert = Alert(content[0], content[1])
    if alert.is_last:
        raise _Ended(HandshakeEnd.ALERT, f"alert {alert.number}", alert.number)


@dataclass
class _Handshake:
    """The client's hello, the server's, perhaps both once more, and the certificates."""

    messages: _Messages
    write: _Write
    profile: HelloProfile
    kind: CertificateKind
    server_name: str | None
    random: bytes = field(default_factory=lambda: secrets.token_bytes(RANDOM_BYTES))
    version: int | None = None
    presented: Presented | None = None
    offered: Hello | None = None

    async def run(self) -> HandshakeResult:
        """Send a hello and receive messages until the certificates have come."""
        from inspector_tls.wire.key_schedule import message_hash, own_share

        shares = [own_share(group) for group in FIRST_SHARES] if self.profile is HelloProfile.TLS_1_3 else []
        transcript = await self._send_hello(shares)
        chosen, message = await self._server_hello()
        if chosen.is_retry:
            if chosen.version is not TlsVersion.TLS_1_3 or chosen.group in FIRST_SHARES:
                raise Malformed("a request for another hello that changes nothing")
            shares = shares if chosen.group is None else [own_share(chosen.group)]
            second = await self._send_hello(shares, chosen.cookie)
            transcript = message_hash(chosen.suite, transcript) + message + second
            chosen, message = await self._server_hello()
            if chosen.is_retry:
                raise Malformed("a second request for another hello")
        if chosen.suite in anonymous_suites():
            if self.profile is not HelloProfile.ANONYMOUS:
                raise Malformed("a suite that was not offered")
            return HandshakeResult(HandshakeEnd.ANONYMOUS, version=chosen.number)
        if chosen.version is TlsVersion.TLS_1_3:
            return await self._encrypted(chosen, shares, transcript + message)
        return await self._clear(chosen)

    async def _send_hello(self, shares: Sequence[Share], cookie: bytes = b"") -> bytes:
        """Send a hello; its message, without the header of the record."""
        keys = {share.group: share.public for share in shares}
        self.offered = hello(self.profile, self.kind, self.server_name, shares=tuple(keys), cookie=cookie)
        record = encode(self.offered, random=self.random, keys=keys)
        await self.write(record)
        return record[_HEADER_BYTES:]

    async def _server_hello(self) -> tuple[ServerHello, bytes]:
        message = await self.messages.next()
        if message.kind != HandshakeType.SERVER_HELLO:
            raise Malformed(f"message {message.kind} instead of a hello")
        chosen = ServerHello.parse(message.body)
        self.version = chosen.number
        if self.offered is not None and chosen.version is TlsVersion.TLS_1_3:
            if chosen.suite not in self.offered.suites:
                raise Malformed("a suite that was not offered")
            if chosen.group is not None and chosen.group not in self.offered.groups:
                raise Malformed("a group that was not offered")
        return chosen, message.raw

    async def _encrypted(self, chosen: ServerHello, shares: Sequence[Share], transcript: bytes) -> HandshakeResult:
        from inspector_tls.wire.key_schedule import KeySchedule

        share = next((each for each in shares if each.group == chosen.group), None)
        if share is None:
            raise Malformed("a key share for a group that was not offered")
        self.messages.decryption = KeySchedule(chosen.suite, share.secret(chosen.share), transcript).server
        self.presented = Presented.parse_encrypted(await self._certificate())
        return self.result(self.presented.staple)

    async def _clear(self, chosen: ServerHello) -> HandshakeResult:
        chain = Presented.parse_clear(await self._certificate()).certificates
        self.presented = Presented(chain, timestamps=chosen.extensions.get(TIMESTAMPS, b""))
        if self.profile is HelloProfile.BARE:
            return self.result(None)
        try:
            message = await self.messages.next()
            is_status = message.kind == HandshakeType.CERTIFICATE_STATUS
            return self.result(parse_status(message.body) if is_status else b"")
        except (_Ended, Malformed, ScanFailure):
            # The certificates are known; only the stapled response was not seen.
            return self.result(None)

    def result(self, staple: bytes | None) -> HandshakeResult:
        """What is known once certificates were presented."""
        return HandshakeResult(HandshakeEnd.PRESENTED, version=self.version, presented=self.presented, staple=staple)

    async def _certificate(self) -> bytes:
        """The body of the next Certificate message."""
        for _ in range(_MESSAGES):
            message = await self.messages.next()
            if message.kind == HandshakeType.CERTIFICATE:
                return message.body
        raise Malformed("no certificates among the first messages")
