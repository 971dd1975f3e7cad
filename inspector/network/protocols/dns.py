"""DNS client: questions to configured resolvers, or to name servers, over UDP and, when truncated, TCP (RFC 7766)."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inspector.declare.settings import IANA, Settings
from inspector.model.base import Cause, now
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address, parse_address, split_server
from inspector.network.access.os_errors import cause_of, failure_from
from inspector.network.access.root_servers import IANA_ROOT_SERVERS
from inspector.network.access.scope import admit_name_server
from inspector.network.pacing.admission import AdmissionControl, ConnectionLease, ConnectionLog, RequestContext
from inspector.network.pacing.cancellation import PausableDeadline
from inspector.network.shared_questions import ResolverQuestion
from inspector.network.transport.sockets import SocketDeadline, connect
from inspector.network.transport.stream import Stream
from inspector.network.zone_servers import KnownZones

if TYPE_CHECKING:
    import dns.message
    import dns.name
    import dns.rdatatype

    from inspector.network.session import ProbeSession

_PORT = 53
#: The UDP answer size offered with EDNS (RFC 9715 §3.1: avoids fragments).
_UDP_BYTES = 1232
#: Datagrams read for one question; those that answer another one are passed over.
_DATAGRAMS = 1000


def resolvers(settings: Settings) -> tuple[tuple[str, int], ...]:
    """Address and port of each configured resolver, or of the machine's own. Raises ScanFailure."""
    try:
        given = settings.resolvers or _machine_resolvers()
        return tuple(split_server(text) for text in given)
    except ValueError as error:
        raise ScanFailure(Cause.NOT_REACHED, f"resolver {error}") from None


def root_servers(settings: Settings) -> tuple[tuple[str, int], ...]:
    """Address and port of each root server from which names are resolved; empty: resolvers are asked."""
    given = IANA_ROOT_SERVERS if settings.root_servers == (IANA,) else settings.root_servers
    return tuple(split_server(text) for text in given)


def _machine_resolvers() -> tuple[str, ...]:
    import dns.exception
    import dns.resolver

    machine = dns.resolver.Resolver(configure=False)
    try:
        machine.read_resolv_conf("/etc/resolv.conf")
    except (dns.exception.DNSException, OSError):
        raise ScanFailure(Cause.NOT_REACHED, "no resolver is configured, and this machine has none") from None
    found = tuple(str(each).partition("%")[0] for each in machine.nameservers)
    return tuple(each for each in found if parse_address(each) is not None)


def _question(
    name: str | dns.name.Name,
    rdtype: str | dns.rdatatype.RdataType,
    *,
    recursive: bool,
    dnssec: bool,
    cookie: bool = False,
    rdclass: str = "IN",
) -> dns.message.Message:
    import dns.edns
    import dns.exception
    import dns.flags
    import dns.message

    try:
        message = dns.message.make_query(name, rdtype, rdclass, use_edns=0 if dnssec else False, want_dnssec=dnssec)
    except (dns.exception.DNSException, ValueError) as error:
        raise ScanFailure(Cause.BUG, f"{name!r} {rdtype}: {error}") from None
    if dnssec:
        message.use_edns(0, dns.flags.DO, _UDP_BYTES)
        message.flags |= dns.flags.CD
    elif recursive:
        message.flags |= dns.flags.AD  # asks whether the resolver authenticated the answer (RFC 6840 §5.7)
    if cookie:
        message.use_edns(0, 0, _UDP_BYTES, options=[dns.edns.CookieOption(secrets.token_bytes(8), b"")])
    if not recursive:
        message.flags &= ~dns.flags.RD
    return message


