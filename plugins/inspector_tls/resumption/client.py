"""One visit: a handshake of an ordinary client, with what the server gives to come back by."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

from inspector import Cause, Network, ScanFailure
from inspector.network import Stream
from inspector_tls.resumption.parsing import By, Visit
from inspector_tls.wire.recorded_bytes import alerts, has_ticket, hello_version, is_hello_done
from inspector_tls.wire.versions import TlsVersion

T = TypeVar("T")
#: Brings a fresh connection to where TLS begins.
Opening = Callable[[Stream], Awaitable[None]]

_VERSIONS: Final = {TlsVersion.TLS_1_2: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS_1_3: ssl.TLSVersion.TLSv1_3}
_SPOKEN: Final = {
    "TLSv1": TlsVersion.TLS_1_0,
    "TLSv1.1": TlsVersion.TLS_1_1,
    "TLSv1.2": TlsVersion.TLS_1_2,
    "TLSv1.3": TlsVersion.TLS_1_3,
}
#: SSL_OP_LEGACY_SERVER_CONNECT, which has a name in ``ssl`` from Python 3.12 on, and SSL_OP_TLSEXT_PADDING.
_LEGACY_SERVER, _PADDING = 0x4, 0x10
#: Fewer than 64, for some servers bear no more; left out are suites that no server has alone.
_SUITES: Final = "ALL:!DSS:!ARIA:!CAMELLIA:@SECLEVEL=0"
_KEPT_BYTES = 16_384
_KEPT_LIFETIMES = 16
#: Answers that a visit waits for: two within the handshake, one after it.
ANSWERS: Final = 3
_RECORDS = range(20, 25)
#: With this a server's first flight ends before TLS 1.3, if it begins a full handshake (RFC 5246 §7.4.5).
_HELLO_DONE = b"\x0e\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client offers: versions up to ``newest``, and tickets or not."""

    newest: TlsVersion
    tickets: bool = True

    def context(self) -> ssl.SSLContext:
        """A client of OpenSSL that takes any older version, suite and certificate: others judge those."""
        return _context(self)


@cache
def _context(offer: Offer) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = _VERSIONS[offer.newest]
    context.set_ciphers(_SUITES)
    context.options |= _LEGACY_SERVER | _PADDING
    # Debian's Python has an end without a word taken for a farewell.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if not offer.tickets:
        context.options |= ssl.OP_NO_TICKET
    return context


async def visit(
    network: Network,
    offer: Offer,
    *,
    server_name: str | None,
    session: ssl.SSLSession | None = None,
    opening: Opening,
    words: bytes = b"",
    seconds: float,
) -> tuple[Visit, ssl.SSLSession | None]:
    """Shake hands once, resuming ``session`` where one is given; give what happened, and a session to come back with.

    After a full handshake of TLS 1.3 the client says ``words``, or takes its leave where there are none, and hears what
    the server answers: tickets come in front of it. A client that comes back and takes no tickets does not go on with a
    full handshake, in which there is nothing to be seen. ``seconds`` bounds everything after the opening.
    """
    try:
        stream = await network.connect(timeout=seconds)
    except ScanFailure as failure:
        return _failed(offer, session, failure), None
    talk = _Talk(stream, offer, server_name, session, seconds)
    try:
        await opening(stream)
        async with network.within(ANSWERS * seconds):
            await talk.hold(words)
    except ScanFailure as failure:
        return _failed(offer, session, failure), None
    except TimeoutError:
        talk.fault(Cause.TIMEOUT, f"no end within {ANSWERS * seconds:g} s")
    finally:
        await stream.close()
    return talk.told(), talk.session


def _failed(offer: Offer, session: ssl.SSLSession | None, failure: ScanFailure) -> Visit:
    return Visit(
        newest=offer.newest,
        tickets=offer.tickets,
        by=_means(session),
        cause=failure.cause,
        note=failure.message[:300],
    )


def _means(session: ssl.SSLSession | None) -> By | None:
    """What OpenSSL asks for the session by."""
    if session is None:
        return None
    return By.TICKET if session.has_ticket else By.IDENTIFIER


def _is_bare_end(error: ssl.SSLError) -> bool:
    """Whether the connection ended without TLS's farewell; not every Python has a class of errors for that."""
    return isinstance(error, ssl.SSLEOFError) or error.reason == "UNEXPECTED_EOF_WHILE_READING"


class _Declined(Exception):
    """The server does not take the session up again."""


