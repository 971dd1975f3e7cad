"""Turns every way in which plugin code can end into an ``Exception``, so that it is handled as that plugin's error.

``SystemExit``, ``KeyboardInterrupt``, ``GeneratorExit`` and ``CancelledError`` end the program or the event loop when
they go on; a plugin that raises one must not. An interrupt by a person and a cancellation by the collector go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from inspector.model.errors import ScanFailure
from inspector.model.escaping import storable
from inspector.plugin.interrupts import by_a_person

T = TypeVar("T")

#: Tasks that never ended: destroying one would throw into it again, and it might never return.
abandoned: set[asyncio.Task[Any]] = set()

#: Seconds that a task which was cancelled may take to end.
GRACE_SECONDS = 5.0


def _nothing() -> None:
    """A host program's process is not this package's to guard."""


#: Called before plugins are imported; the command line, which owns its process, guards it from then on.
before_import: Callable[[], None] = _nothing
#: Called when all are loaded.
after_import: Callable[[], None] = _nothing


class ContainedError(Exception):
    """A plugin raised ``error``, which is no ``Exception``."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(described(error))
        self.error = error


@contextmanager
def contained() -> Iterator[None]:
    """Run plugin code in the body; what it raises is an ``Exception``."""
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if _is_from_outside(error):
            raise
        raise ContainedError(error) from error


def _is_from_outside(error: BaseException) -> bool:
    if isinstance(error, KeyboardInterrupt):
        return by_a_person()
    if isinstance(error, asyncio.CancelledError):
        return _is_being_cancelled()
    return False


def _is_being_cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs
        return False
    return task is not None and task.cancelling() > 0


async def result_of_task(task: asyncio.Task[T]) -> T:
    """The result of a task that runs plugin code; it is cancelled with the caller.

    Raises what the task raises, ContainedError where it cancelled itself, and ScanFailure (bug) where it goes on though
    it was cancelled: it is then left alone.
    """
    try:
        while not task.done():
            was_cancelled = task.cancelling() > 0
            await asyncio.wait({task}, timeout=GRACE_SECONDS)
            if was_cancelled and not task.done() and task.cancelling():
                from inspector.model.base import Cause

                raise ScanFailure(Cause.BUG, f"the scan went on for {GRACE_SECONDS:g} s after its cancellation")
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE_SECONDS)
        raise
    if task.cancelled():
        raise ContainedError(asyncio.CancelledError("the scan cancelled itself"))
    return task.result()


def described(error: BaseException) -> str:
    """Class and text of an exception, on one line, for a message."""
    if isinstance(error, ContainedError):
        return described(error.error)
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        with contained():
            text = str(error)
    except Exception as failed:  # noqa: BLE001  (the text is the plugin's code, too)
        text = f"its text raises {type(failed).__name__}"
    return storable(f"{name}: {text[:500]}")
