"""Admission control: what is checked right before a connection is opened."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.declare.authorisation import Rates
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.pacing.admission import AdmissionControl, ConnectionLease, RequestContext
from inspector.network.pacing.cancellation import PausableDeadline
from inspector.network.pacing.ledger import Ledger
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from tests.core.network.addresses import ADDRESS


def test_permission_is_checked_again_after_a_wait(tmp_path: Path) -> None:
    """Where it has ended meanwhile nothing is sent, and the next connection can be opened."""
    request_context = RequestContext(
        "probe", "tcp://shop.test", Rates(connections_per_second=200, burst=200, at_once=1)
    )
    asked: list[bool] = []

    def nothing() -> None:
        """Always permitted."""

    def closing() -> None:
        asked.append(True)
        if len(asked) > 1:
            raise ScanFailure(Cause.OUTSIDE_WINDOW, "the hour is over")

    async def go() -> None:
        ledger = Ledger(tmp_path / "ledger.jsonl")
        admission = AdmissionControl(ledger, QueuedRateLimiter(), 10)

        async def acquire(check: Callable[[], None]) -> ConnectionLease:
            return await admission.acquire(
                request_context, ADDRESS, 443, "tcp", deadline=PausableDeadline(), check=check
            )

        first = await acquire(nothing)
        second = asyncio.create_task(acquire(closing))
        await asyncio.sleep(0.05)
        assert (second.done(), asked) == (False, [True])
        first.release()
        with pytest.raises(ScanFailure, match="the hour is over"):
            await second
        assert len(list(ledger.entries())) == 1
        (await acquire(nothing)).release()
        assert len(list(ledger.entries())) == 2
        ledger.close()

    asyncio.run(go())


def test_connections_beyond_the_machines_limit_wait_in_order(tmp_path: Path) -> None:
    """One that is cancelled while it waits keeps neither its place nor its permit."""
    request_context = RequestContext(
        "probe", "tcp://shop.test", Rates(connections_per_second=200, burst=200, at_once=3)
    )

    async def go() -> None:
        ledger = Ledger(tmp_path / "ledger.jsonl")
        admission = AdmissionControl(ledger, QueuedRateLimiter(), 1)
        opened: list[int] = []

        async def acquire(number: int) -> ConnectionLease:
            lease = await admission.acquire(
                request_context, ADDRESS, 443, "tcp", deadline=PausableDeadline(), check=lambda: None
            )
            opened.append(number)
            return lease

        first = await acquire(1)
        waiting = [asyncio.create_task(acquire(number)) for number in (2, 3, 4)]
        await asyncio.sleep(0.05)
        assert opened == [1]
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        first.release()
        (await waiting[1]).release()
        (await waiting[2]).release()
        assert opened == [1, 3, 4]
        (await acquire(5)).release()
        ledger.close()

    asyncio.run(asyncio.wait_for(go(), 20))


def test_what_resolves_names_is_no_inspection_beside_others(tmp_path: Path) -> None:
    """A sweep waits for those of other inspections only where there are any."""

    async def go() -> None:
        ledger = Ledger(tmp_path / "ledger.jsonl")
        one = AdmissionControl(ledger, QueuedRateLimiter(), 10)
        names = AdmissionControl(ledger, QueuedRateLimiter(), 10, is_inspection=False)
        assert not one.has_others
        other = AdmissionControl(ledger, QueuedRateLimiter(), 10)
        assert one.has_others
        del names, other
        assert not one.has_others
        ledger.close()

    asyncio.run(go())
