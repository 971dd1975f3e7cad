"""Systems begin one after the other, no more than fit, and none while the event loop is late."""

from __future__ import annotations

import asyncio

import pytest

from inspector.fleet import admission
from inspector.fleet.admission import LATE_SECONDS, SystemAdmission


async def started(on: SystemAdmission, count: int) -> asyncio.Task[None]:
    """A task that begins so many systems, as far as it may; it has had time to."""

    async def begin() -> None:
        for _ in range(count):
            await on.admit()

    task = asyncio.create_task(begin())
    for _ in range(20):
        await asyncio.sleep(0)
    return task


async def _tick(on: SystemAdmission, lag: float) -> None:
    """One measurement, and time for what it permits."""
    on.record_lag(lag)
    for _ in range(20):
        await asyncio.sleep(0)


async def test_no_more_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one begins when one ends."""
    monkeypatch.setattr(admission, "START_SECONDS", 0.0)
    on = SystemAdmission(2)
    task = await started(on, 3)
    for _ in range(5):
        await _tick(on, 0.0)
    assert on.running == 2
    on.leave()
    for _ in range(5):
        await _tick(on, 0.0)
    assert on.running == 2
    await task


async def test_none_begins_while_the_loop_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one begins in any case; the second one with the first tick in time."""
    monkeypatch.setattr(admission, "START_SECONDS", 0.0)
    on = SystemAdmission(10)
    task = await started(on, 2)
    assert on.running == 1
    for _ in range(5):
        await _tick(on, LATE_SECONDS * 2)
    assert on.running == 1
    await _tick(on, LATE_SECONDS / 2)
    assert on.running == 2
    await task


async def test_the_next_one_begins_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many places are free, what a system does first is not done by all at once."""
    monkeypatch.setattr(admission, "START_SECONDS", 3600.0)
    on = SystemAdmission(10)
    task = await started(on, 2)
    await _tick(on, 0.0)
    assert on.running == 1
    task.cancel()


async def test_a_cancelled_wait_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is interrupted while the next system waits leaves the place to others."""
    monkeypatch.setattr(admission, "START_SECONDS", 0.0)
    on = SystemAdmission(2)
    task = await started(on, 2)
    task.cancel()
    await asyncio.wait({task})
    other = await started(on, 1)
    await _tick(on, 0.0)
    assert on.running == 2
    await other


async def test_the_lag_is_measured_while_systems_are_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's own meter tells it."""
    monkeypatch.setattr(admission, "START_SECONDS", 0.0)
    on = SystemAdmission(3)
    async with asyncio.timeout(60), on.measuring():
        for _ in range(3):
            await on.admit()
    assert on.running == 3
