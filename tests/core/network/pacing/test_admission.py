"""The checkpoint before a connection: what is asked at the very instant at which it leaves."""

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
from inspector.network.pacing.rate_limit import LocalRateLimiter
from tests.core.network.addresses import ADDRESS


def test_what_had_to_wait_is_asked_again_before_it_leaves(tmp_path: Path) -> None:
    """What was permitted before a wait need not be after it; then nothing leaves, and the place is free for others."""
    request_context = RequestContext(
        "probe", "tcp://shop.test", Rates(connections_per_second=200, burst=200, at_once=1)
    )
    asked: list[bool] = []

    def nothing() -> None:
        """Never an objection."""

    def closing() -> None:
        asked.append(True)
        if len(asked) > 1:
            raise ScanFailure(Cause.OUTSIDE_WINDOW, "the hour is over")

    async def go() -> None:
        ledger = Ledger(tmp_path / "ledger.jsonl")
        admission = AdmissionControl(ledger, LocalRateLimiter(), 10)

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
