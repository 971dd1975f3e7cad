"""The rate limit: how many connections an address gets per second and at once, and when it is left in peace.

``AddressMeter`` is the arithmetic, with the time handed in. ``RateLimiter`` is what the gateway needs of a budget, so
that one that many workers share can stand in its place; ``LocalRateLimiter`` is the one of this process.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol
from weakref import WeakKeyDictionary

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure

#: The window in which ``burst`` is counted: a second, and what the way to the server may compress it by.
WINDOW_SECONDS = 1.1
#: A scanner's own clock is coarser: its questions are this much further apart than the rate asks.
SWEEP_SLACK = 1.05
#: What resolvers and name servers are asked at most, each: far below what any of them notices.
INFRASTRUCTURE = Rates(connections_per_second=20, burst=40, at_once=10)
#: Looks do not count their waiting: where every open connection of an address stays open for so long while others
#: wait, one of them waits for itself, and is told so.
STALLED_SECONDS = 120.0
#: Peace after a reset, doubled with each further one in a row, and after being told to slow down.
RESET_PAUSE_SECONDS, RESET_PAUSE_MOST = 0.25, 8.0
TOLD_PAUSE_SECONDS, TOLD_PAUSE_MOST = 2.0, 60.0


def pace_seconds(connections: int, rates: Rates) -> float:
    """The least time in which so many connections to one address can leave."""
    by_rate = max(0, connections - rates.burst) / rates.connections_per_second
    by_window = (connections - 1) // rates.burst * WINDOW_SECONDS if connections else 0.0
    return max(by_rate, by_window)


def sweep_delay_ms(rates: Rates) -> int:
    """The time between two port questions to one address, in whole milliseconds."""
    return math.ceil(1000 * SWEEP_SLACK / rates.port_questions_per_second)


def sweep_seconds(questions: int, rates: Rates) -> float:
    """The least time in which so many port questions to one address can leave."""
    return questions * sweep_delay_ms(rates) / 1000


def strictest(one: Rates, other: Rates) -> Rates:
    """The rates that keep both."""
    return Rates(
        connections_per_second=min(one.connections_per_second, other.connections_per_second),
        burst=min(one.burst, other.burst),
        at_once=min(one.at_once, other.at_once),
        port_questions_per_second=min(one.port_questions_per_second, other.port_questions_per_second),
    )


class AddressMeter:
    """Counts what goes to one address. All instants are seconds of one monotonic clock.

    At most ``burst`` connections leave in any window of a second and at most ``burst + rate × t`` in any ``t`` seconds
    (the generic cell rate algorithm, ITU-T I.371, and a log of departures). A connection that was granted but has not
    left yet counts as leaving at every instant until it has.
    """

    def __init__(self, rates: Rates) -> None:
        self._keep(rates)
        self._asked = rates
        self._empty_at = -math.inf
        self._departures: deque[float] = deque()
        self._granted = 0
        self._open = 0
        self._blocked_until = -math.inf
        self._failures = 0

    def ready_at(self, now: float) -> float:
        """The first instant at which one more may be granted; infinite while that hangs on others ending."""
        if self._open >= self._at_once:
            return math.inf
        while self._departures and self._departures[0] <= now - WINDOW_SECONDS:
            self._departures.popleft()
        by_window = now
        surplus = len(self._departures) + self._granted - self._burst
        if surplus >= 0:
            if surplus >= len(self._departures):
                return math.inf
            by_window = self._departures[surplus] + WINDOW_SECONDS
        by_rate = self._empty_at - (self._burst - 1) / self._per_second
        return max(now, by_window, by_rate, self._blocked_until)

    def grant(self, now: float) -> None:
        """Let one more go."""
        self._empty_at = max(self._empty_at, now) + 1 / self._per_second
        self._granted += 1
        self._open += 1

    def departed(self, now: float) -> None:
        """One that was granted has left by now."""
        self._granted -= 1
        self._departures.append(now)

    def ended(self, *, left: bool) -> None:
        """One is closed (or, without ``left``, never went)."""
        self._open -= 1
        if not left:
            self._granted -= 1

    def tighten(self, rates: Rates) -> None:
        """Keep these rates too, from now on."""
        if rates is not self._asked:
            self._asked = rates
            self._keep(strictest(self.rates, rates))

    def _keep(self, rates: Rates) -> None:
        # They are asked for every connection, and a model is slow to tell.
        self.rates = rates
        self._at_once, self._burst, self._per_second = rates.at_once, rates.burst, rates.connections_per_second

    def back_off(self, now: float, *, reported: bool, seconds: float = 0.0) -> None:
        """The address reset a connection, or (``reported``) said that it is asked too much: it gets some peace."""
        first, most = (TOLD_PAUSE_SECONDS, TOLD_PAUSE_MOST) if reported else (RESET_PAUSE_SECONDS, RESET_PAUSE_MOST)
        pause = min(most, max(first * 2 ** min(self._failures, 10), seconds))
        self._failures += 1
        self._blocked_until = max(self._blocked_until, now + pause)

    def succeeded(self) -> None:
        """A connection was answered as it should: the next reset is a first one again."""
        self._failures = 0


class Permit(Protocol):
    """The right to open one connection, held until it is closed."""

    def departed(self) -> None:
        """The first packet has left."""

    def back_off(self, *, reported: bool = False, seconds: float = 0.0) -> None:
        """The server reset the connection, or said that it is asked too much."""

    def ended(self) -> None:
        """The connection is closed; further calls do nothing."""


class RateLimiter(Protocol):
    """How hard addresses are asked, over all scans."""

    def admit_now(self, address: str, rates: Rates) -> Permit | None:
        """The permit for one more connection to ``address``, where it may leave at once and nobody waits before it."""

    async def admit(self, address: str, rates: Rates) -> Permit:
        """Wait until one more connection to ``address`` may leave. Raises ScanFailure when that will never be."""

    def sweep(self, address: str, rates: Rates) -> AbstractAsyncContextManager[None]:
        """Hold the right to sweep ``address``: one sweep at a time."""


class _AddressQueue:
    """One address: its meter, and the queue in front of it."""

    def __init__(self, rates: Rates) -> None:
        self.meter = AddressMeter(rates)
        self.turn = asyncio.Lock()
        self.paused = 0
        self.changed = asyncio.Event()
        self.moved_at = time.monotonic()
        self.sweeping = asyncio.Lock()
        self.swept_until = -math.inf

    async def wait(self) -> None:
        """Return when one more may leave; first come, first served. Raises ScanFailure when nothing moves any more."""
        loop = asyncio.get_running_loop()
        while (ready := self.meter.ready_at(now := time.monotonic())) > now:
            if math.isinf(ready):
                ready = self.moved_at + STALLED_SECONDS
                if ready <= now:
                    held = f"all {self.meter.rates.at_once} connections that may be open at once are held"
                    raise ScanFailure(Cause.TIMEOUT, f"{held}, and none has ended for {STALLED_SECONDS:g} s")
            self.changed.clear()
            alarm = loop.call_later(ready - now, self.changed.set)
            try:
                await self.changed.wait()
            finally:
                alarm.cancel()

    def grant(self) -> _LocalPermit:
        """Let one more go."""
        self.meter.grant(time.monotonic())
        self.moved()
        return _LocalPermit(self)

    def moved(self) -> None:
        """A connection was granted, left or ended."""
        self.moved_at = time.monotonic()
        self.changed.set()


class _LocalPermit:
    __slots__ = ("_ended", "_left", "_queue", "_well")

    def __init__(self, queue: _AddressQueue) -> None:
        self._queue = queue
        self._left = False
        self._ended = False
        self._well = True

    def departed(self) -> None:
        if not self._left and not self._ended:
            self._left = True
            self._queue.meter.departed(time.monotonic())
            self._queue.moved()

    def back_off(self, *, reported: bool = False, seconds: float = 0.0) -> None:
        if self._well:
            self._well = False
            self._queue.meter.back_off(time.monotonic(), reported=reported, seconds=seconds)

    def ended(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._queue.meter.ended(left=self._left)
        if self._left and self._well:
            self._queue.meter.succeeded()
        self._queue.moved()


class LocalRateLimiter:
    """The budget of one process and one event loop."""

    def __init__(self) -> None:
        self._queues: dict[str, _AddressQueue] = {}

    def _queue(self, address: str, rates: Rates) -> _AddressQueue:
        queue = self._queues.get(address)
        if queue is None:
            queue = self._queues[address] = _AddressQueue(rates)
        queue.meter.tighten(rates)
        return queue

    def admit_now(self, address: str, rates: Rates) -> Permit | None:
        """The permit for one more connection to ``address``, where it may leave at once and nobody waits before it."""
        queue = self._queue(address, rates)
        now = time.monotonic()
        if queue.paused or queue.meter.ready_at(now) > now:
            return None
        return queue.grant()

    async def admit(self, address: str, rates: Rates) -> Permit:
        """Wait until one more connection to ``address`` may leave."""
        queue = self._queue(address, rates)
        queue.paused += 1
        try:
            async with queue.turn:
                await queue.wait()
                return queue.grant()
        finally:
            queue.paused -= 1

    @asynccontextmanager
    async def sweep(self, address: str, rates: Rates) -> AsyncIterator[None]:
        """Hold the right to sweep ``address``: one sweep at a time."""
        queue = self._queue(address, rates)
        async with queue.sweeping:
            await asyncio.sleep(max(0.0, queue.swept_until - time.monotonic()))
            try:
                yield
            finally:
                queue.swept_until = time.monotonic() + sweep_delay_ms(queue.meter.rates) / 1000


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, LocalRateLimiter] = WeakKeyDictionary()


def shared_rate_limiter() -> LocalRateLimiter:
    """The budget that all doors of the running event loop share: two systems on one address share its rate."""
    return _shared.setdefault(asyncio.get_running_loop(), LocalRateLimiter())