@dataclass(frozen=True, slots=True)
class DnsQuery:
    """One question: its message, and what admits and cancels it."""

    admission: AdmissionControl
    request_context: RequestContext
    message: dns.message.Message
    deadline: PausableDeadline
    check: Callable[[], None]

    async def ask(self, address: str, port: int, *, tcp: bool, timeout: float) -> dns.message.Message:
        """Ask one server; a truncated UDP answer is asked again over TCP. Raises ScanFailure."""
        import dns.flags

        if not tcp:
            answer = await self._udp(address, port, timeout)
            if not answer.flags & dns.flags.TC:
                return answer
        return await self._tcp(address, port, timeout)

    async def _lease(self, address: str, port: int, protocol: str) -> ConnectionLease:
        return await self.admission.acquire(
            self.request_context, address, port, protocol, deadline=self.deadline, check=self.check
        )

    async def _udp(self, address: str, port: int, timeout: float) -> dns.message.Message:
        for may_repeat in (True, False):
            try:
                return await self._datagram(address, port, timeout / 2)
            except ScanFailure as failure:
                if failure.cause is not Cause.TIMEOUT or not may_repeat:
                    raise
        raise AssertionError("unreachable")

    async def _datagram(self, address: str, port: int, timeout: float) -> dns.message.Message:
        where = f"{address} port {port}/udp"
        lease = await self._lease(address, port, "udp")
        sock = await connect(lease, address, port, socket.SOCK_DGRAM, timeout=timeout)
        cause: Cause | None = None
        try:
            deadline = SocketDeadline(timeout)
            async with lease.cancel_scope.within(None, f"{where}: no answer to a DNS question within {timeout:g} s"):
                lease.record.sent += sock.send(self.message.to_wire())
                for _datagram in range(_DATAGRAMS):
                    wire = await _received(sock, deadline)
                    lease.record.received += len(wire)
                    answer = self._parse(wire, where)
                    if answer is not None:
                        return answer
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"{where} answered other questions only")
        except OSError as error:
            cause = cause_of(error)
            raise failure_from(error, where) from None
        except ScanFailure as failure:
            cause = failure.cause
            raise
        finally:
            sock.close()
            lease.release(cause)

    async def _tcp(self, address: str, port: int, timeout: float) -> dns.message.Message:
        where = f"{address} port {port}/tcp"
        lease = await self._lease(address, port, "tcp")
        sock = await connect(lease, address, port, socket.SOCK_STREAM, timeout=timeout)
        stream = Stream(sock, lease, where, 2 + 65535)
        try:
            wire = self.message.to_wire()
            await stream.write(len(wire).to_bytes(2, "big") + wire, timeout=timeout)
            until = asyncio.get_running_loop().time() + timeout
            size = int.from_bytes(await _exactly(stream, 2, where, until), "big")
            answer = self._parse(await _exactly(stream, size, where, until), where)
            if answer is None:
                raise ScanFailure(Cause.PROTOCOL_ERROR, f"{where} answered another question")
            return answer
        finally:
            await stream.close()

    def _parse(self, wire: bytes, where: str) -> dns.message.Message | None:
        """The answer, or None when these bytes answer another question. Raises ScanFailure when they are malformed."""
        import dns.exception
        import dns.message

        if wire[:2] != self.message.id.to_bytes(2, "big"):
            return None
        try:
            answer = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError, IndexError) as error:
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"{where}: malformed DNS answer: {type(error).__name__}") from None
        return answer if self.message.is_response(answer) else None


async def _received(sock: socket.socket, deadline: SocketDeadline) -> bytes:
    """The next datagram. Raises OSError."""
    while True:
        try:
            return sock.recv(65535)
        except (BlockingIOError, InterruptedError):
            await deadline.readable(sock)


async def _exactly(stream: Stream, size: int, where: str, until: float) -> bytes:
    """So many bytes; ``until`` is on the event loop's clock, and does not count for what has come already."""
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        part = await stream.read(size - len(data), timeout=max(0.0, until - loop.time()))
        if not part:
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"{where} closed the connection within a DNS message")
        data += part
    return data


async def ask(
    exchange: DnsQuery,
    settings: Settings,
    *,
    server: tuple[str, int] | None,
    tcp: bool,
    timeout: float,
    zones: KnownZones | None = None,
    admit: Callable[[str, str], None] = admit_name_server,
) -> dns.message.Message:
    """Ask ``server``, or each resolver in turn until one answers; where the settings name root servers, resolve from
    these instead. Raises ScanFailure.
    """
    if server is None and settings.root_servers:
        return await _iterate(exchange, settings, zones, admit)
    servers = (server,) if server is not None else resolvers(settings)
    for address, port in servers:
        try:
            return await exchange.ask(address, port, tcp=tcp, timeout=timeout)
        except ScanFailure as found:
            if found.cause not in _TRY_ANOTHER or (address, port) == servers[-1]:
                raise
    raise ScanFailure(Cause.NOT_REACHED, "no resolver is configured, and this machine has none")


