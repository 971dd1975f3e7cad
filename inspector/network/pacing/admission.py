"""Admission control of connections: they wait for the rate limits, are written to the ledger, and can be cancelled."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakSet

from anyio import CapacityLimiter, WouldBlock

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause, now
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address
from inspector.network.pacing.cancellation import CancelScope, PausableDeadline
from inspector.network.pacing.ledger import Ledger, LedgerLine, LedgerRecord
from inspector.network.pacing.rate_limit import Permit, RateLimiter
from inspector.network.pacing.reachability import Reachability
from inspector.network.socket_events import shared_socket_events


@dataclass(slots=True)
class ConnectionLog:
    """The connections of a scan whose result other inspections of the run may take, and the rates that they keep to.

    ``records`` have the ports that were asked. ``secrets`` are those that the scan had fingerprints of, by the digest,
    which is keyed with ``key``: both are in memory only, and each inspection that takes the result keys them with its
    own salt. ``is_private``: the result depends on what only this inspection may do
    or has. ``is_heard`` and ``has_accepted``: whether any packet came back, and whether the subject's port accepts
    connections.
    """

    rates: Rates
    records: list[tuple[LedgerRecord, tuple[int, ...]]] = field(default_factory=list)
    is_private: bool = False
    is_heard: bool = False
    has_accepted: bool = False
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    secrets: dict[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """On whose behalf a connection is opened: the probe, its subject, the authorisation's id, the rates that hold.

    ``log`` notes the connections of a scan that may be shared.
    """

    probe: str
    subject: str
    rates: Rates
    authorisation: str | None = None
    infrastructure: bool = False
    log: ConnectionLog | None = field(default=None, compare=False)

    def opened(self, ledger: Ledger, address: str, port: int, protocol: str, ports: Sequence[int] = ()) -> LedgerRecord:
        """Write to the ledger that a connection, or a sweep of ``ports``, begins now."""
        record = ledger.opened(self.entry(address, port, protocol, len(ports) or 1))
        if self.log is not None:
            self.log.records.append((record, tuple(ports) or (port,)))
        return record

    def taken(self, ledger: Ledger, log: ConnectionLog) -> None:
        """Write to the ledger, marked as shared, the connections of another scan whose result this one takes."""
        for record, ports in log.records:
            own = record.for_scan(self.probe, self.subject)
            ledger.write(own.copy(self.authorisation))
            if self.log is not None:
                self.log.records.append((own, ports))

    def entry(self, address: str, port: int, protocol: str, questions: int = 1) -> LedgerLine:
        """The ledger line of a connection or question that is sent now."""
        return LedgerLine(
            at=now(),
            address=address,
            port=port,
            protocol=protocol,
            probe=self.probe,
            subject=self.subject,
            authorisation=self.authorisation,
            infrastructure=self.infrastructure,
            questions=questions,
        )


@dataclass(frozen=True, slots=True)
class ConnectionAttempt:
    """One attempt to connect to a port of a target, on behalf of a scan."""

    reachability: Reachability
    port: int
    scan: tuple[str, str]

    def check(self) -> None:
        """Raise ScanFailure when it is not to be made."""
        self.reachability.check(self.port, self.scan)

    def accepted(self) -> None:
        """The server accepted the connection."""
        self.reachability.accepted(self.port)

    def failed(self, cause: Cause) -> ScanFailure | None:
        """It failed; gives what it fails with instead, where the address has stopped answering."""
        return self.reachability.failed(self.port, cause, self.scan)


class ConnectionLease:
    """The permit, ledger record and cancel scope of one connection, from before its first packet until it is closed."""

    __slots__ = ("_admission", "_attempt", "_ended", "cancel_scope", "permit", "record")

    def __init__(
        self,
        admission: AdmissionControl,
        cancel_scope: CancelScope,
        permit: Permit,
        record: LedgerRecord,
        attempt: ConnectionAttempt | None = None,
    ) -> None:
        self.cancel_scope = cancel_scope
        self.permit = permit
        self.record = record
        self._admission = admission
        self._attempt = attempt
        self._ended = False

    def accepted(self) -> None:
        """The server accepted the connection."""
        if self._attempt is not None:
            self._attempt.accepted()

    def refused(self, failure: ScanFailure) -> ScanFailure:
        """The connection was not accepted; gives the failure, which names an address that has stopped answering."""
        instead = self._attempt.failed(failure.cause) if self._attempt is not None else None
        return failure if instead is None else instead

    def release(self, cause: Cause | None = None) -> None:
        """Release everything: the connection is closed, or failed for this cause. Further calls do nothing."""
        if self._ended:
            return
        self._ended = True
        if cause is Cause.RESET:
            self.permit.back_off()
        if cause is not None:
            self.record.result = cause.value
        try:
            self.record.close()
        finally:
            self._admission.returned(self)


#: Open connections of all inspections together, by event loop: the limit is the machine's. First in, first out.
_open_connections: WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter] = WeakKeyDictionary()
#: The admission controls of each event loop: one for each inspection.
_inspections: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[AdmissionControl]] = WeakKeyDictionary()


class AdmissionControl:
    """Applies the rate limits, the limit of open connections and the ledger, and cancels running operations.

    ``is_inspection``: of targets, and not only of names.
    """

    def __init__(
        self, ledger: Ledger, rate_limiter: RateLimiter, connections: int, *, is_inspection: bool = True
    ) -> None:
        self.ledger = ledger
        self.rate_limiter = rate_limiter
        self.socket_events = shared_socket_events()
        self._open = _open_connections.setdefault(asyncio.get_running_loop(), CapacityLimiter(connections))
        self._cancel_scopes: dict[CancelScope, str | None] = {}
        self._reachability: dict[str, Reachability] = {}
        self._inspections = _inspections.setdefault(asyncio.get_running_loop(), WeakSet())
        if is_inspection:
            self._inspections.add(self)

    @property
    def has_others(self) -> bool:
        """Whether there are other inspections in this event loop."""
        return len(self._inspections) > 1

    def reachability(self, address: str) -> Reachability:
        """What connections to ``address`` came to in this inspection."""
        known = canonical_address(address)
        found = self._reachability.get(known)
        if found is None:
            found = self._reachability[known] = Reachability(known)
        return found

    def _attempt(
        self, request_context: RequestContext, address: str, port: int, protocol: str
    ) -> ConnectionAttempt | None:
        """The attempt to connect to a target; None for what has no connection, and for infrastructure."""
        if request_context.infrastructure or protocol != "tcp":
            return None
        return ConnectionAttempt(self.reachability(address), port, (request_context.probe, request_context.subject))

    async def acquire(
        self,
        request_context: RequestContext,
        address: str,
        port: int,
        protocol: str,
        *,
        deadline: PausableDeadline,
        check: Callable[[], None],
    ) -> ConnectionLease:
        """Wait until one more connection may be opened. Raises ScanFailure.

        ``check`` raises when it is not permitted; after a wait it is called again, right before the first packet. So is
        the address, which may have stopped answering.
        """
        attempt = self._attempt(request_context, address, port, protocol)

        def check_both() -> None:
            check()
            if attempt is not None:
                attempt.check()

        check_both()
        cancel_scope = self.cancel_scope(request_context)
        try:
            permit = self._permit_now(cancel_scope, address, request_context.rates)
            waited = permit is None
            if permit is None:
                with deadline.paused():
                    async with cancel_scope.within(None, ""):
                        permit = await self._permit(cancel_scope, address, request_context.rates)
            try:
                if waited:
                    check_both()
                record = request_context.opened(self.ledger, address, port, protocol)
            except BaseException:
                self._open.release_on_behalf_of(cancel_scope)
                permit.ended()
                raise
        except BaseException:
            self.drop(cancel_scope)
            raise
        return ConnectionLease(self, cancel_scope, permit, record, attempt)

    def _permit_now(self, cancel_scope: CancelScope, address: str, rates: Rates) -> Permit | None:
        """The permit, if there is nothing to wait for."""
        try:
            self._open.acquire_on_behalf_of_nowait(cancel_scope)
        except WouldBlock:
            return None
        permit = None
        try:
            permit = self.rate_limiter.admit_now(canonical_address(address), rates)
        finally:
            if permit is None:
                self._open.release_on_behalf_of(cancel_scope)
        return permit

    async def _permit(self, cancel_scope: CancelScope, address: str, rates: Rates) -> Permit:
        permit = await self.rate_limiter.admit(canonical_address(address), rates)
        try:
            await self._open.acquire_on_behalf_of(cancel_scope)
        except BaseException:
            permit.ended()
            raise
        return permit

    def returned(self, lease: ConnectionLease) -> None:
        """A connection is closed: the next one may be opened."""
        lease.permit.ended()
        self._open.release_on_behalf_of(lease.cancel_scope)
        self.drop(lease.cancel_scope)

    def cancel_scope(self, request_context: RequestContext) -> CancelScope:
        """A cancel scope for an operation that begins now, known here until ``drop``."""
        cancel_scope = CancelScope()
        self._cancel_scopes[cancel_scope] = request_context.authorisation
        return cancel_scope

    def drop(self, cancel_scope: CancelScope) -> None:
        """The operation has ended."""
        self._cancel_scopes.pop(cancel_scope, None)

    def cancel(self, failure: ScanFailure, *, authorisation: str | None = None) -> None:
        """Cancel all running operations, or those under one authorisation."""
        for cancel_scope, granted in tuple(self._cancel_scopes.items()):
            if authorisation is None or authorisation == granted:
                cancel_scope.cancel(failure)
