"""One scan's right of way: what target, touch and authorisation let it do, asked at every packet."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from functools import cached_property
from typing import TYPE_CHECKING

from inspector.declare.authorisation import Authorisation
from inspector.declare.settings import Settings
from inspector.model.base import Cause, now
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import HOST, PORTS
from inspector.network.access import time_windows as windows
from inspector.network.access.addresses import canonical_address
from inspector.network.access.scope import Scope
from inspector.network.pacing.admission import Checkpoint, Errand, Leave
from inspector.network.pacing.cancellation import Patience
from inspector.network.pacing.rate_limit import INFRASTRUCTURE
from inspector.network.transport.exchange import Ending, Exchange
from inspector.network.transport.sockets import connect
from inspector.network.transport.stream import Stream
from inspector.plugin.probe import Probe, Target

if TYPE_CHECKING:
    from inspector.network.guard.audit_hook import Bypass


class Passage:
    """Binds probe, target and authorisation to the door's scope and checkpoint."""

    def __init__(
        self,
        probe: Probe,
        target: Target,
        authorisation: Authorisation | None,
        *,
        settings: Settings,
        scope: Scope,
        checkpoint: Checkpoint,
        check_open: Callable[[], None],
        closed: Callable[[Passage], None],
        beside: bool = False,
    ) -> None:
        self.probe = probe
        self.target = target
        self.authorisation = authorisation
        self.settings = settings
        self.checkpoint = checkpoint
        self.patience = Patience()
        self.bypass: Bypass | None = None
        self.scope = scope
        self._check_open = check_open
        self._closed = closed
        self._open: set[Stream | Exchange] = set()
        self._admitted: set[tuple[int, ...]] = set()
        self._hours: windows.Stretch | None = None
        self._is_beside = beside
        self._beside: list[Passage] = []

    @cached_property
    def errand(self) -> Errand:
        """What the ledger says of a packet to the target."""
        granted = self.authorisation
        return Errand(
            probe=self.probe.name,
            subject=self.target.uri,
            rates=granted.rates if granted else INFRASTRUCTURE,
            authorisation=granted.id if granted else None,
        )

    @cached_property
    def infrastructure(self) -> Errand:
        """What the ledger says of a question to a resolver or a name server."""
        return Errand(self.probe.name, self.target.uri, INFRASTRUCTURE, infrastructure=True)

    def check_door(self) -> None:
        """Raise ScanFailure when the door is closed, or the plugin tried to go past it."""
        self._check_open()
        if self.bypass is not None:
            raise ScanFailure(self.bypass.cause, self.bypass.message)

    def check(self, ports: Collection[int], *, sweep: bool = False) -> Authorisation:
        """The authorisation under which packets may go to these ports of the target now. Raises ScanFailure."""
        self.check_door()
        at, asked = now(), tuple(ports)
        hours = self._hours
        # What was covered stays covered: documents, pins and declaration do not change. The clock and the door do.
        if hours and hours[0] <= at < hours[1] and not sweep and asked in self._admitted and self.authorisation:
            return self.authorisation
        if self.authorisation is None or self.probe.intrusiveness is Intrusiveness.PASSIVE:
            raise ScanFailure(Cause.NOT_AUTHORISED, f"{self.probe.name!r} may send {self.target.uri} no packet")
        wrong = [port for port in ports if port not in PORTS]
        if wrong or not self.target.address:
            where = f"port {wrong[0]}" if wrong else "no address"
            raise ScanFailure(Cause.BUG, f"{self.probe.name!r} would ask {where} of {self.target.uri}")
        subject = self.target.subject
        # A scan of a host as a whole is a sweep, also where it listens to a port that the sweep found open.
        sweep = sweep or (subject.scheme == HOST.name and not self.declares(ports))
        self.scope.admit(
            self.authorisation,
            subject,
            intrusiveness=self.probe.intrusiveness,
            at=at,
            ports=ports,
            sweep=sweep,
            beside=self._is_beside,
        )
        if not sweep:
            self._admitted.add(asked)
            self._hours = windows.stretch_at(self.authorisation, at)
        return self.authorisation

    def beside(self, target: Target, authorisation: Authorisation) -> Passage:
        """The same scan's right of way to another target, which closes with this one and shares its clocks."""
        other = Passage(
            self.probe,
            target,
            authorisation,
            settings=self.settings,
            scope=self.scope,
            checkpoint=self.checkpoint,
            check_open=self.check_door,
            closed=lambda _passage: None,
            beside=True,
        )
        other.patience = self.patience
        self._beside.append(other)
        return other

    def declares(self, ports: Collection[int]) -> bool:
        """Whether all these ports of the target are declared."""
        return self.scope.declared(self.target.subject).issuperset(ports)

    def is_target(self, address: str) -> bool:
        """Whether this is the target's pinned address."""
        return bool(self.target.address) and canonical_address(address) == canonical_address(self.target.address)

    async def leave(self, port: int, patience: Patience | None = None) -> Leave:
        """Wait until a connection to ``port`` of the target may leave. Raises ScanFailure."""

        def check() -> None:
            self.check((port,))

        return await self.checkpoint.leave(
            self.errand,
            self.target.address,
            port,
            "tcp",
            patience=patience or self.patience,
            check=check,
        )

    async def connect(self, port: int, *, timeout: float, allowance: int) -> Stream:
        """Open TCP to ``port`` of the target. Raises ScanFailure."""
        leave = await self.leave(port)
        address = self.target.address
        sock = await connect(leave, address, port, socket.SOCK_STREAM, timeout=timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = Stream(sock, leave, f"{address} port {port}", allowance)
        self._open.add(stream)
        return stream

    async def exchange(
        self, port: int, sent: bytes, heard: Callable[[bytes], bool], *, timeout: float, allowance: int
    ) -> Ending:
        """Open TCP to ``port`` of the target, send, listen until ``heard`` has enough, and close. Raises
        ScanFailure.
        """
        leave = await self.leave(port)
        address = self.target.address
        exchange = Exchange(leave, self.checkpoint.readiness, sent, heard, timeout=timeout, allowance=allowance)
        self._open.add(exchange)
        try:
            return await exchange.run(address, port)
        finally:
            self._open.discard(exchange)

    async def close(self) -> None:
        """Close every connection that the scan left open."""
        for other in self._beside:
            await other.close()
        self._beside.clear()
        for each in tuple(self._open):
            await each.close()
        self._open.clear()
        self._closed(self)
