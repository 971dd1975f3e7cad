"""The rate limiter of one event loop: who waits for an address waits in a queue, and the meters may be shared.

A shared meter is locked for microseconds and never waited for: what cannot be written to it at once (a connection that
has departed or ended) is written with the next change, and counts as granted until then, so that no one is too fast.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause
from inspector.model.errors import RateLimitError, ScanFailure
from inspector.network.pacing.address_meter import AddressMeter
from inspector.network.pacing.address_state import AddressState, AddressStates, MemoryStates, clock
from inspector.network.pacing.rate_limit import Permit, sweep_delay_ms

#: Deadlines are paused while a scan waits for the rate: where all open connections of an address stay open for so long
#: while others wait, one of them waits for itself, and is ended.
STALLED_SECONDS = 120.0
#: How often an address is looked at whose connections others may end; how soon one whose meter others have locked; and
#: how often at least, so that the rates of who waits hold.
_POLL_SECONDS, _LOCKED_SECONDS, _LOOK_SECONDS = 0.05, 0.002, 20.0
#: Addresses without connections that are kept open, each with a file descriptor.
_IDLE = 64

_Change = Callable[[AddressMeter, float], None]


class _AddressQueue:
    """One address: its state, and the queue of those that wait for it in this event loop."""

    def __init__(self, address: str, state: AddressState) -> None:
        self.address = address
        self.turn = asyncio.Lock()
        self.sweeping = asyncio.Lock()
        self.users = 0
        self.waiting = 0
        self.changed = asyncio.Event()
        self._state = state
        self._pending: list[_Change] = []
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self._failed: RateLimitError | None = None
        self._locked_since: float | None = None

    def is_idle(self) -> bool:
        """Whether nobody needs it any more; then everything is written."""
        if self.users or self.waiting:
            return False
        if self._pending:
            self._flush()
        return not self._pending

    def close(self) -> None:
        """Give everything back."""
        if self._pending:
            self._flush()
        if self._retry is not None:
            self._retry.cancel()
        self._state.close()

    # --- connections ---

    def admit(self, rates: Rates) -> _Permit | float:
        """The permit, or the seconds after which it is worth asking again. Raises ScanFailure, RateLimitError."""
        meter = self._lock()
        if meter is None:
            return _LOCKED_SECONDS
        changed = False
        try:
            now = clock()
            changed = self._apply(meter, now)
            changed = meter.demand(rates, now) or changed
            ready = meter.ready_at(now)
            if ready > now and self._state.reclaim(meter, now):
                changed, ready = True, meter.ready_at(now)
            if ready > now:
                return self._delay(meter, ready, now)
            slot, changed = self._state.take(meter, now), True
        finally:
            self._unlock(changed=changed)
        self.users += 1
        self.changed.set()
        return _Permit(self, slot)

    def _delay(self, meter: AddressMeter, ready: float, now: float) -> float:
        if not math.isinf(ready):
            return min(ready - now, _LOOK_SECONDS)
        stalled = meter.changed_at + STALLED_SECONDS
        if stalled <= now:
            at_once = meter.rates.at_once if meter.rates else 0
            in_use = f"all {at_once} connections that may be open at once are in use"
            raise ScanFailure(Cause.TIMEOUT, f"{in_use}, and none has ended for {STALLED_SECONDS:g} s")
        return min(stalled - now, _POLL_SECONDS if self._state.has_others(meter) else _LOOK_SECONDS)

    async def wait(self, rates: Rates) -> _Permit:
        """The permit, as soon as there is one. Raises ScanFailure when no connection ends any more."""
        while isinstance(found := self.admit(rates), float):
            self.changed.clear()
            timer = self._loop.call_later(found, self.changed.set)
            try:
                await self.changed.wait()
            finally:
                timer.cancel()
        return found

    def departed(self, slot: int) -> None:
        """The connection with this slot has been opened."""
        at = clock()
        self.change(lambda meter, now: meter.departed(slot, min(at, now)))

    def ended(self, slot: int, *, well: bool) -> None:
        """The connection with this slot has ended; ``well``: the address took it without complaint."""
        state = self._state

        def end(meter: AddressMeter, now: float) -> None:
            state.release(meter, slot, now)
            if well:
                meter.succeeded()

        self.users -= 1
        self.change(end)

    # --- changes ---

    def change(self, change: _Change) -> None:
        """Change the meter, now or as soon as nobody else has it. What fails is raised when a connection is asked for.

        What is not written counts as granted and not ended, so that others are too slow rather than too fast.
        """
        self._pending.append(change)
        self._flush()

    def _flush(self) -> None:
        try:
            meter = self._lock()
            if meter is None:
                if self._retry is None and not self._loop.is_closed():
                    self._retry = self._loop.call_later(_LOCKED_SECONDS, self._flush_later)
                return
            try:
                self._apply(meter, clock())
            finally:
                self._unlock(changed=True)
        except (RateLimitError, ScanFailure):
            return  # raised again to who asks for a connection
        self.changed.set()

    def _flush_later(self) -> None:
        self._retry = None
        if self._pending:
            self._flush()

    def _apply(self, meter: AddressMeter, now: float) -> bool:
        """Make the pending changes; whether the meter has changed."""
        pending, self._pending = self._pending, []
        changed = meter.follow(now)
        for change in pending:
            change(meter, now)
        return changed or bool(pending)

    def _lock(self) -> AddressMeter | None:
        """The meter; None while others have it. Raises RateLimitError, and ScanFailure when they keep it."""
        if self._failed is not None:
            raise self._failed
        now = clock()
        meter = self._state.lock()
        if meter is not None:
            self._locked_since = None
        elif self._locked_since is None:
            self._locked_since = now
        elif self._locked_since + STALLED_SECONDS <= now:
            text = f"another process has locked the rate limits of {self.address} for {STALLED_SECONDS:g} s"
            raise ScanFailure(Cause.TIMEOUT, text)
        return meter

    def _unlock(self, *, changed: bool) -> None:
        """Give the meter back. Where it cannot be stored, no more connections are opened. Raises RateLimitError."""
        try:
            self._state.unlock(changed=changed)
        except RateLimitError as error:
            self._failed = error
            raise

    # --- sweeps ---

    async def begin_sweep(self, rates: Rates) -> Rates:
        """Wait for the right to sweep; gives the rates that hold. Raises ScanFailure, RateLimitError."""
        while not self._state.lock_sweep():
            await self._demand(rates)
            await asyncio.sleep(_POLL_SECONDS)
        try:
            held, until = await self._demand(rates, is_sweep=True)
            await asyncio.sleep(max(0.0, until - clock()))
        except BaseException:
            self.end_sweep(rates)
            raise
        return held

    async def _demand(self, rates: Rates, *, is_sweep: bool = False) -> tuple[Rates, float]:
        """The rates that hold, and the instant from which on a sweep may begin; ``is_sweep``: it is about to."""
        while (meter := self._lock()) is None:  # noqa: ASYNC110  (other processes cannot set an event)
            await asyncio.sleep(_LOCKED_SECONDS)
        try:
            now = clock()
            self._apply(meter, now)
            meter.demand(rates, now)
            held = meter.rates.rates() if meter.rates else rates
            if is_sweep:
                if meter.is_swept:  # by a process that has ended, at an instant that nobody knows
                    meter.swept_until = now + sweep_delay_ms(held) / 1000
                meter.is_swept = True
            return held, meter.swept_until
        finally:
            self._unlock(changed=True)

    def end_sweep(self, rates: Rates) -> None:
        """The sweep, at these rates, has ended."""

        def end(meter: AddressMeter, now: float) -> None:
            meter.is_swept = False
            meter.swept_until = now + sweep_delay_ms(rates) / 1000

        self.change(end)
        self._state.unlock_sweep()


class _Permit:
    __slots__ = ("_ended", "_is_well", "_left", "_queue", "_slot")

    def __init__(self, queue: _AddressQueue, slot: int) -> None:
        self._queue = queue
        self._slot = slot
        self._left = False
        self._ended = False
        self._is_well = True

    def departed(self) -> None:
        if not self._left and not self._ended:
            self._left = True
            self._queue.departed(self._slot)

    def back_off(self, *, on_request: bool = False, seconds: float = 0.0) -> None:
        if self._is_well:
            self._is_well = False
            self._queue.change(lambda meter, now: meter.back_off(now, on_request=on_request, seconds=seconds))

    def ended(self) -> None:
        if not self._ended:
            self._ended = True
            self._queue.ended(self._slot, well=self._left and self._is_well)


class QueuedRateLimiter:
    """The rate limits of one event loop; those of all loops that are given the same ``states`` are one."""

    def __init__(self, states: AddressStates | None = None) -> None:
        self._states = states or MemoryStates()
        self._queues: dict[str, _AddressQueue] = {}

    def _queue(self, address: str) -> _AddressQueue:
        queue = self._queues.get(address)
        if queue is None:
            if len(self._queues) >= _IDLE:
                self._close_idle()
            queue = self._queues[address] = _AddressQueue(address, self._states.open(address))
        return queue

    def _close_idle(self) -> None:
        for address in [address for address, queue in self._queues.items() if queue.is_idle()]:
            self._queues.pop(address).close()

    def admit_now(self, address: str, rates: Rates) -> Permit | None:
        """The permit for one more connection to ``address``, if it may be opened now and no other one waits."""
        queue = self._queue(address)
        if queue.waiting:
            return None
        found = queue.admit(rates)
        return None if isinstance(found, float) else found

    async def admit(self, address: str, rates: Rates) -> Permit:
        """Wait until one more connection to ``address`` may be opened.

        Raises ScanFailure when that will never be, RateLimitError when the state cannot be kept.
        """
        queue = self._queue(address)
        queue.waiting += 1
        try:
            async with queue.turn:
                return await queue.wait(rates)
        finally:
            queue.waiting -= 1

    @property
    def waiting(self) -> int:
        """How many connections wait."""
        return sum(queue.waiting for queue in self._queues.values())

    def slow_down(self, address: str) -> None:
        """Halve the rates of an address that has stopped answering."""
        self._queue(address).change(AddressMeter.slow_down)

    def close(self) -> None:
        """Give back every connection and right."""
        while self._queues:
            self._queues.popitem()[1].close()

    @asynccontextmanager
    async def sweep(self, address: str, rates: Rates) -> AsyncIterator[Rates]:
        """Within the body, the right to sweep the ports of ``address``, at the rates that it gives: one at a time."""
        queue = self._queue(address)
        queue.users += 1
        try:
            async with queue.sweeping:
                held = await queue.begin_sweep(rates)
                try:
                    yield held
                finally:
                    queue.end_sweep(held)
        finally:
            queue.users -= 1
