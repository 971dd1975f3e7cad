"""What waits for the disk runs in a thread, and is not forgotten when its task is cancelled."""

import asyncio
import threading

import pytest

from inspector.pipeline.event_loop import in_thread


async def test_a_cancelled_task_undoes_what_the_thread_still_did() -> None:
    """The thread is waited for, its result is given to ``undo``, and the cancellation goes on."""
    begun, release = threading.Event(), threading.Event()
    undone: list[str] = []

    def slow() -> str:
        begun.set()
        release.wait()
        return "opened"

    task = asyncio.create_task(in_thread(slow, undo=undone.append))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert undone == ["opened"]
