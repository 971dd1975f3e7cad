"""One full handshake of TLS 1.3 by a client of our own, and the session tickets that the server issues after it.

Read from the wire, a ticket shows the lifetime that the server gives (RFC 8446 §4.6.1): OpenSSL shows no more than
seven days from release 3.5 on, and speaks only the groups of its release.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from functools import cache
from typing import Final

from inspector import Cause, ScanFailure, Stream
from inspector_tls.resumption.parsing import Handshake
from inspector_tls.wire import client_hello as wire
from inspector_tls.wire.alerts import Alert, AlertNumber
from inspector_tls.wire.client_hello import RANDOM_BYTES, SAFE_RECORD_BYTES, Hello, encode
from inspector_tls.wire.code_points import AGREED_GROUPS, AGREED_SUITES, exists_in, rarity, signatures, suites
from inspector_tls.wire.encoding import Malformed, Reader, vector
from inspector_tls.wire.key_schedule import (
    KeySchedule,
    RecordProtection,
    Share,
    UnsupportedParameter,
    message_hash,
    own_share,
)
from inspector_tls.wire.records import ContentType, HandshakeType, Message, MessageReader, RecordReader
from inspector_tls.wire.server_flight import ServerHello
from inspector_tls.wire.versions import TlsVersion

#: Largest handshake message, records without content in a row, and messages up to the server's Finished.
_MESSAGE_BYTES: Final = 1 << 19
_IDLE_RECORDS: Final = 32
_MESSAGES: Final = 16
_KEPT_LIFETIMES: Final = 16
_HEADER_BYTES: Final = 5
_FIRST_SHARES: Final = AGREED_GROUPS[:2]
_OLDER: Final = (TlsVersion.TLS_1_2, TlsVersion.TLS_1_1, TlsVersion.TLS_1_0)
_EXTENSIONS: Final = (wire.MASTER_SECRET, wire.RENEGOTIATION, wire.PSK_MODES)


@cache
def _offered_suites() -> tuple[int, ...]:
    """Fewer than 64, as some servers tolerate no more: the likely ones of older versions, and those without encryption.

    A server that chooses one of these shows that it does not support TLS 1.3.
    """
    known = sorted(
        (each for each in suites().values() if exists_in(TlsVersion.TLS_1_2, each)),
        key=lambda each: (rarity(each), not each.is_aead, each.key_exchange != "ECDHE", each.code),
    )
    usual = (
        each.code
        for each in known
        if each.key_exchange in {"RSA", "DHE", "ECDHE"}
        and each.authentication in {"RSA", "ECDSA"}
        and (rarity(each) <= 1 or each.cipher == "NULL")
        and not each.export
        and not each.mode.startswith("CCM")
    )
    return (*AGREED_SUITES, *usual)


@cache
def _offered_signatures() -> tuple[int, ...]:
    known = (each for each in signatures().values() if each.digest not in {"MD5", "SHA224"})
    return tuple(
        each.code for each in sorted(known, key=lambda each: (each.newest is not TlsVersion.TLS_1_3, each.code))
    )


def _hello(server_name: str | None, shares: tuple[int, ...], cookie: bytes = b"") -> Hello:
    return Hello(
        TlsVersion.TLS_1_3,
        _offered_suites(),
        server_name,
        groups=AGREED_GROUPS,
        signatures=_offered_signatures(),
        shares=shares,
        extensions=_EXTENSIONS,
        least_bytes=SAFE_RECORD_BYTES,
        older_versions=_OLDER,
        cookie=cookie,
    )


class _Refused(Exception):
    """The server ended the handshake or the connection by an alert."""

    def __init__(self, number: int) -> None:
        super().__init__(f"alert {number}")
        self.number = number


class _Closed(Exception):
    """The connection ended without an alert."""


class Tls13Client:
    """A client that offers TLS 1.3, and older versions so that a server can choose one; each wait is of ``seconds``."""

    def __init__(self, stream: Stream, server_name: str | None, seconds: float) -> None:
        self._stream = stream
        self._server_name = server_name
        self._seconds = seconds
        self._records = RecordReader()
        self._messages = MessageReader(_MESSAGE_BYTES)
        self._protection: RecordProtection | None = None
        self._random = secrets.token_bytes(RANDOM_BYTES)
        self._received = False
        self._made = Handshake(newest=TlsVersion.TLS_1_3)
        self._lifetimes: list[int] = []

    async def run(self, request: bytes) -> None:
        """Make the handshake, read tickets, close; a failure is kept for ``result``."""
        try:
            await self._run(request)
        except _Refused as refused:
            alert = None if self._made.handshake_done else refused.number
            self._made = self._made.model_copy(update={"alert": alert})
            self.fail(Cause.PROTOCOL_ERROR, str(refused))
        except _Closed:
            self._made = self._made.model_copy(update={"closed": not self._received})
            self.fail(Cause.PROTOCOL_ERROR, "ends the connection within the handshake")
        except Malformed as error:
            self.fail(Cause.PROTOCOL_ERROR, str(error))
        except UnsupportedParameter as error:
            self.fail(Cause.TOOL_MISSING, str(error))
        except ScanFailure as failure:
            self.fail(failure.cause, failure.message)

    def fail(self, cause: Cause, note: str) -> None:
        """Keep the cause that ended the handshake early."""
        self._made = self._made.model_copy(update={"cause": cause, "note": note[:300]})

    def result(self) -> Handshake:
        """The result of the handshake."""
        return self._made.model_copy(update={"lifetimes": tuple(self._lifetimes)})

    async def _run(self, request: bytes) -> None:
        chosen, shares, transcript = await self._say_hello()
        if chosen.version is not TlsVersion.TLS_1_3:
            return
        share = next((each for each in shares if each.group == chosen.group), None)
        if share is None or chosen.suite not in AGREED_SUITES:
            raise Malformed("a group or a suite that was not offered")
        keys = KeySchedule(chosen.suite, share.secret(chosen.share), transcript)
        client = await self._finish(keys, transcript)
        await self._read_tickets(client, request)
        with suppress(ScanFailure):
            await self._write(client.encrypt(ContentType.ALERT, bytes((1, AlertNumber.CLOSE_NOTIFY))))

    # --- the handshake ---

    async def _say_hello(self) -> tuple[ServerHello, list[Share], bytes]:
        """The server's hello, the keys that it was offered, and the transcript up to it."""
        shares = [own_share(group) for group in _FIRST_SHARES]
        transcript = await self._send_hello(shares)
        chosen, message = await self._server_hello()
        if chosen.is_retry and chosen.version is TlsVersion.TLS_1_3:
            if chosen.group in _FIRST_SHARES or (chosen.group is None and not chosen.cookie):
                raise Malformed("a request for another hello that changes nothing")
            shares = shares if chosen.group is None else [own_share(chosen.group)]
            second = await self._send_hello(shares, chosen.cookie)
            transcript = message_hash(chosen.suite, transcript) + message + second
            chosen, message = await self._server_hello()
        if chosen.is_retry:
            raise Malformed("a second request for another hello")
        return chosen, shares, transcript + message

    async def _send_hello(self, shares: list[Share], cookie: bytes = b"") -> bytes:
        keys = {share.group: share.public for share in shares}
        record = encode(_hello(self._server_name, tuple(keys), cookie), random=self._random, keys=keys)
        await self._write(record)
        return record[_HEADER_BYTES:]

    async def _server_hello(self) -> tuple[ServerHello, bytes]:
        message = await self._message()
        if message.kind != HandshakeType.SERVER_HELLO:
            raise Malformed(f"message {message.kind} instead of a hello")
        chosen = ServerHello.parse(message.body)
        self._made = self._made.model_copy(update={"version": chosen.version, "suite": chosen.suite})
        return chosen, message.raw

    async def _finish(self, keys: KeySchedule, transcript: bytes) -> RecordProtection:
        """Read up to the server's Finished, and send the client's, with an empty certificate if it is asked for one.

        The result protects what the client sends afterwards.
        """
        self._protection = keys.server
        certificate = b""
        for _ in range(_MESSAGES):
            message = await self._message()
            transcript += message.raw
            if message.kind == HandshakeType.CERTIFICATE_REQUEST:
                context = Reader(message.body).vector(1)
                certificate = Message(HandshakeType.CERTIFICATE, vector(context, 1) + vector(b"", 3)).raw
            if message.kind == HandshakeType.FINISHED:
                break
        else:
            raise Malformed("no end of the handshake among its first messages")
        self._protection, client = keys.application(transcript)
        finished = Message(HandshakeType.FINISHED, keys.finished(transcript + certificate)).raw
        await self._write(keys.client.encrypt(ContentType.HANDSHAKE, certificate + finished))
        self._made = self._made.model_copy(update={"handshake_done": True})
        return client

    # --- after it ---

    async def _read_tickets(self, client: RecordProtection, request: bytes) -> None:
        """Send ``request``, or close_notify where there is none, and read until the server answers it.

        Tickets precede its data and its close_notify. Some servers issue them only together with their first data:
        where the connection ends without close_notify, more are possible. An alert proves nothing about tickets.
        """
        kind = ContentType.APPLICATION_DATA if request else ContentType.ALERT
        await self._write(client.encrypt(kind, request or bytes((1, AlertNumber.CLOSE_NOTIFY))))
        try:
            while (message := await self._next()) is not None:
                self._take(message)
        except _Refused as refused:
            if refused.number != AlertNumber.CLOSE_NOTIFY:
                raise
        except _Closed:
            self.fail(Cause.AMBIGUOUS, "ends the connection without close_notify after the handshake")
            return
        self._made = self._made.model_copy(update={"tickets_read": True})

    def _take(self, message: Message) -> None:
        if message.kind == HandshakeType.NEW_SESSION_TICKET:
            self._keep(Reader(message.body).number(4))
        elif message.kind == HandshakeType.KEY_UPDATE and self._protection is not None:
            self._protection = self._protection.updated()

    def _keep(self, lifetime: int) -> None:
        """Keep one more lifetime; of those after the first few only the longest."""
        self._lifetimes.append(lifetime)
        if len(self._lifetimes) > _KEPT_LIFETIMES:
            self._lifetimes[-2:] = [max(self._lifetimes[-2:])]

    # --- records ---

    async def _message(self) -> Message:
        """The next message of the handshake; raises _Refused, _Closed, Malformed, ScanFailure."""
        message = await self._next()
        if message is None:
            raise Malformed("application data within the handshake")
        return message

    async def _next(self) -> Message | None:
        """The next handshake message, None where application data comes first."""
        idle = 0
        while (message := self._messages.next()) is None:
            kind, content = await self._content()
            if kind == ContentType.APPLICATION_DATA:
                return None
            if kind == ContentType.ALERT:
                _check_alert(content)
            if kind == ContentType.HANDSHAKE and content:
                self._messages.feed(content)
                continue
            idle += 1
            if idle > _IDLE_RECORDS:
                raise Malformed("too many records without content")
        return message

    async def _content(self) -> tuple[int, bytes]:
        """Type and content of the next record, decrypted where it is encrypted."""
        await asyncio.sleep(0)  # many small records do not block other tasks
        while (record := self._records.next()) is None:
            data = await self._stream.read(timeout=self._seconds)
            if self._stream.truncated:
                raise ScanFailure(Cause.PROTOCOL_ERROR, "sends more than is read")
            if not data:
                raise _Closed
            self._received = True
            self._records.feed(data)
        if record.kind != ContentType.APPLICATION_DATA:
            return record.kind, record.body
        if self._protection is None:
            raise Malformed("an encrypted record before there are keys")
        return self._protection.decrypt(record)

    async def _write(self, data: bytes) -> None:
        await self._stream.write(data, timeout=self._seconds)


def _check_alert(content: bytes) -> None:
    """Ignore warnings of older versions; raise _Refused for any other alert."""
    if len(content) < 2:
        raise Malformed("an alert that breaks off")
    alert = Alert(content[0], content[1])
    if alert.is_last:
        raise _Refused(alert.number)