async def _iterate(
    exchange: DnsQuery,
    settings: Settings,
    zones: KnownZones | None,
    admit: Callable[[str, str], None],
) -> dns.message.Message:
    from inspector.network.protocols.iteration import Iteration

    wants_dnssec = exchange.message.edns >= 0

    async def ask_one(
        name: dns.name.Name, rdtype: dns.rdatatype.RdataType, server: tuple[str, int], seconds: float
    ) -> dns.message.Message:
        message = _question(name, rdtype, recursive=False, dnssec=wants_dnssec)
        return await replace(exchange, message=message).ask(*server, tcp=False, timeout=seconds)

    known = KnownZones() if zones is None else zones
    return await Iteration(ask_one, admit, root_servers(settings), known).resolve(exchange.message)


async def resolve(
    admission: AdmissionControl,
    request_context: RequestContext,
    settings: Settings,
    name: str,
    rdtype: str,
    *,
    timeout: float,
) -> dns.message.Message:
    """Ask the resolvers one question for the inspection itself, not for a scan. Raises ScanFailure."""
    message = _question(name, rdtype, recursive=True, dnssec=False)
    exchange = DnsQuery(admission, request_context, message, PausableDeadline(), lambda: None)
    return await ask(exchange, settings, server=None, tcp=False, timeout=timeout)


async def query(
    session: ProbeSession,
    name: str,
    rdtype: str,
    *,
    server: str | None,
    port: int,
    tcp: bool,
    dnssec: bool,
    recursion: bool,
    cookie: bool,
    rdclass: str,
    timeout: float,
) -> dns.message.Message:
    """``Network.query``: one question for a scan."""
    session.check_gateway()
    if server is not None:
        _check_server(server, port, session)
    recursive = recursion or server is None
    message = _question(name, rdtype, recursive=recursive, dnssec=dnssec, cookie=cookie, rdclass=rdclass)
    request_context = (
        session.resolvers if server is None and not session.settings.root_servers else session.infrastructure
    )
    exchange = DnsQuery(session.admission, request_context, message, session.deadline, session.check_gateway)
    if server is not None:
        return await ask(exchange, session.settings, server=(canonical_address(server), port), tcp=tcp, timeout=timeout)

    def admit(host: str, address: str) -> None:
        session.scope.admit_infrastructure(host, address, now())

    async def asked(log: ConnectionLog | None = None) -> dns.message.Message:
        context = request_context if log is None else replace(request_context, log=log)
        try:
            return await ask(
                replace(exchange, request_context=context),
                session.settings,
                server=None,
                tcp=tcp,
                timeout=timeout,
                zones=session.zones,
                admit=admit,
            )
        finally:
            if log is not None and request_context.log is not None:
                request_context.log.records += log.records

    if session.questions is None or cookie:
        return await asked()
    question = ResolverQuestion(name.lower().rstrip("."), rdtype, rdclass, dnssec=dnssec, tcp=tcp)
    reply = await session.questions.reply(question, request_context, session.admission, session.deadline, asked)
    session.check_gateway()
    return reply


def _check_server(server: str, port: int, session: ProbeSession) -> None:
    """Raise ScanFailure unless the scope admits the server's address, and the port is 53 (at loopback any), or it is a
    configured resolver's.
    """
    address = parse_address(server)
    if address is None:
        raise ScanFailure(Cause.BUG, f"{server!r} is not an address: name servers are asked by address")
    if address.is_multicast or address.is_unspecified or address == _BROADCAST:
        raise ScanFailure(Cause.OUT_OF_SCOPE, f"{server} is not the address of a name server")
    session.scope.admit_infrastructure(session.target.host, str(address), now())
    if port != _PORT and not address.is_loopback and (str(address), port) not in resolvers(session.settings):
        raise ScanFailure(Cause.OUT_OF_SCOPE, f"{server} port {port}: name servers are asked on port {_PORT} only")


#: Failures of one resolver after which the next one is asked.
_TRY_ANOTHER = frozenset({Cause.TIMEOUT, Cause.REFUSED, Cause.RESET, Cause.NOT_REACHED, Cause.PROTOCOL_ERROR})
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")
