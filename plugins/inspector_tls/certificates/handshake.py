"""One handshake up to the certificates, after which the connection is dropped.

Up to TLS 1.2 certificates travel in clear; in TLS 1.3 keys are agreed on to read them. The server is not asked to prove
that it holds the private key: only what it presents is written down.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from inspector import Cause, ScanFailure
from inspector_tls.wire.handshake_messages import (
    ClientHello,
    Group,
    Kind,
    Malformed,
    Manner,
    Presented,
    ServerHello,
    Sort,
    parse_status,
)

if TYPE_CHECKING:
    from inspector import Network
    from inspector.network import Stream
    from inspector_tls.wire.key_schedule import Opened, Share

#: Brings a fresh connection to where TLS begins; raises ScanFailure.
Opening = Callable[["Stream"], Awaitable[None]]
#: Largest handshake message that is read. A chain of 100 certificates stays far below.
MESSAGE_BYTES = 1 << 19
#: Records that carry nothing for us (warnings, empty ones), and handshake messages before the certificates.
_IDLE_RECORDS = 32
_MESSAGES = 8
_HEADER_BYTES, _RECORD_BYTES = 5, (1 << 14) + 2048
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION = 20, 21, 22, 23
_FATAL, _CLOSE_NOTIFY = 2, 0
_TLS_1_3 = 0x0304
_FIRST_SHARES = (Group.X25519, Group.SECP256R1)


class End(StrEnum):
    """How a handshake ended.

    ``presented``: with certificates; ``anonymous``: the server chose a suite without any; ``alert``: it refused, with a
    number; ``malformed``: it speaks TLS, but not so that it can be read; ``not-tls``; ``too-large``; ``closed``:
    without a word; ``failure``: the connection's own, with a cause; ``before-tls``: what is said before TLS did not
    lead to it, with a cause.
    """

    PRESENTED = "presented"
    ANONYMOUS = "anonymous"
    ALERT = "alert"
    MALFORMED = "malformed"
    NOT_TLS = "not-tls"
    TOO_LARGE = "too-large"
    CLOSED = "closed"
    TROUBLE = "trouble"
    BEFORE_TLS = "before-tls"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one handshake; ``version`` as on the wire, ``staple`` None where its place was not reached."""

    end: End
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
    def __init__(self, end: End, note: str = "", alert: int | None = None) -> None:
        super().__init__(note)
        self.end, self.note, self.alert = end, note, alert


async def shake(
    network: Network, manner: Manner, sort: Sort, server_name: str | None, *, opening: Opening, seconds: float
) -> Outcome:
    """Make one handshake with the target, in at most so many seconds after the connection was brought to it."""
    try:
        stream = await network.connect(timeout=seconds)
    except ScanFailure as failure:
        return Outcome(End.TROUBLE, failure.message, cause=failure.cause)
    try:
        await opening(stream)
    except ScanFailure as failure:
        await stream.close()
        return Outcome(End.BEFORE_TLS, failure.message, cause=failure.cause)
    conversation = _Conversation(_Line(stream.read, seconds), stream.write, manner, sort, server_name)
    try:
        async with network.within(seconds):
            return await conversation.hold()
    except _Ended as ended:
        return Outcome(ended.end, ended.note, ended.alert, version=conversation.version)
    except Malformed as error:
        return Outcome(End.MALFORMED, str(error), version=conversation.version)
    except TimeoutError:
        if conversation.presented is not None:
            return conversation.outcome(None)
        note = f"no certificate within {seconds:g} s"
        return Outcome(End.TROUBLE, note, cause=Cause.TIMEOUT, version=conversation.version)
    except ScanFailure as failure:
        return Outcome(End.TROUBLE, failure.message, cause=failure.cause, version=conversation.version)
    finally:
        await stream.close()


