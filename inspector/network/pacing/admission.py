"""Where everything that leaves passes: it waits for the pace, is written down, and can be called back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause, now
from inspector.model.errors import ScanFailure
from inspector.network.access.addresses import canonical_address
from inspector.network.pacing.cancellation import Hold, Patience
from inspector.network.pacing.ledger import Account, Departure, Ledger
from inspector.network.pacing.rate_limit import Courtesy, Permit
from inspector.network.socket_events import shared_readiness


@dataclass(frozen=True, slots=True)
class Errand:
    """On whose behalf something leaves: the probe, its subject, the authorisation's id, the pace it keeps."""

    probe: str
    subject: str
    rates: Rates
    authorisation: str | None = None
    infrastructure: bool = False

    def entry(self, address: str, port: int, protocol: str, questions: int = 1) -> Departure:
        """What the ledger says of something that leaves now."""
        return Departure(
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


class Leave:
    """The paperwork of one connection, from before its first packet until it is closed."""

    __slots__ = ("_checkpoint", "_ended", "account", "hold", "permit")

    def __init__(self, checkpoint: Checkpoint, hold: Hold, permit: Permit, account: Account) -> None:
        self.hold = hold
        self.permit = permit
        self.account = account
        self._checkpoint = checkpoint
        self._ended = False

    def end(self, cause: Cause | None = None) -> None:
        """The connection is closed, or never came about for this cause; further calls do nothing."""
        if self._ended:
            return
        self._ended = True
        if cause is Cause.RESET:
            self.permit.struggled()
        if cause is not None:
            self.account.result = cause.value
        try:
            self.account.settle()
        finally:
            self._checkpoint.returned(self)


class _Ceiling:
    """So many connections may be open at once; first come, first served."""

    def __init__(self, connections: int) -> None:
        self._free = connections
        self._queue = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @property
    def is_free(self) -> bool:
        """Whether one more may be opened now, and nobody waits before it."""
        return self._free > 0 and not self._queue

    def take(self) -> None:
        """Open one more; it must be free."""
        self._free -= 1

    async def wait(self) -> None:
        """Open one more as soon as it may be."""
        self._queue += 1
        try:
            async with self._turn:
                while not self._free:
                    self._freed.clear()
                    await self._freed.wait()
                self.take()
        finally:
            self._queue -= 1

    def give_back(self) -> None:
        """One is closed."""
        self._free += 1
        self._freed.set()


#: Open connections of all inspections together, by event loop: the limit is the machine's.
_ceilings: WeakKeyDictionary[asyncio.AbstractEventLoop, _Ceiling] = WeakKeyDictionary()


class Checkpoint:
    """The budget, the ledger and the ceiling of open connections, and what is under way."""

    def __init__(self, ledger: Ledger, courtesy: Courtesy, connections: int) -> None:
        self.ledger = ledger
        self.courtesy = courtesy
        self.readiness = shared_readiness()
        self._ceiling = _ceilings.setdefault(asyncio.get_running_loop(), _Ceiling(connections))
        self._holds: dict[Hold, str | None] = {}

    async def leave(
        self,
        errand: Errand,
        address: str,
        port: int,
        protocol: str,
        *,
        patience: Patience,
        check: Callable[[], None],
    ) -> Leave:
        """Wait until one more connection may leave; ``check`` is asked last, at that very instant. Raises
        ScanFailure.
        """
        check()
        hold = self.hold(errand)
        try:
            permit = self._permit_now(address, errand.rates)
            waited = permit is None
            if permit is None:
                with patience.waiting():
                    async with hold.within(None, ""):
                        permit = await self._permit(address, errand.rates)
            try:
                if waited:
                    check()
                account = self.ledger.opened(errand.entry(address, port, protocol))
            except BaseException:
                self._ceiling.give_back()
                permit.ended()
                raise
        except BaseException:
            self.drop(hold)
            raise
        return Leave(self, hold, permit, account)

    def _permit_now(self, address: str, rates: Rates) -> Permit | None:
        """The permit where nothing has to be waited for, else None."""
        permit = self.courtesy.admit_now(canonical_address(address), rates) if self._ceiling.is_free else None
        if permit is not None:
            self._ceiling.take()
        return permit

    async def _permit(self, address: str, rates: Rates) -> Permit:
        permit = await self.courtesy.admit(canonical_address(address), rates)
        try:
            await self._ceiling.wait()
        except BaseException:
            permit.ended()
            raise
        return permit

    def returned(self, leave: Leave) -> None:
        """A connection is closed: the next one may go."""
        leave.permit.ended()
        self._ceiling.give_back()
        self.drop(leave.hold)

    def hold(self, errand: Errand) -> Hold:
        """Something is under way: until ``drop``, it can be cut."""
        hold = Hold()
        self._holds[hold] = errand.authorisation
        return hold

    def drop(self, hold: Hold) -> None:
        """It is over."""
        self._holds.pop(hold, None)

    def cut(self, failure: ScanFailure, *, authorisation: str | None = None) -> None:
        """End all that is under way, or what is under way under one authorisation."""
        for hold, granted in tuple(self._holds.items()):
            if authorisation is None or authorisation == granted:
                hold.cut(failure)
