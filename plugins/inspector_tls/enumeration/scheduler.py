"""Sends the questions of an enumeration over connections of the network gateway."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from inspector import Cause, Network, RoundTripEnd, ScanFailure, Stream
from inspector_tls.enumeration.analysis.tls import read_exchanges
from inspector_tls.enumeration.question_flow import FlowRunner, Question
from inspector_tls.enumeration.reply import Reply
from inspector_tls.enumeration.strategy.asking import key_of
from inspector_tls.enumeration.strategy.context import EVERY_PART, ServerContext
from inspector_tls.enumeration.strategy.survey import enumeration
from inspector_tls.enumeration.transcript import Exchange, Mode, Transcript
from inspector_tls.observations import Part, Tls
from inspector_tls.starttls.negotiation import NoTls
from inspector_tls.wire.client_hello import RANDOM_BYTES, Hello, decode, encode
from inspector_tls.wire.code_points import AGES
from inspector_tls.wire.server_flight import Flight

#: The most connections of an enumeration; questions beyond them stay unseen.
MOST_CONNECTIONS = 400
#: Connections to one address at a time.
AT_ONCE = 5
#: The most failed connections: in all, and before the first answer.
_MAX_FAILURES, _MAX_FIRST_FAILURES = 24, 6
#: The pause before a question is asked alone, in which the server closes the other connections.
_QUIET_SECONDS = 0.02
#: After so many bytes in all, answers are read up to the ServerHello only.
_WHOLE_FLIGHT_BYTES = 2_000_000
_NOTE_CHARACTERS = 300
#: Causes that would apply to the next connection, too.
_FINAL = frozenset(
    {
        Cause.NOT_AUTHORISED,
        Cause.OUTSIDE_WINDOW,
        Cause.OUT_OF_SCOPE,
        Cause.ABORTED,
        Cause.BLOCKED,
        Cause.RATE_LIMITED,
        Cause.BUG,
    }
)

#: Negotiates TLS on a new connection before the hello, e.g. by STARTTLS; raises ScanFailure.
Opening = Callable[[Stream], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Enumeration:
    """The transcript, and the hello and the flight of each exchange as they were parsed on arrival."""

    transcript: Transcript
    parsed: tuple[tuple[Hello, Flight], ...]

    @property
    def facts(self) -> Tls:
        """What ``read_transcript`` finds in the transcript, without parsing its bytes a second time."""
        return read_exchanges(self.transcript, self.parsed)

    def moduli(self, digests: Iterable[str]) -> frozenset[bytes]:
        """The moduli of Diffie-Hellman keys (big endian) with these SHA-256."""
        wanted = frozenset(digests)
        keys = (key_of(flight) for _hello, flight in self.parsed) if wanted else ()
        primes = {key.prime for key in keys if key is not None and key.prime}
        return frozenset(each for each in primes if hashlib.sha256(each).hexdigest() in wanted)


async def enumerate_endpoint(
    network: Network,
    *,
    server_name: str | None,
    mode: Mode = Mode.ECONOMICAL,
    parts: frozenset[Part] = EVERY_PART,
    port: int | None = None,
    opening: Opening | None = None,
    at_once: int = AT_ONCE,
    answer_seconds: float = 6.0,
    all_seconds: float = 120.0,
    most_connections: int = MOST_CONNECTIONS,
) -> Enumeration:
    """Enumerate the TLS server at the target.

    ``server_name`` is None for an address literal (RFC 6066 §3). Versions and these ``parts`` are asked for, and what
    their answers show besides is seen, too. ``answer_seconds`` bound one answer and ``all_seconds`` the whole,
    without the waits for the rate limit. Never raises ScanFailure: a question that was not asked or not answered is in
    the transcript with its cause.
    """
    context = ServerContext(server_name, mode, parts)
    connector = _Connector(network, port, opening, answer_seconds, most_connections)
    flows = FlowRunner(enumeration(context))
    try:
        async with network.within(all_seconds), asyncio.TaskGroup() as tasks:
            _Runner(tasks, flows, connector, at_once).start()
    except TimeoutError:
        for question in flows.unanswered:
            connector.skip(question, Cause.TIMEOUT)
    transcript = Transcript(server_name=server_name, mode=mode, exchanges=tuple(connector.exchanges))
    return Enumeration(transcript, tuple(connector.parsed))


class _Runner:
    """Asks the open questions in the order in which they were opened, ``at_once`` at a time or one alone."""

    def __init__(self, tasks: asyncio.TaskGroup, flows: FlowRunner, connector: _Connector, at_once: int) -> None:
        self._tasks = tasks
        self._flows = flows
        self._connector = connector
        self._at_once = at_once
        self._open = deque(flows.take_opened())
        self._running = 0
        self._is_alone = False
        self._had_concurrent = False

    def start(self) -> None:
        """Ask every question that may be asked now."""
        while (question := self._next()) is not None:
            self._tasks.create_task(self._run(question))

    def _next(self) -> Question | None:
        """The next question that may be asked now; one to be asked alone waits for the others, and they wait for it."""
        if not self._open or self._is_alone or self._running >= self._at_once:
            return None
        if self._open[0].alone:
            if self._running:
                return None
            self._is_alone = True
        self._running += 1
        self._had_concurrent = self._had_concurrent or self._running > 1
        return self._open.popleft()

    async def _run(self, first: Question) -> None:
        question: Question | None = first
        while question is not None:
            if question.alone and self._had_concurrent and self._connector.stopped is None:
                self._had_concurrent = False
                await asyncio.sleep(_QUIET_SECONDS)
            reply = await self._connector.reply(question)
            self._running -= 1
            self._is_alone = False
            self._open.extend(self._flows.answer(question, reply))
            question = self._next()
            self.start()


@dataclass
class _Connector:
    """Makes the connections, and counts what they cost and how many fail.

    ``stopped`` is the cause for which no more are made. ``random`` is that of all hellos, no handshake of which is
    completed: a fresh one for each is half of what a compressed transcript takes. Session identifiers are fresh, since
    a load balancer may go by them.
    """

    network: Network
    port: int | None
    opening: Opening | None
    answer_seconds: float
    most_connections: int
    exchanges: list[Exchange] = field(default_factory=list)
    parsed: list[tuple[Hello, Flight]] = field(default_factory=list)
    asked: int = 0
    failed: int = 0
    was_answered: bool = False
    kept_bytes: int = 0
    stopped: Cause | None = None
    random: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    async def reply(self, question: Question) -> Reply:
        """Send one hello and read the answer, unless no more connections are made."""
        if self.stopped is None and self.asked >= self.most_connections:
            self.stopped = Cause.NOT_SELECTED
        if self.stopped is not None:
            return self.skip(question, self.stopped)
        self.asked += 1
        return await self._ask(question)

    def skip(self, question: Question, cause: Cause) -> Reply:
        """Record a question as not asked."""
        reply = Reply(cause=cause, asked=False)
        self._record(question, self._encoded(question), reply, b"")
        return reply

    async def _ask(self, question: Question) -> Reply:
        sent = self._encoded(question)
        flight, received = Flight(), bytearray()
        cause, closed, note = None, False, ""
        try:
            closed = await self._exchange(question, sent, flight, received)
        except ScanFailure as failure:
            cause, note = failure.cause, failure.message[:_NOTE_CHARACTERS]
            if isinstance(failure, NoTls):
                self.stopped = self.stopped or cause
        self._count(flight, cause)
        reply = Reply(flight, closed, cause)
        is_whole = cause is None and not closed and not flight.fault
        self._record(question, sent, reply, bytes(received[: flight.parsed_bytes] if is_whole else received), note)
        return reply

    def _encoded(self, question: Question) -> bytes:
        return encode(question.hello, random=self.random + secrets.token_bytes(RANDOM_BYTES - len(self.random)))

    async def _exchange(self, question: Question, sent: bytes, flight: Flight, received: bytearray) -> bool:
        """Fill ``flight``; whether the server closed before enough was read. Raises ScanFailure."""

        def is_enough(data: bytes) -> bool:
            received.extend(data)
            flight.feed(data)
            return self._is_enough(question, flight)

        if self.opening is None:
            ending = await self.network.exchange(sent, is_enough, port=self.port, timeout=self.answer_seconds)
            return ending is not RoundTripEnd.ENOUGH
        stream = await self.network.connect(self.port, timeout=self.answer_seconds)
        try:
            await self.opening(stream)
            deadline = time.monotonic() + self.answer_seconds
            await stream.write(sent, timeout=self.answer_seconds)
            while data := await stream.read(16_384, timeout=max(0.001, deadline - time.monotonic())):
                if is_enough(data):
                    return False
            return True
        finally:
            await stream.close()

    def _is_enough(self, question: Question, flight: Flight) -> bool:
        if flight.is_over:
            return True
        chosen = flight.hello
        if chosen is None:
            return False
        is_older = chosen.version is None or AGES[chosen.version] < AGES[question.hello.version]
        return is_older or self.kept_bytes > _WHOLE_FLIGHT_BYTES

    def _count(self, flight: Flight, cause: Cause | None) -> None:
        if flight.has_chosen or (flight.alerts and not flight.fault):
            self.was_answered = True
        elif cause is None and flight.fault:
            cause = Cause.PROTOCOL_ERROR
        if cause is None:
            return
        self.failed += not flight.has_chosen
        if cause in _FINAL or self.failed >= (_MAX_FAILURES if self.was_answered else _MAX_FIRST_FAILURES):
            self.stopped = self.stopped or cause

    def _record(self, question: Question, sent: bytes, reply: Reply, received: bytes, note: str = "") -> None:
        self.kept_bytes += len(received)
        # An unknown version number decodes as a known version: keep what parsing the bytes again gives.
        hello = question.hello if question.hello.legacy_version is None else decode(sent)
        self.parsed.append((hello, reply.flight))
        self.exchanges.append(
            Exchange(
                purpose=question.purpose,
                sent=sent,
                received=received,
                closed=reply.closed,
                cause=reply.cause,
                note=note,
                asked=reply.asked,
            )
        )
