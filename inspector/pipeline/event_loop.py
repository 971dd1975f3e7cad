"""Runs a coroutine to its end, whatever the plugins' tasks do to the event loop meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from inspector.model.errors import InspectorError
from inspector.model.formatted import FormattedMessage
from inspector.plugin.containment import GRACE_SECONDS, abandoned, described
from inspector.plugin.interrupts import by_a_person, cancelling, happened, watched

T = TypeVar("T")

#: What is said of a cancellation that is none of a person.
CANCELLED = "a plugin cancelled the inspection"
_log = logging.getLogger(__name__)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own.

    Unlike ``asyncio.run`` it goes on when a task of a plugin raises ``SystemExit`` or ``KeyboardInterrupt`` or stops
    the loop, waits a bounded time for tasks and threads that do not end, and does not format the result when it is
    interrupted. Raises KeyboardInterrupt after an interrupt, InspectorError where the loop itself cannot go on.
    """
    results: list[T] = []

    async def run() -> None:
        results.append(await work)

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_log_failure)
    asyncio.set_event_loop(loop)
    try:
        task = loop.create_task(run(), name="inspection")
        with watched(), cancelling(task):
            _drive(loop, task)
            if task.cancelled():
                _raise_cancelled()
        task.result()
    finally:
        _close(loop)
        asyncio.set_event_loop(None)
    return results[0]


async def in_thread(function: Callable[[], T], *, undo: Callable[[T], object] | None = None) -> T:
    """The result of a function that waits for the disk, and runs in a thread; it is waited for in any case.

    Where the waiting task is cancelled meanwhile, ``undo`` is called with the result, and the cancellation goes on.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        if not running.cancelled() and running.exception() is None and undo is not None:
            undo(running.result())
        raise


def _raise_cancelled() -> None:
    if happened():
        raise KeyboardInterrupt
    raise InspectorError(CANCELLED, remedy="find out which one with --only, and repair it")


def _drive(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    """Run the loop until the task is done, however it ends."""
    while not task.done():
        try:
            loop.run_until_complete(task)
        except (Exception, SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:
            if isinstance(error, KeyboardInterrupt) and by_a_person():
                raise
            if not task.done():
                _go_on_after(error, loop)


def _go_on_after(error: BaseException, loop: asyncio.AbstractEventLoop) -> None:
    """Return where the loop can go on after this. Raises InspectorError."""
    # RuntimeError: the loop was stopped before the task was done.
    if loop.is_closed() or not isinstance(error, SystemExit | KeyboardInterrupt | RuntimeError):
        raise InspectorError(
            FormattedMessage("the event loop cannot go on: {error}", error=described(error)),
            remedy="a plugin may have closed descriptors that are not its own: find out which one with --only",
        ) from error
    _log.warning("a plugin tried to end the inspection", extra={"detail": described(error)})


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what still runs, wait for it a bounded time, and close the loop; its threads are not waited for."""
    with suppress(InspectorError, OSError, ValueError):
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            _drive(loop, loop.create_task(_ended(left)))
        _drive(loop, loop.create_task(loop.shutdown_asyncgens()))
    with suppress(OSError, ValueError):
        loop.close()


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    done, left = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
    abandoned.update(left)
    for task in done:
        if not task.cancelled():
            task.exception()  # counts as retrieved


def _log_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    detail = context.get("message", "") if error is None else described(error)
    _log.warning("a task of a plugin failed", extra={"detail": detail})
