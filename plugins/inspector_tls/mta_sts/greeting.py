"""The first dialogue with a mail server: what it says, and when."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from inspector import Answer, Cause, FailureNote, Identity, Model, NotSeen, ScanFailure, Stream, masked
from inspector_tls.mta_sts.observations import Greeting
from inspector_tls.starttls.logins import logins_before_tls
from inspector_tls.starttls.negotiation import SMTP, Names, Negotiation, NotOffered, NotUnderstood, Refused, shown
from inspector_tls.starttls.observations import TlsReadiness
from inspector_tls.starttls.runner import NEGOTIATION_SECONDS, names_of

#: The most pieces that are read, for servers that answer byte by byte.
_PIECES: Final = 200
#: Two lines of one greeting that are so many milliseconds apart are a pause on purpose.
_PAUSE_MILLISECONDS: Final = 1500
#: A line of the reply to EHLO; the first one names the server.
_KEYWORD: Final = re.compile(rb"^250[- ]([A-Za-z0-9-]{0,64})", re.MULTILINE)
#: The most extensions that are stored.
_EXTENSIONS: Final = 64


class Piece(Model):
    """Some bytes that arrived together, so many milliseconds after the connection was made."""

    data: bytes
    milliseconds: int


class StoredGreeting(Model):
    """What arrived on the connection; ``note`` is what ended it early."""

    pieces: tuple[Piece, ...] = ()
    note: FailureNote | None = None

    def greeting(self) -> Answer[Greeting]:
        """The facts; unseen with its cause where the server did not come to an answer about TLS."""
        try:
            return Answer(seen=self._greeting())
        except NotSeen as unseen:
            return Answer(unseen=unseen.cause)

    @property
    def received(self) -> bytes:
        """All that arrived."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def other_protocol(self) -> str:
        """What came where it is not SMTP, printable and bounded; else empty."""
        try:
            self._negotiate()
        except NotUnderstood:
            return shown(self.received.strip()) or "…"
        except ScanFailure:
            pass
        return ""

    def _negotiate(self) -> Negotiation:
        negotiation = Negotiation(SMTP.name, _NO_NAMES)
        for piece in self.pieces:
            negotiation.take()
            negotiation.feed(piece.data)
        return negotiation

    def _greeting(self) -> Greeting:
        readiness = self._readiness()
        logins = logins_before_tls(SMTP.name, self.received)
        whole = next((piece.milliseconds for piece in self.pieces if self._is_greeted(piece)), 0)
        keywords = {found.decode().upper() for found in _KEYWORD.findall(self.received)[1:]}
        return Greeting(
            banner=shown(self.received.partition(b"\r\n")[0]),
            seconds=self.pieces[0].milliseconds // 1000,
            paused=whole - self.pieces[0].milliseconds >= _PAUSE_MILLISECONDS,
            extensions=tuple(sorted(keywords))[:_EXTENSIONS],
            readiness=readiness,
            logins=logins.value,
        )

    def _is_greeted(self, piece: Piece) -> bool:
        """Whether the greeting is complete with this piece."""
        arrived = b"".join(each.data for each in self.pieces[: self.pieces.index(piece) + 1])
        return re.search(rb"^220 ", arrived, re.MULTILINE) is not None

    def _readiness(self) -> TlsReadiness:
        try:
            negotiation = self._negotiate()
        except NotOffered:
            return TlsReadiness.NOT_OFFERED
        except Refused:
            return TlsReadiness.REFUSED
        except ScanFailure as failure:
            raise NotSeen(self._cause(failure.cause)) from None
        if not negotiation.is_ready:
            raise NotSeen(self.note.cause if self.note else Cause.RESET)
        return TlsReadiness.OFFERED

    def _cause(self, cause: Cause) -> Cause:
        """A rejection by 421 is for now, one by 521 or 554 for this client (RFC 5321 §3.1, §3.8; RFC 7504)."""
        last = self.received.rstrip(b"\r\n").rpartition(b"\n")[2][:3]
        return {b"421": Cause.RATE_LIMITED, b"521": Cause.BLOCKED, b"554": Cause.BLOCKED}.get(last, cause)


_NO_NAMES = Names(host="", ehlo="")


async def greet(stream: Stream, host: str, identity: Identity, *, greeting_seconds: int) -> StoredGreeting:
    """Run the dialogue up to the answer to STARTTLS; ``greeting_seconds`` bounds the wait for the first bytes."""
    negotiation = Negotiation(SMTP.name, names_of(host, identity))
    clock = asyncio.get_running_loop().time
    began = clock()
    deadline = began + greeting_seconds
    pieces: list[Piece] = []
    note: FailureNote | None = None
    try:
        while not negotiation.is_ready and len(pieces) < _PIECES:
            if outgoing := negotiation.take():
                await stream.write(outgoing, timeout=max(0.1, deadline - clock()))
            data = await stream.read(4096, timeout=max(0.1, deadline - clock()))
            if not data:
                raise ScanFailure(Cause.RESET, "ends the connection")
            if not pieces:
                deadline = clock() + NEGOTIATION_SECONDS
            pieces.append(Piece(data=data, milliseconds=int((clock() - began) * 1000)))
            negotiation.feed(data)
    except ScanFailure as failure:
        note = FailureNote(cause=failure.cause, detail=failure.message[:500])
    return StoredGreeting(pieces=_masked(pieces), note=note)


def _masked(pieces: list[Piece]) -> tuple[Piece, ...]:
    """What was received, masked as a whole and cut as it came: a word may arrive in two pieces."""
    whole, found = masked(b"".join(piece.data for piece in pieces)), []
    for piece in pieces:
        found.append(Piece(data=whole[: len(piece.data)], milliseconds=piece.milliseconds))
        whole = whole[len(piece.data) :]
    return tuple(found)
