"""The session of one scan: what target, intrusiveness and authorisation permit, checked for every packet."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from inspector.declare.authorisation import Authorisation, Rates
from inspector.declare.settings import Settings
from inspector.model.base import Cause, now
from inspector.model.certificate_flaw import CertificateFlaw
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import HOST, PORTS
from inspector.network.access.addresses import canonical_address
from inspector.network.access.scope import Scope
from inspector.network.pacing.admission import AdmissionControl, ConnectionLease, ConnectionLog, RequestContext
from inspector.network.pacing.cancellation import PausableDeadline
from inspector.network.pacing.rate_limit import INFRASTRUCTURE, resolver_rates, strictest
from inspector.network.shared_questions import SharedQuestions
from inspector.network.transport.round_trip import RoundTrip, RoundTripEnd
from inspector.network.transport.sockets import connect
from inspector.network.transport.stream import Stream
from inspector.network.zone_servers import KnownZones
from inspector.plugin.probe import Probe, Target

if TYPE_CHECKING:
    from inspector.network.guard.audit_hook import GuardViolation


#: Results of connections that this inspection ended itself.
_CUT = frozenset({Cause.ABORTED.value, Cause.OUTSIDE_WINDOW.value})


@dataclass(frozen=True, slots=True)
class CertificateTrial:
    """Why a client that verifies rejects a port's certificate (None: it accepts it), and the certificate in DER where
    it was seen.
    """

    flaw: CertificateFlaw | None
    leaf: bytes = b""


class ProbeSession:
    """Binds probe, target and authorisation to the gateway's scope and admission control."""

    def __init__(
        self,
        probe: Probe,
        target: Target,
        authorisation: Authorisation | None,
        *,
        settings: Settings,
        scope: Scope,
        admission: AdmissionControl,
        check_open: Callable[[], None],
        closed: Callable[[ProbeSession], None],
        roots: bytes = b"",
        third_party: bool = False,
        questions: SharedQuestions | None = None,
    ) -> None:
        self.probe = probe
        self.target = target
        self.authorisation = authorisation
        self.settings = settings
        self.admission = admission
        self.deadline = PausableDeadline()
        self.violation: GuardViolation | None = None
        self.scope = scope
        #: None where the scan asks every question itself.
        self.questions = questions
        #: The name servers of zones, of the run or of this scan alone.
        self.zones = KnownZones() if questions is None else questions.zones
        self.roots = roots
        self.trials: dict[int, CertificateTrial] = {}
        #: Ports that chose HTTP/2 and did not answer in it, with the cause.
        self.http1_ports: dict[int, Cause] = {}
        self._check_open = check_open
        self._has_ended = False
        self._closed = closed
        self._open: set[Stream | RoundTrip] = set()
        self._admitted: set[tuple[int, ...]] = set()
        self._hours: tuple[datetime, datetime] | None = None
        self._is_third_party = third_party
        self._third_parties: list[ProbeSession] = []
        self.log: ConnectionLog | None = None

    @cached_property
    def request_context(self) -> RequestContext:
        """The ledger's fields for a packet to the target."""
        granted = self.authorisation
        return RequestContext(
            probe=self.probe.name,
            subject=self.target.uri,
            rates=granted.rates if granted else INFRASTRUCTURE,
            authorisation=granted.id if granted else None,
        )

    @cached_property
    def infrastructure(self) -> RequestContext:
        """The ledger's fields for a question to a name server."""
        return RequestContext(self.probe.name, self.target.uri, INFRASTRUCTURE, infrastructure=True)

    @cached_property
    def resolvers(self) -> RequestContext:
        """The ledger's fields for a question to a resolver."""
        rates = resolver_rates(self.settings.resolver_questions_per_second)
        return RequestContext(self.probe.name, self.target.uri, rates, infrastructure=True)

    def check_gateway(self) -> None:
        """Raise ScanFailure when the gateway is closed, the scan has ended, or the plugin tried to bypass it."""
        self._check_open()
        if self._has_ended:
            raise ScanFailure(Cause.BUG, f"{self.probe.name!r} goes on after the end of its scan")
        if self.violation is not None:
            raise ScanFailure(self.violation.cause, self.violation.message)

    def check(self, ports: Collection[int], *, sweep: bool = False) -> Authorisation:
        """The authorisation that covers packets to these ports of the target now. Raises ScanFailure."""
        self.check_gateway()
        at, asked = now(), tuple(ports)
        hours = self._hours
        # An admitted port stays admitted: documents, pins and declaration do not change. Clock and gateway do.
        if hours and hours[0] <= at < hours[1] and not sweep and asked in self._admitted and self.authorisation:
            return self.authorisation
        if self.authorisation is None or self.probe.intrusiveness is Intrusiveness.PASSIVE:
            raise ScanFailure(Cause.NOT_AUTHORISED, f"{self.probe.name!r} may not send packets to {self.target.uri}")
        wrong = [port for port in ports if port not in PORTS]
        if wrong or not self.target.address:
            where = f"port {wrong[0]}" if wrong else "no address"
            raise ScanFailure(Cause.BUG, f"{self.probe.name!r} asks for {where} of {self.target.uri}")
        try:
            sweep = self._admit(ports, at, sweep=sweep)
        except ScanFailure:
            self.keep_private()
            raise
        if not sweep:
            self._admitted.add(asked)
            closes = self.scope.window_closes(at, self.authorisation)
            self._hours = None if closes is None else (at, closes)
        return self.authorisation

    def _admit(self, ports: Collection[int], at: datetime, *, sweep: bool = False) -> bool:
        """Raise ScanFailure unless the authorisation covers packets to these ports at this instant; whether they are a
        sweep.
        """
        if self.authorisation is None:
            raise ScanFailure(Cause.NOT_AUTHORISED, f"{self.probe.name!r} may not send packets to {self.target.uri}")
        subject = self.target.subject
        # A scan of a host as a whole is a sweep, also when it reads from a port that the sweep found open.
        sweep = sweep or (subject.scheme == HOST.name and not self.declares(ports))
        self.scope.admit(
            self.authorisation,
            subject,
            intrusiveness=self.probe.intrusiveness,
            at=at,
            ports=ports,
            sweep=sweep,
            third_party=self._is_third_party,
        )
        return sweep

    # --- scans that inspections share ---

    def share(self, rates: Rates) -> ConnectionLog:
        """Keep to these rates, which none of the inspections exceeds that may take the result, and note connections."""
        log = self.log = ConnectionLog(rates)
        for name in ("request_context", "infrastructure", "resolvers"):
            self.__dict__[name] = replace(getattr(self, name), log=log)
        self.__dict__["request_context"] = replace(self.request_context, rates=rates)
        return log

    def keep_private(self) -> None:
        """The result depends on what only this inspection may do or has: no other one may take it."""
        if self.log is not None:
            self.log.is_private = True

    def end_sharing(self) -> bool:
        """The scan has ended: note what is known of the address; whether the result is not private."""
        log = self.log
        if log is None:
            return False
        reachability = self.admission.reachability(self.target.address)
        log.is_heard = reachability.is_heard
        log.has_accepted = self.target.port in reachability.answered_ports
        is_cut = any(record.result in _CUT for record, _ in log.records)
        log.is_private = log.is_private or is_cut or self.violation is not None
        try:
            self._check_open()
            self._admit(self._own_ports, now())
        except ScanFailure:
            log.is_private = True
        return not log.is_private

    @property
    def _own_ports(self) -> tuple[int, ...]:
        return (self.target.port,) if self.target.port else ()

    async def follow(self, ended: asyncio.Future[None]) -> None:
        """Wait for the scan of another inspection, as long as this one may scan. Raises ScanFailure."""
        self.check(self._own_ports)
        cancel_scope = self.admission.cancel_scope(self.request_context)
        try:
            with self.deadline.paused():
                async with cancel_scope.within(None, ""):
                    await asyncio.wait({ended})
        finally:
            self.admission.drop(cancel_scope)

    def permits(self, rates: Rates) -> bool:
        """Whether these rates exceed those of the authorisation in nothing."""
        return self.authorisation is not None and strictest(rates, self.authorisation.rates) == rates

    def adopt(self, log: ConnectionLog) -> bool:
        """Take over the connections of another inspection's scan, if each was covered by the authorisation of this one
        at its instant, at rates that it permits. Whether it was; raises ScanFailure when nothing may be scanned now.
        """
        self.check_gateway()
        granted = self.authorisation
        if granted is None or not self.permits(log.rates):
            return False
        try:
            for record, ports in log.records:
                if not record.is_infrastructure:
                    sweep = record.is_udp or (record.is_sweep and not self.declares(ports))
                    self._admit(ports, record.at, sweep=sweep)
        except ScanFailure:
            return False
        for record, _ in log.records:
            self.admission.ledger.write(record.copy(granted.id))
        accepted = self._own_ports if log.has_accepted else ()
        self.admission.reachability(self.target.address).swept(accepted, heard=log.is_heard)
        return True

    def third_party(self, target: Target, authorisation: Authorisation) -> ProbeSession:
        """The session of the same scan with another target; it closes with this one and shares its deadline."""
        other = ProbeSession(
            self.probe,
            target,
            authorisation,
            settings=self.settings,
            scope=self.scope,
            admission=self.admission,
            check_open=self.check_gateway,
            closed=lambda _session: None,
            roots=self.roots,
            third_party=True,
            questions=self.questions,
        )
        other.deadline = self.deadline
        self._third_parties.append(other)
        return other

    def declares(self, ports: Collection[int]) -> bool:
        """Whether all these ports of the target are declared."""
        return self.scope.declared(self.target.subject).issuperset(ports)

    def is_target(self, address: str) -> bool:
        """Whether this is the target's pinned address."""
        return bool(self.target.address) and canonical_address(address) == canonical_address(self.target.address)

    async def acquire(
        self, port: int, deadline: PausableDeadline | None = None, *, protocol: str = "tcp"
    ) -> ConnectionLease:
        """Wait until a connection to ``port`` of the target may be opened, or a datagram sent. Raises ScanFailure.

        UDP needs the address listed, like a sweep.
        """

        def check() -> None:
            self.check((port,), sweep=protocol != "tcp")
            stopped = self.admission.reachability(self.target.address).stopped
            if stopped is not None and protocol != "tcp":
                raise stopped.failure()

        return await self.admission.acquire(
            self.request_context,
            self.target.address,
            port,
            protocol,
            deadline=deadline or self.deadline,
            check=check,
        )

    async def connect(self, port: int, *, timeout: float, allowance: int) -> Stream:
        """Open TCP to ``port`` of the target. Raises ScanFailure."""
        lease = await self.acquire(port)
        address = self.target.address
        sock = await connect(lease, address, port, socket.SOCK_STREAM, timeout=timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = Stream(sock, lease, f"{address} port {port}", allowance)
        self._open.add(stream)
        return stream

    async def exchange(
        self, port: int, sent: bytes, received: Callable[[bytes], bool], *, timeout: float, allowance: int
    ) -> RoundTripEnd:
        """Open TCP to ``port`` of the target, send, receive until ``received`` returns True, close. Raises
        ScanFailure.
        """
        lease = await self.acquire(port)
        address = self.target.address
        exchange = RoundTrip(lease, self.admission.socket_events, sent, received, timeout=timeout, allowance=allowance)
        self._open.add(exchange)
        try:
            return await exchange.run(address, port)
        finally:
            self._open.discard(exchange)

    async def close(self) -> None:
        """Close every connection that the scan has open, and refuse new ones."""
        self._has_ended = True
        for other in self._third_parties:
            await other.close()
        self._third_parties.clear()
        for each in tuple(self._open):
            await each.close()
        self._open.clear()
        self._closed(self)
