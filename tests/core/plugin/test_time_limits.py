"""Code that never ends is stopped, whether it is a pure function or a coroutine that blocks."""

import asyncio
import time

import pytest

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.plugin.time_limits import bounded, responsive


def _burn() -> None:
    while True:
        pass


def test_a_function_that_never_ends_is_stopped() -> None:
    """The cause is a bug of that function."""
    with pytest.raises(ScanFailure, match="check x") as caught, bounded(0.2, "check x"):
        _burn()
    assert caught.value.cause is Cause.BUG


def test_a_function_that_ends_is_left_alone() -> None:
    """The bound goes away with the body."""
    with bounded(0.2, "check x"):
        pass
    with bounded(0.2, "outer"):
        total = sum(range(1000))
    assert total == 499500


def test_a_coroutine_that_blocks_is_stopped_and_others_go_on() -> None:
    """The blocking look ends with its cause; the one beside it is not disturbed."""

    async def main() -> tuple[object, object]:
        async def blocking() -> None:
            _burn()

        async def patient() -> None:
            await asyncio.sleep(0.01)

        suspects: set[asyncio.Task[None]] = {asyncio.create_task(blocking()), asyncio.create_task(patient())}
        with responsive(0.4):
            done = await asyncio.gather(*suspects, return_exceptions=True)
        return done[0], done[1]

    told = asyncio.run(main())
    troubles = [each for each in told if isinstance(each, ScanFailure)]
    assert [each.cause for each in troubles] == [Cause.BUG]
    assert None in told


def test_many_short_steps_in_a_row_are_nobodys_fault() -> None:
    """Where the loop runs late because much is to be done, the step that the alarm happens to meet goes on."""

    async def main() -> None:
        async def short() -> None:
            time.sleep(0.02)  # noqa: ASYNC251  # a step that takes its time, as on a busy machine

        steps = [asyncio.create_task(short()) for _ in range(100)]
        with responsive(0.8):
            await asyncio.gather(*steps)

    asyncio.run(main())
