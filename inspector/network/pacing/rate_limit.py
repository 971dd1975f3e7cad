"""Rate limits: how many connections an address gets per second and at once, and when to back off.

``AddressMeter`` is the arithmetic, with the time as an argument. ``RateLimiter`` is the interface that the gateway
uses, so that an implementation shared by many processes can replace ``LocalRateLimiter``, which belongs to one.
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

#: The window in which ``burst`` is counted: a second, and by how much the network path may compress it.
WINDOW_SECONDS = 1.1
#: An external scanner's clock is coarse: its questions are this much further apart than the rate demands.
SWEEP_SLACK = 1.05
#: Rates for each resolver and name server: far below what any of them notices.
INFRASTRUCTURE = Rates(connections_per_second=20, burst=40, at_once=10)
#: Deadlines are paused while a scan waits for the rate: where all open connections of an address stay open for so long
#: while others wait, one of them waits for itself, and is ended.
STALLED_SECONDS = 120.0
#: Back-off after a reset and after a server's request for fewer connections: first pause, doubled with each further one
#: in a row, and longest pause.
RESET_PAUSE_SECONDS, RESET_PAUSE_MOST = 0.25, 8.0
REQUESTED_PAUSE_SECONDS, REQUESTED_PAUSE_MOST = 2.0, 60.0


def pace_seconds(connections: int, rates: Rates) -> float:
    """The least time in which so many connections to one address can be opened."""
    by_rate = max(0, connections - rates.burst) / rates.connections_per_second
    by_window = (connections - 1) // rates.burst * WINDOW_SECONDS if connections else 0.0
    return max(by_rate, by_window)


def sweep_delay_ms(rates: Rates) -> int:
    """The delay between two port questions to one address, in whole milliseconds."""
    return math.ceil(1000 * SWEEP_SLACK / rates.port_questions_per_second)


def sweep_seconds(questions: int, rates: Rates) -> float:
    """The least time in which so many port questions to one address can be sent."""
    return questions * sweep_delay_ms(rates) / 1000


def strictest(one: Rates, other: Rates) -> Rates:
    """The rates that satisfy both."""
    return Rates(
        connections_per_second=min(one.connections_per_second, other.connections_per_second),
        burst=min(one.burst, other.burst),
        at_once=min(one.at_once, other.at_once),
        port_questions_per_second=min(one.port_questions_per_second, other.port_questions_per_second),
    )


def halved(rates: Rates) -> Rates:
    """Half of the connections, in any second and sustained, but at least one."""
    per_second, burst = max(1, rates.connections_per_second // 2), max(1, rates.burst // 2)
    return rates.model_copy(update={"connections_per_second": per_second, "burst": max(per_second, burst)})


class AddressMeter:
    """Counts the connections to one address. All instants are seconds of one monotonic clock.

    At most ``burst`` connections are opened in any window of a second and at most ``burst + rate × t`` in any ``t``
    seconds (the generic cell rate algorithm, ITU-T I.371, and a log of opened connections). A connection that was
    granted but not yet opened counts as opened at every instant until it is.
    """

    def __init__(self, rates: Rates) -> None:
        self._apply(rates)
        self._latest = rates
        self._empty_at = -math.inf
        self._departures: deque[float] = deque()
        self._granted = 0
        self._open = 0
        self._blocked_until = -math.inf
        self._failures = 0

    def ready_at(self, now: float) -> float:
        """The first instant at which one more may be granted; infinite while that depends on others ending."""
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
        """Grant one more."""
        self._empty_at = max(self._empty_at, now) + 1 / self._per_second
        self._granted += 1
        self._open += 1

    def departed(self, now: float) -> None:
        """One that was granted has been opened by now."""
        self._granted -= 1
        self._departures.append(now)

    def ended(self, *, left: bool) -> None:
        """One is closed or, without ``left``, was never opened."""
        self._open -= 1
        if not left:
            self._granted -= 1

    def tighten(self, rates: Rates) -> None:
        """Satisfy these rates too, from now on."""
        if rates is not self._latest:
            self._latest = rates
            self._apply(strictest(self.rates, rates))

    def _apply(self, rates: Rates) -> None:
        # Copied because every connection reads them, and attributes of a model are slow.
        self.rates = rates
        self._at_once, self._burst, self._per_second = rates.at_once, rates.burst, rates.connections_per_second

    def back_off(self, now: float, *, on_request: bool, seconds: float = 0.0) -> None:
        """The address reset a connection, or (``on_request``) asked for fewer: wait before the next one."""
        first, most = (
            (REQUESTED_PAUSE_SECONDS, REQUESTED_PAUSE_MOST) if on_request else (RESET_PAUSE_SECONDS, RESET_PAUSE_MOST)
        )
        pause = min(most, max(first * 2 ** min(self._failures, 10), seconds))
        self._failures += 1
        self._blocked_until = max(self._blocked_until, now + pause)

    def succeeded(self) -> None:
        """A connection succeeded: the next reset counts as the first one in a row."""
        self._failures = 0


class Permit(Protocol):
    """The right to open one connection, until it is closed."""

    def departed(self) -> None:
        """The first packet has been sent."""

    def back_off(self, *, on_request: bool = False, seconds: float = 0.0) -> None:
        """The server reset the connection, or (``on_request``) asked for fewer, for at least ``seconds``."""

    def ended(self) -> None:
        """The connection is closed; further calls do nothing."""


class RateLimiter(Protocol):
    """Limits the connections to each address over all scans."""

    def admit_now(self, address: str, rates: Rates) -> Permit | None:
        """The permit for one more connection to ``address``, if it may be opened now and no other one waits."""

    async def admit(self, address: str, rates: Rates) -> Permit:
        """Wait until one more connection to ``address`` may be opened. Raises ScanFailure when that will never be."""

    def sweep(self, address: str, rates: Rates) -> AbstractAsyncContextManager[None]:
        """Within the body, the right to sweep the ports of ``address``: one sweep at a time."""

    def slow_down(self, address: str) -> None:
        """Halve the rates of an address that has stopped answering."""


class _AddressQueue:
    """One address: its meter, and the queue of those that wait for it."""

    def __init__(self, rates: Rates) -> None:
        self.meter = AddressMeter(rates)
        self.turn = asyncio.Lock()
        self.paused = 0
        self.changed = asyncio.Event()
        self.changed_at = time.monotonic()
        self.sweeping = asyncio.Lock()
        self.swept_until = -math.inf

    async def wait(self) -> None:
        """Return when one more may be opened. Raises ScanFailure when no connection ends any more."""
        loop = asyncio.get_running_loop()
        while (ready := self.meter.ready_at(now := time.monotonic())) > now:
            if math.isinf(ready):
                ready = self.changed_at + STALLED_SECONDS
                if ready <= now:
                    in_use = f"all {self.meter.rates.at_once} connections that may be open at once are in use"
                    raise ScanFailure(Cause.TIMEOUT, f"{in_use}, and none has ended for {STALLED_SECONDS:g} s")
            self.changed.clear()
            timer = loop.call_later(ready - now, self.changed.set)
            try:
                await self.changed.wait()
            finally:
                timer.cancel()

    def grant(self) -> _LocalPermit:
        """Grant one more."""
        self.meter.grant(time.monotonic())
        self.notify()
        return _LocalPermit(self)

    def notify(self) -> None:
        """A connection was granted, opened or ended."""
        self.changed_at = time.monotonic()
        self.changed.set()


class _LocalPermit:
    __slots__ = ("_ended", "_is_well", "_left", "_queue")

    def __init__(self, queue: _AddressQueue) -> None:
        self._queue = queue
        self._left = False
        self._ended = False
        self._is_well = True

    def departed(self) -> None:
        if not self._left and not self._ended:
            self._left = True
            self._queue.meter.departed(time.monotonic())
            self._queue.notify()

    def back_off(self, *, on_request: bool = False, seconds: float = 0.0) -> None:
        if self._is_well:
            self._is_well = False
            self._queue.meter.back_off(time.monotonic(), on_request=on_request, seconds=seconds)

    def ended(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._queue.meter.ended(left=self._left)
        if self._left and self._is_well:
            self._queue.meter.succeeded()
        self._queue.notify()


class LocalRateLimiter:
    """The rate limits of one process and one event loop."""

    def __init__(self) -> None:
        self._queues: dict[str, _AddressQueue] = {}

    def _queue(self, address: str, rates: Rates) -> _AddressQueue:
        queue = self._queues.get(address)
        if queue is None:
            queue = self._queues[address] = _AddressQueue(rates)
        queue.meter.tighten(rates)
        return queue

    def admit_now(self, address: str, rates: Rates) -> Permit | None:
        """The permit for one more connection to ``address``, if it may be opened now and no other one waits."""
        queue = self._queue(address, rates)
        now = time.monotonic()
        if queue.paused or queue.meter.ready_at(now) > now:
            return None
        return queue.grant()

    async def admit(self, address: str, rates: Rates) -> Permit:
        """Wait until one more connection to ``address`` may be opened. Raises ScanFailure when that will never be."""
        queue = self._queue(address, rates)
        queue.paused += 1
        try:
            async with queue.turn:
                await queue.wait()
                return queue.grant()
        finally:
            queue.paused -= 1

    def slow_down(self, address: str) -> None:
        """Halve the rates of an address that has stopped answering."""
        if queue := self._queues.get(address):
            queue.meter.tighten(halved(queue.meter.rates))

    @asynccontextmanager
    async def sweep(self, address: str, rates: Rates) -> AsyncIterator[None]:
        """Within the body, the right to sweep the ports of ``address``: one sweep at a time."""
        queue = self._queue(address, rates)
        async with queue.sweeping:
            await asyncio.sleep(max(0.0, queue.swept_until - time.monotonic()))
            try:
                yield
            finally:
                queue.swept_until = time.monotonic() + sweep_delay_ms(queue.meter.rates) / 1000


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, LocalRateLimiter] = WeakKeyDictionary()


def shared_rate_limiter() -> LocalRateLimiter:
    """The rate limits that all gateways of the running event loop share: two systems on one address share its rate."""
    return _shared.setdefault(asyncio.get_running_loop(), LocalRateLimiter())