class _Talk:
    """TLS over a connection in clear, fed record by record: each ticket is seen, though the next replaces it."""

    def __init__(
        self,
        stream: Stream,
        offer: Offer,
        server_name: str | None,
        session: ssl.SSLSession | None,
        seconds: float,
    ) -> None:
        self._stream = stream
        self._offer = offer
        self._offered = session
        self._wants_no_other = session is not None and not offer.tickets
        self._seconds = seconds
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = offer.context().wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name, session=session
        )
        self._buffer = bytearray()
        self._clear = bytearray()
        self._known = session.id if session is not None else b""
        self._lifetimes: list[int] = []
        self._stands = False
        self._declined = False
        self._heard_out = False
        self._is_fed = True
        self.session: ssl.SSLSession | None = None
        self.cause: Cause | None = None
        self.note = ""

    async def hold(self, words: bytes) -> None:
        """Shake hands, hear tickets, take leave; what went wrong is kept."""
        try:
            await self._step(self._tls.do_handshake)
            self._stands = True
            if self._tls.version() != "TLSv1.3":
                if self._offered is None or has_ticket(bytes(self._clear)):
                    self._look_for_ticket()
            elif not self._tls.session_reused:
                self._is_fed = False
                await self._hear_out(words)
            await self._leave()
        except _Declined:
            self._declined = True
        except ssl.SSLError as error:
            self.fault(Cause.PROTOCOL_ERROR, error.reason or str(error))
        except ScanFailure as failure:
            self.fault(failure.cause, failure.message)

    def fault(self, cause: Cause, note: str) -> None:
        """Keep what ended the talk."""
        self.cause, self.note = cause, note[:300]

    async def _hear_out(self, words: bytes) -> None:
        """Hear the server until it speaks or takes its leave; by then it has given its tickets.

        Some give them only together with what they say first: one that ends the connection without a word may have had
        some to give. An alert tells of something else.
        """
        if words:
            await self._step(lambda: self._tls.write(words))
        else:
            await self._leave()
        try:
            await self._step(lambda: self._tls.read(1))
        except ssl.SSLZeroReturnError:
            self._heard_out = True
        except ssl.SSLError as error:
            if not _is_bare_end(error):
                raise
            self.fault(Cause.AMBIGUOUS, "ends the connection without a word after the handshake")
        else:
            self._heard_out = True

    async def _leave(self) -> None:
        """Say goodbye without waiting for an answer: a server forgets sessions that break off."""
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
                self._look_for_ticket()
                await self._feed()
            except ssl.SSLError:
                await self._flush()
                self._look_for_ticket()
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._stream.write(self._outgoing.read(), timeout=self._seconds)

    async def _feed(self) -> None:
        """Hand over the next record, or whatever is there where it is none."""
        await asyncio.sleep(0)  # a flood of small records holds up nobody else
        while True:
            size = self._record_size()
            if size and len(self._buffer) >= size:
                break
            data = await self._stream.read(timeout=self._seconds)
            if self._stream.truncated:
                raise ScanFailure(Cause.PROTOCOL_ERROR, "says more than is read")
            if not data:
                self._incoming.write_eof()
                return
            self._buffer += data
            self._clear += data[: _KEPT_BYTES - len(self._clear)]
            if self._wants_no_other and data.endswith(_HELLO_DONE) and is_hello_done(bytes(self._clear)):
                raise _Declined
        self._incoming.write(bytes(self._buffer[:size]))
        self._is_fed = True
        del self._buffer[:size]

    def _record_size(self) -> int:
        """Bytes of the record at the front of the buffer, 0 while its length is unknown."""
        if len(self._buffer) < 5:
            return 0
        if self._buffer[0] not in _RECORDS or self._buffer[1] != 3:
            return len(self._buffer)
        return 5 + int.from_bytes(self._buffer[3:5], "big")

    def _look_for_ticket(self) -> None:
        """Take note of a ticket that was not there before.

        Each scan makes OpenSSL copy the session: so there is none where no ticket can have come, which is with the end
        of a handshake of TLS 1.3 (RFC 8446 §5.1: the keys change at the end of a record) and with what is read.
        """
        if not (self._stands and self._is_fed):
            return
        self._is_fed = False
        session = self._tls.session
        if session is None:
            return
        self.session = session
        if session.has_ticket and session.id != self._known:
            self._known = session.id
            self._keep(session.ticket_lifetime_hint)

    def _keep(self, lifetime: int) -> None:
        """Keep one lifetime more; of those beyond the first few only the longest."""
        self._lifetimes.append(lifetime)
        if len(self._lifetimes) > _KEPT_LIFETIMES:
            self._lifetimes[-2:] = [max(self._lifetimes[-2:])]

    def told(self) -> Visit:
        """What happened."""
        clear = bytes(self._clear)
        said = alerts(clear)
        spoken = self._tls.version() if self._stands else None
        return Visit(
            newest=self._offer.newest,
            tickets=self._offer.tickets,
            by=_means(self._offered),
            version=_SPOKEN.get(spoken or "") or hello_version(clear),
            alert=said[-1] if said and not self._stands else None,
            stands=self._stands,
            declined=self._declined,
            resumed=self._stands and bool(self._tls.session_reused),
            identified=self._is_identified(),
            lifetimes=tuple(self._lifetimes),
            heard_out=self._heard_out,
            cause=self.cause,
            note=self.note,
        )

    def _is_identified(self) -> bool:
        """Whether the session can be asked for by its identifier; a ticket's is the client's own invention."""
        session = self.session
        return session is not None and not session.has_ticket and bool(session.id)
