"""The probe of the services behind open ports: greetings, and the answers to a client's first questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from inspector import (
    HOST,
    Cause,
    Cost,
    Gap,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    Stream,
    SubjectKind,
    Target,
    masked,
    permissive_tls_context,
    probe,
)
from inspector_services.banners import CERTIFICATE_BYTES, GRAMMAR_FAULTS, StoredPort, StoredPorts, parse_port
from inspector_services.declared_services import declared_services
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import NOTABLE, Role
from inspector_services.probes import CONNECT_SECONDS, declared_ports
from inspector_services.protocols import (
    IN_TLS,
    SERVER_FIRST,
    grammar_of,
    next_ask,
    own_asks,
    protocols_of,
    recognised,
)
from inspector_services.protocols.dialogue import GREETING, Ask, Turn, Turns, is_line
from inspector_services.protocols.http import GET
from inspector_services.protocols.replies_220 import codes_of
from inspector_services.protocols.tls import HANDSHAKE, SHAKEN

#: Limits: ports per address; connections per port; bytes per answer; seconds for a greeting, and for an answer.
MAX_PORTS = 40
MAX_CONNECTIONS = 5
ANSWER_BYTES = 4096
GREETING_SECONDS = 3.0
ANSWER_SECONDS = 5.0
#: How many questions one port is asked at most.
_MAX_TURNS = 12

#: Roles whose open ports are identified although they are declared.
_NOTABLE_ROLES = frozenset(Role) - {Role.MAIL, Role.NETWORK, Role.WEB}


def _ports_to_read(target: Target, ports: OpenPorts, services: Mapping[int, str]) -> tuple[int, ...]:
    """The open ports in the order in which they are identified: of a notable role first, then undeclared ones, then
    declared services, then ports of which the declaration has the number alone: any service may be there.
    """
    declared = declared_ports(target)
    notable = [port for port in ports.open if port in NOTABLE and NOTABLE[port].role in _NOTABLE_ROLES]
    others = [port for port in ports.open if port not in declared and port not in notable]
    stated = [port for port in ports.open if port in services and port not in notable and port not in others]
    first = (*notable, *others, *stated)
    return (*first, *(port for port in ports.open if port not in first))


def parse_banners(output: ScanOutput, context: ParseContext) -> Banners:
    """What each port is; raises ValueError when what the ports sent is missing."""
    raw = output.named("services.json")
    if raw is None:
        raise ValueError(f"what the ports of {context.subject.address} sent is missing")
    received = sorted(StoredPorts.parse(raw).ports, key=lambda each: each.port)
    return Banners(ports=tuple(parse_port(each) for each in received))


@probe(
    "banners",
    kind=Banners,
    schemes={HOST},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_banners,
    cost=Cost(connections=MAX_CONNECTIONS * MAX_PORTS, seconds=MAX_PORTS * 6),
    version="4",
)
async def banners(target: Target, network: Network, ports: OpenPorts) -> ScanOutput:
    """Identify the services behind open ports.

    A greeting is awaited. Where there is none, the server gets the first question of the protocol that the port is
    declared or known for, then a TLS handshake and a request for the page ``/``, until an answer identifies it. What
    the protocol then leaves open (encryption, log-in) is asked as its clients do.
    """
    services = declared_services(target.declared)
    chosen = _ports_to_read(target, ports, services)
    identified = [_Port(network, port, services.get(port)).identify() for port in chosen[:MAX_PORTS]]
    received = list(await asyncio.gather(*identified))
    received += [StoredPort(port=port, cause=Cause.ABORTED) for port in chosen[MAX_PORTS:]]
    stored = StoredPorts(ports=tuple(received)).canonical()
    return ScanOutput(
        raw=(Raw(name="services.json", data=stored, media_type="application/json"),),
        gaps=tuple(Gap(question=f"banner of {each.port}/tcp", cause=each.cause) for each in received if each.cause),
    )


class _Port:
    """What is said with one port. ``stated`` is the service that it is declared with."""

    def __init__(self, network: Network, port: int, stated: str | None) -> None:
        self._network = network
        self._port = port
        known = NOTABLE[port].service if port in NOTABLE else None
        self._stated = stated
        #: The services whose questions are asked; the number's first, lest a declaration hide what is there: any HTTP
        #: server answers a product's question, too.
        self._services = tuple(each for each in (known, stated) if each is not None)
        self._greets_in_tls = (stated or known) in SERVER_FIRST
        self._expected = protocols_of(stated or "") or protocols_of(known or "")
        self._tls_first = (stated or known) in IN_TLS
        self._stream: Stream | None = None
        self._connections = 0
        self._turns: list[Turn] = []
        self._certificate = b""

    async def identify(self) -> StoredPort:
        """What the port sent, masked, as it may hold secrets. Nothing that it sends ends the scan of other ports."""
        try:
            return await self._identify()
        except GRAMMAR_FAULTS:
            return StoredPort(port=self._port, cause=Cause.BUG)

    async def _identify(self) -> StoredPort:
        cause = None
        try:
            cause = await self._talk()
        except ScanFailure as failure:
            cause = failure.cause if grammar_of(self._said) is None else None
        finally:
            await self._close()
        grammar = grammar_of(self._said)
        kept = [each.model_copy(update={"received": kept_of(each)}) for each in self._said]
        return StoredPort(
            port=self._port, turns=tuple(kept), certificate=self._certificate, cause=None if grammar else cause
        )

    @property
    def _said(self) -> Turns:
        return tuple(self._turns)

    async def _talk(self) -> Cause | None:
        """Ask until the protocol is identified; why nothing was received, if the server closed at once."""
        if not (self._tls_first and await self._ask_in_tls()):
            greeting = await self._receive(await self._connect(), GREETING, is_greeting)
            if greeting.closed and not greeting.received:
                return Cause.RESET
            if not greeting.received:
                await self._ask_what_it_is()
        await self._ask_further()
        await self._confirm()
        return None

    async def _ask_what_it_is(self) -> None:
        """The questions to a server that waits for the client."""
        own = self._own_asks
        for ask in own:
            if len(self._turns) > 1:
                await self._connect()  # the last question may still be in the server's buffer
            if await self._ask(ask) and not self._wants_tls:
                return
        if not self._tls_first and await self._ask_in_tls():
            return
        if GET not in own and grammar_of(self._said) is None:
            await self._connect()
            await self._ask(GET)

    @property
    def _own_asks(self) -> tuple[Ask, ...]:
        return tuple(dict.fromkeys(ask for service in self._services for ask in own_asks(service)))

    @property
    def _wants_tls(self) -> bool:
        """Whether the last answer is that of a server that expects TLS: an alert, or HTTP's status 400."""
        received = self._turns[-1].received
        return received[:2] == b"\x15\x03" or received[9:12] == b"400"

    async def _ask_in_tls(self, ask: Ask | None = None) -> bool:
        """Do a TLS handshake, and ask inside, if nothing else the service's own question; whether it speaks TLS."""
        stream = await self._connect()
        try:
            await stream.start_tls(permissive_tls_context(), self._network.target.server_name, timeout=ANSWER_SECONDS)
        except ScanFailure as failure:
            if failure.cause not in (Cause.PROTOCOL_ERROR, Cause.RESET, Cause.TIMEOUT):
                raise
            alert = _alert_in(failure)
            self._note(HANDSHAKE, alert, closed=failure.cause is not Cause.TIMEOUT, tls=bool(alert))
            await self._close()
            return bool(alert)
        self._note(HANDSHAKE, SHAKEN, closed=False, tls=True)
        presented = stream.ssl_object.getpeercert(binary_form=True) if stream.ssl_object else None
        if presented is not None and len(presented) <= CERTIFICATE_BYTES:
            self._certificate = presented
        if ask is None and self._greets_in_tls:
            await self._receive(stream, GREETING, is_greeting, tls=True)
        else:
            await self._say(stream, ask or next(iter(self._own_asks), GET), tls=True)
        return True

    async def _ask_further(self) -> None:
        """What the identified protocol leaves open."""
        while len(self._turns) < _MAX_TURNS and (ask := next_ask(self._said)):
            last = self._turns[-1]
            if ask.apart:
                await self._ask_apart(ask, tls=last.tls)
            elif last.closed:
                return
            else:
                await self._ask(ask)

    async def _ask_apart(self, ask: Ask, *, tls: bool) -> None:
        """Ask over a connection of its own, and once more where the time ran out. Raises ScanFailure."""
        for _ in range(2):
            try:
                await (self._ask_in_tls(ask) if tls else self._ask(ask))
            except ScanFailure as failure:
                self._note(ask.name, b"", closed=False, tls=tls, cause=failure.cause)
                if failure.cause is not Cause.TIMEOUT:
                    raise
            if self._turns[-1].received or self._turns[-1].cause is not Cause.TIMEOUT:
                return

    async def _confirm(self) -> None:
        """Ask once more where a protocol is declared, or it is none that the number suggests: it may alternate."""
        first = self._turns[0]
        grammar = recognised(first)
        is_expected = self._stated is None and grammar is not None and grammar.protocol in self._expected
        if grammar is None or is_expected or first.tls or first.question == HANDSHAKE:
            return
        if self._connections >= MAX_CONNECTIONS:
            return
        with suppress(ScanFailure):
            await self._receive(await self._connect(), GREETING, is_greeting)

    # --- one step ---

    async def _connect(self) -> Stream:
        await self._close()
        if self._connections >= MAX_CONNECTIONS:
            raise ScanFailure(Cause.ABORTED, f"port {self._port}: more than {MAX_CONNECTIONS} connections")
        self._stream = await self._network.connect(self._port, timeout=CONNECT_SECONDS)
        self._connections += 1
        return self._stream

    async def _ask(self, ask: Ask) -> bool:
        """Ask one question, on the open connection where there is one; whether the answer identifies a protocol."""
        stream, last = self._stream, self._turns[-1]
        if stream is None or ask.apart or last.closed:
            return await self._say(await self._connect(), ask, tls=False)
        return await self._say(stream, ask, tls=last.tls)

    async def _say(self, stream: Stream, ask: Ask, *, tls: bool) -> bool:
        identity = self._network.identity
        host = self._network.target.host
        literal = f"[{host}]" if ":" in host else host
        sent = ask.sent.replace(b"<host>", literal.encode()).replace(b"<agent>", identity.user_agent.encode())
        try:
            await stream.write(sent, timeout=ANSWER_SECONDS)
        except ScanFailure as failure:
            if failure.cause is not Cause.RESET:
                raise
            self._note(ask.name, b"", closed=True, tls=tls)
            return False
        turn = await self._receive(stream, ask.name, ask.is_complete, tls=tls)
        if turn.closed:
            await self._close()
        return recognised(turn) is not None

    async def _receive(
        self, stream: Stream, question: str, enough: Callable[[bytes], bool], *, tls: bool = False
    ) -> Turn:
        """Note the bytes received until they are ``enough``, a limit is reached or the server closes."""
        data, closed, cause = b"", False, None
        loop = asyncio.get_running_loop()
        until = loop.time() + (GREETING_SECONDS if question == GREETING else ANSWER_SECONDS)
        while len(data) < ANSWER_BYTES and not enough(data):
            try:
                more = await stream.read(ANSWER_BYTES - len(data), timeout=max(0.0, until - loop.time()))
            except ScanFailure as failure:
                if failure.cause is Cause.TIMEOUT:
                    cause = None if question == GREETING else Cause.TIMEOUT
                    break
                if tls and failure.cause is Cause.PROTOCOL_ERROR:
                    data, closed = data or _alert_in(failure), True
                    break
                if failure.cause is not Cause.RESET:
                    raise
                closed = True
                break
            if not more:
                closed = True
                break
            data += more
        return self._note(question, data, closed=closed, tls=tls, cause=cause)

    def _note(self, question: str, received: bytes, *, closed: bool, tls: bool, cause: Cause | None = None) -> Turn:
        connection = max(0, self._connections - 1)
        turn = Turn(question=question, received=received, closed=closed, tls=tls, connection=connection, cause=cause)
        self._turns.append(turn)
        return turn

    async def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()


def is_greeting(received: bytes) -> bool:
    """Whether what was received without a question is a whole line or reply, or telnet's negotiation."""
    if received[:4] == b"220-":
        return bool(codes_of(received))
    return is_line(received) or received[:1] == b"\xff"


def _alert_in(failure: ScanFailure) -> bytes:
    """The name of the alert by which the server ended TLS; empty where it sent none."""
    reason = getattr(failure.__cause__, "reason", None) or ""
    return reason.encode("ascii", "replace") if "ALERT" in reason else b""


def kept_of(turn: Turn) -> bytes:
    """What of the received bytes is stored: texts of servers may hold secrets."""
    grammar = recognised(turn)
    if grammar is None:
        return masked(turn.received[:512])
    return grammar.kept(turn)
