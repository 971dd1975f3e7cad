"""One full handshake, and the session tickets that the server issues with it; up to TLS 1.2 by OpenSSL."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import Final, TypeVar

from inspector import Cause, Network, ScanFailure, Stream, permissive_tls_context
from inspector_tls.resumption.parsing import Handshake
from inspector_tls.wire.server_flight import read_flight
from inspector_tls.wire.versions import TlsVersion

T = TypeVar("T")
#: Negotiates TLS on a new connection, up to the client's first TLS byte; raises ScanFailure.
Opening = Callable[[Stream], Awaitable[None]]

_NEGOTIATED: Final = {
    "TLSv1": TlsVersion.TLS_1_0,
    "TLSv1.1": TlsVersion.TLS_1_1,
    "TLSv1.2": TlsVersion.TLS_1_2,
}
#: SSL_OP_LEGACY_SERVER_CONNECT, which has a name in ``ssl`` from Python 3.12 on, and SSL_OP_TLSEXT_PADDING.
_LEGACY_SERVER, _PADDING = 0x4, 0x10
#: Fewer than 64, as some servers tolerate no more; suites that no server has alone are omitted.
_SUITES: Final = "ALL:eNULL:!DSS:!ARIA:!CAMELLIA:!PSK:!SRP:@SECLEVEL=0"
_KEPT_BYTES = 16_384
#: The number of answers awaited: two within the handshake, one after it.
ANSWERS: Final = 3
_RECORDS = range(20, 25)


@cache
def _context() -> ssl.SSLContext:
    """A client that accepts any version up to TLS 1.2, any suite and any certificate: other checks assess those."""
    context = permissive_tls_context(_SUITES)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.options |= _LEGACY_SERVER | _PADDING
    # Debian's Python treats a connection that ends without close_notify as properly closed.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


@cache
def offered_suites() -> frozenset[int]:
    """The suites that the client of TLS 1.2 offers."""
    return frozenset(each["id"] & 0xFFFF for each in _context().get_ciphers())


async def shake_hands(
    network: Network,
    newest: TlsVersion,
    *,
    server_name: str | None,
    opening: Opening,
    request: bytes = b"",
    seconds: float,
) -> Handshake:
    """Make one full handshake with TLS up to ``newest``, and read the tickets that come with it.

    Where TLS 1.3 is the newest and the server chooses an older version, the handshake ends at its hello.

    After a handshake of TLS 1.3 the client sends ``request``, or close_notify where there is none, and reads until the
    server answers: tickets precede the answer. ``seconds`` bounds the wait for one answer, and with it everything after
    ``opening``.
    """
    try:
        stream = await network.connect(timeout=seconds)
    except ScanFailure as failure:
        return _failed(newest, failure)
    from inspector_tls.resumption.tls_1_3 import Tls13Client  # loads the cryptography library

    client: _Client | Tls13Client
    if newest is TlsVersion.TLS_1_3:
        client = Tls13Client(stream, server_name, seconds)
    else:
        client = _Client(stream, server_name, seconds)
    try:
        await opening(stream)
        async with network.within(ANSWERS * seconds):
            await client.run(request)
    except ScanFailure as failure:
        return _failed(newest, failure)
    except TimeoutError:
        client.fail(Cause.TIMEOUT, f"no end within {ANSWERS * seconds:g} s")
    finally:
        await stream.close()
    return client.result()


def _failed(newest: TlsVersion, failure: ScanFailure) -> Handshake:
    return Handshake(newest=newest, cause=failure.cause, note=failure.message[:300])


class _Client:
    """TLS up to 1.2 over a plain connection, fed record by record."""

    def __init__(self, stream: Stream, server_name: str | None, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # As bytes: of text, the ssl module makes A-labels of IDNA 2003, which may be another host's.
        name = None if server_name is None else server_name.encode("ascii")
        self._tls = _context().wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._buffer = bytearray()
        self._received = bytearray()
        self._lifetime: int | None = None
        self._handshake_done = False
        self._was_closed = False
        self._cause: Cause | None = None
        self._note = ""

    async def run(self, _request: bytes) -> None:
        """Make the handshake, whose end shows the ticket, and close; a failure is kept for ``result``."""
        try:
            await self._step(self._tls.do_handshake)
            self._handshake_done = True
            session = self._tls.session
            if session is not None and session.has_ticket:
                self._lifetime = session.ticket_lifetime_hint
            await self._close()
        except ssl.SSLError as error:
            self.fail(Cause.PROTOCOL_ERROR, error.reason or str(error))
        except ScanFailure as failure:
            self.fail(failure.cause, failure.message)

    def fail(self, cause: Cause, note: str) -> None:
        """Keep the cause that ended the handshake early."""
        self._cause, self._note = cause, note[:300]

    async def _close(self) -> None:
        """Send close_notify without waiting for an answer."""
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        await self._flush()

    async def _step(self, do: Callable[[], T]) -> T:
        """Repeat a step of TLS, moving records between it and the connection, until it is done."""
        while True:
            try:
                result = do()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except ssl.SSLError:
                await self._flush()
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._stream.write(self._outgoing.read(), timeout=self._seconds)

    async def _feed(self) -> None:
        """Feed OpenSSL the next record, or the whole buffer where it does not begin with a record."""
        await asyncio.sleep(0)  # many small records do not block other tasks
        while True:
            size = self._record_size()
            if size and len(self._buffer) >= size:
                break
            data = await self._stream.read(timeout=self._seconds)
            if self._stream.truncated:
                raise ScanFailure(Cause.PROTOCOL_ERROR, "sends more than is read")
            if not data:
                self._was_closed = True
                self._incoming.write_eof()
                return
            self._buffer += data
            self._received += data[: _KEPT_BYTES - len(self._received)]
        self._incoming.write(bytes(self._buffer[:size]))
        del self._buffer[:size]

    def _record_size(self) -> int:
        """The length in bytes of the record at the start of the buffer, 0 while it is unknown."""
        if len(self._buffer) < 5:
            return 0
        if self._buffer[0] not in _RECORDS or self._buffer[1] != 3:
            return len(self._buffer)
        return 5 + int.from_bytes(self._buffer[3:5], "big")

    def result(self) -> Handshake:
        """The result of the handshake."""
        flight = read_flight(bytes(self._received))
        negotiated = self._tls.version() if self._handshake_done else None
        return Handshake(
            newest=TlsVersion.TLS_1_2,
            version=_NEGOTIATED.get(negotiated or "") or (flight.hello.version if flight.hello else None),
            alert=flight.alerts[-1].number if flight.alerts and not self._handshake_done else None,
            handshake_done=self._handshake_done,
            lifetimes=() if self._lifetime is None else (self._lifetime,),
            closed=self._cause is Cause.PROTOCOL_ERROR and not self._received and self._was_closed,
            cause=self._cause,
            note=self._note,
        )
