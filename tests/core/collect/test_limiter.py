"""The adaptive limiter: the limit follows the lag of the event loop, stays in its bounds, and no token is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from inspector.collect.limiter import FIRST_LIMIT, AdaptiveLimiter

LAG, NO_LAG = 1.0, 0.0


class Holders:
    """Tasks that each acquire a token and hold it until they are released."""

    def __init__(self, limiter: AdaptiveLimiter) -> None:
        self.limiter = limiter
        self.running: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._released: dict[int, asyncio.Event] = {}

    async def start(self, count: int) -> None:
        for number in range(len(self.tasks), len(self.tasks) + count):
            self._released[number] = asyncio.Event()
            self.tasks.append(asyncio.create_task(self._hold(number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _hold(self, number: int) -> None:
        async with self.limiter:
            self.running.append(number)
            try:
                await self._released[number].wait()
            finally:
                self.running.remove(number)

    async def release(self, *numbers: int) -> None:
        for number in numbers:
            self._released[number].set()
        await asyncio.wait([self.tasks[number] for number in numbers], timeout=5)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def cancel(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def run(maximum: int, scenario: Callable[[Holders], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a scenario against a limiter that measures no lag by itself."""
    monkeypatch.setattr("inspector.collect.limiter._TICK_SECONDS", 3600.0)

    async def main() -> None:
        holders = Holders(AdaptiveLimiter(maximum))
        try:
            await scenario(holders)
        finally:
            await holders.cancel()

    asyncio.run(main())


def test_tasks_acquire_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks beyond the limit wait, and acquire first in, first out."""

    async def scenario(holders: Holders) -> None:
        await holders.start(FIRST_LIMIT + 3)
        assert holders.running == [*range(FIRST_LIMIT)]
        await holders.release(4, 5)
        assert holders.running[-2:] == [FIRST_LIMIT, FIRST_LIMIT + 1]
        assert len(holders.running) == FIRST_LIMIT

    run(50, scenario, monkeypatch)


def test_the_limit_grows_while_tasks_wait_and_the_loop_has_no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """By one with every tick, up to the maximum; it stays where no task waits."""

    async def scenario(holders: Holders) -> None:
        limiter = holders.limiter
        await holders.start(FIRST_LIMIT)
        limiter.record_lag(NO_LAG)
        assert limiter.limit == FIRST_LIMIT
        await holders.start(10)
        limiter.record_lag(NO_LAG)
        await asyncio.sleep(0)
        assert len(holders.running) == limiter.limit == FIRST_LIMIT + 1
        for _ in range(20):
            limiter.record_lag(NO_LAG)
        await asyncio.sleep(0)
        assert len(holders.running) == limiter.limit == FIRST_LIMIT + 4

    run(FIRST_LIMIT + 4, scenario, monkeypatch)


def test_lag_lowers_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Running tasks go on, none starts above the limit, and it stays at or above the first one."""

    async def scenario(holders: Holders) -> None:
        limiter = holders.limiter
        await holders.start(60)
        for _ in range(30):
            limiter.record_lag(NO_LAG)
        await asyncio.sleep(0)
        assert len(holders.running) == FIRST_LIMIT + 30
        limiter.record_lag(LAG)
        assert limiter.limit == (FIRST_LIMIT + 30) * 3 // 4
        assert len(holders.running) == FIRST_LIMIT + 30
        await holders.release(*range(10))
        assert len(holders.running) == limiter.limit
        await holders.release(10)
        assert len(holders.running) == limiter.limit
        for _ in range(50):
            limiter.record_lag(LAG)
        assert limiter.limit == FIRST_LIMIT

    run(50, scenario, monkeypatch)


def test_the_maximum_may_be_below_the_first_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A maximum of two is kept from the start."""

    async def scenario(holders: Holders) -> None:
        await holders.start(5)
        holders.limiter.record_lag(NO_LAG)
        holders.limiter.record_lag(LAG)
        await asyncio.sleep(0)
        assert holders.running == [0, 1]

    run(2, scenario, monkeypatch)


def test_a_cancelled_task_loses_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits, right after it acquired, and while it runs: its token goes to the next task."""

    async def scenario(holders: Holders) -> None:
        await holders.start(4)
        assert holders.running == [0]
        holders.tasks[1].cancel()
        await holders.release(0)
        assert holders.running == [2]
        holders.tasks[2].cancel()
        await asyncio.sleep(0)  # its token is the next task's, which has not run yet
        assert holders.running == []
        holders.tasks[3].cancel()
        await asyncio.sleep(0)
        await holders.start(1)
        assert holders.running == [4]

    run(1, scenario, monkeypatch)


def test_the_lag_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocking steps lower the limit, an idle loop raises it, and an unused limiter schedules no callback."""

    async def scenario() -> tuple[int, int]:
        limiter = AdaptiveLimiter(50)
        holders = Holders(limiter)
        await holders.start(60)
        async with asyncio.timeout(60):
            while limiter.limit == FIRST_LIMIT:  # noqa: ASYNC110  (no event announces a tick)
                await asyncio.sleep(0.01)
            while limiter.limit > FIRST_LIMIT:
                time.sleep(0.1)  # noqa: ASYNC251  (lag is what is tested)
                await asyncio.sleep(0)
        await holders.cancel()
        recorded.clear()
        await asyncio.sleep(0.2)
        return limiter.limit, len(recorded)

    recorded: list[float] = []
    record_lag = AdaptiveLimiter.record_lag

    def noted(limiter: AdaptiveLimiter, seconds: float) -> None:
        recorded.append(seconds)
        record_lag(limiter, seconds)

    monkeypatch.setattr(AdaptiveLimiter, "record_lag", noted)
    limit, ticks = asyncio.run(scenario())
    assert limit == FIRST_LIMIT
    assert ticks <= 1, "the limiter is unused"