class _Line:
    """The server's handshake messages, out of its records."""

    def __init__(self, read: _Read, seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._bytes = bytearray()
        self._message = bytearray()
        self._spoke = False
        self.opened: Opened | None = None

    async def message(self) -> tuple[int, bytes]:
        """Kind of the next message, and all its bytes with the header. Raises _Ended, Malformed and Trouble."""
        idle = 0
        while True:
            if len(self._message) >= 4:
                size = 4 + int.from_bytes(self._message[1:4], "big")
                if size > MESSAGE_BYTES:
                    raise _Ended(End.TOO_LARGE, f"a handshake message of {size} bytes")
                if len(self._message) >= size:
                    whole = bytes(self._message[:size])
                    del self._message[:size]
                    return whole[0], whole
            kind, content = await self._content()
            if kind == _HANDSHAKE and content:
                self._message += content
                continue
            if kind == _ALERT:
                self._heed(content)
            idle += 1
            if idle > _IDLE_RECORDS:
                raise Malformed("records without end that say nothing")

    @staticmethod
    def _heed(alert: bytes) -> None:
        """Pass over warnings; raise _Ended for all else."""
        if len(alert) < 2:
            raise Malformed("an alert that breaks off")
        if alert[0] == _FATAL or alert[1] == _CLOSE_NOTIFY:
            raise _Ended(End.ALERT, f"alert {alert[1]}", alert[1])

    async def _content(self) -> tuple[int, bytes]:
        header = await self._peek(5)
        kind, size = header[0], int.from_bytes(header[3:5], "big")
        if kind not in (_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION) or header[1] != 3:
            raise _Ended(End.NOT_TLS if not self._spoke else End.MALFORMED, repr(bytes(self._bytes[:64])))
        self._spoke = True
        if size > _RECORD_BYTES:
            raise Malformed(f"a record of {size} bytes")
        record = bytes(await self._peek(5 + size))
        del self._bytes[: len(record)]
        if kind == _APPLICATION:
            if self.opened is None:
                raise Malformed("an encrypted record before there are keys")
            return self.opened.open(record)
        return kind, record[5:]

    async def _peek(self, size: int) -> bytearray:
        """The next ``size`` bytes, left where they are."""
        while len(self._bytes) < size:
            data = await self._read(timeout=self._seconds)
            if not data:
                note = repr(bytes(self._bytes[:64])) if self._bytes else ""
                raise _Ended(End.NOT_TLS if self._bytes and not self._spoke else End.CLOSED, note)
            self._bytes += data
        return self._bytes[:size]


@dataclass
class _Conversation:
    """Our hello, the server's, perhaps both once more, and the certificates."""

    line: _Line
    write: _Write
    manner: Manner
    sort: Sort
    server_name: str | None
    random: bytes = field(default_factory=lambda: os.urandom(32))
    session: bytes = field(default_factory=lambda: os.urandom(32))
    version: int | None = None
    presented: Presented | None = None

    async def hold(self) -> Outcome:
        """Say hello and listen until the certificates are there."""
        from inspector_tls.wire.key_schedule import own_share, retried

        shares = [own_share(group) for group in _FIRST_SHARES] if self.manner is Manner.TLS_1_3 else []
        transcript = await self._say_hello(shares)
        hello, message = await self._server_hello()
        if hello.retry:
            if hello.version != _TLS_1_3 or hello.group in _FIRST_SHARES:
                raise Malformed("a request for another hello that changes nothing")
            shares = shares if hello.group is None else [own_share(hello.group)]
            again = await self._say_hello(shares, cookie=hello.cookie)
            transcript = retried(hello.suite, transcript) + message + again
            hello, message = await self._server_hello()
            if hello.retry:
                raise Malformed("a second request for another hello")
        if hello.is_anonymous:
            if self.manner is not Manner.ANONYMOUS:
                raise Malformed("a suite that was not offered")
            return Outcome(End.ANONYMOUS, version=hello.version)
        if hello.version == _TLS_1_3:
            return await self._sealed(hello, shares, transcript + message)
        return await self._clear(hello)

    async def _say_hello(self, shares: list[Share], cookie: bytes = b"") -> bytes:
        """Send a hello; its message, without the header of the record."""
        pairs = tuple((share.group, share.public) for share in shares)
        hello = ClientHello(self.manner, self.sort, self.server_name, self.random, self.session, pairs, cookie)
        record = hello.record()
        await self.write(record)
        return record[_HEADER_BYTES:]

    async def _server_hello(self) -> tuple[ServerHello, bytes]:
        kind, message = await self.line.message()
        if kind != Kind.SERVER_HELLO:
            raise Malformed(f"message {kind} instead of a hello")
        hello = ServerHello.parse(message[4:])
        self.version = hello.version
        return hello, message

    async def _sealed(self, hello: ServerHello, shares: list[Share], transcript: bytes) -> Outcome:
        from inspector_tls.wire.key_schedule import Opened

        share = next((each for each in shares if each.group == hello.group), None)
        if share is None:
            raise Malformed("a key share for a group that was not offered")
        self.line.opened = Opened(hello.suite, share.secret(hello.share), transcript)
        self.presented = Presented.parse_sealed(await self._awaited(Kind.CERTIFICATE))
        return self.outcome(self.presented.staple)

    async def _clear(self, hello: ServerHello) -> Outcome:
        chain = Presented.parse_clear(await self._awaited(Kind.CERTIFICATE)).certificates
        self.presented = Presented(chain, timestamps=hello.timestamps)
        if self.manner is Manner.BARE:
            return self.outcome(None)
        try:
            kind, message = await self.line.message()
            return self.outcome(parse_status(message[4:]) if kind == Kind.CERTIFICATE_STATUS else b"")
        except (_Ended, Malformed, ScanFailure):
            # The certificates are there; only whether a response is stapled was not seen.
            return self.outcome(None)

    def outcome(self, staple: bytes | None) -> Outcome:
        """What is known once certificates were presented."""
        return Outcome(End.PRESENTED, version=self.version, presented=self.presented, staple=staple)

    async def _awaited(self, kind: Kind) -> bytes:
        """The body of the next message of this kind."""
        for _ in range(_MESSAGES):
            found, message = await self.line.message()
            if found == kind:
                return message[4:]
        raise Malformed("no certificates among the first messages")
