"""Tells an interrupt by a person (Ctrl-C, ``SIGINT``) from a ``KeyboardInterrupt`` that a plugin raises."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class _State:
    is_watching: bool = False
    was_interrupted: bool = False
    on_first: Callable[[], object] | None = None


_state = _State()


@contextmanager
def watched() -> Iterator[None]:
    """Within the body an interrupt is noted, and raises ``KeyboardInterrupt`` as ever.

    Outside the main thread, and where the host program or the shell has another handler, nothing is changed.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _state.is_watching, _state.was_interrupted, _state.on_first = True, False, None
    signal.signal(signal.SIGINT, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _state.is_watching = False


def _handle(_signal: int, _frame: FrameType | None) -> None:
    _state.was_interrupted = True
    on_first, _state.on_first = _state.on_first, None
    if on_first is None:
        raise KeyboardInterrupt
    on_first()


@contextmanager
def cancelling(task: asyncio.Task[object]) -> Iterator[None]:
    """Within the body, which runs the task's loop, the first interrupt cancels the task, as in ``asyncio.Runner``."""
    loop = task.get_loop()

    def cancel() -> None:
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # wakes the loop

    _state.on_first = cancel
    try:
        yield
    finally:
        _state.on_first = None


@contextmanager
def interrupting_at_once() -> Iterator[None]:
    """Within the body, which awaits nothing that takes long, an interrupt raises ``KeyboardInterrupt`` there."""
    before, _state.on_first = _state.on_first, None
    try:
        yield
    finally:
        _state.on_first = before


def happened() -> bool:
    """Whether an interrupt arrived since they are watched."""
    return _state.was_interrupted


def by_a_person() -> bool:
    """Whether an interrupt arrived while they are watched; where they are not, each counts as one."""
    return _state.was_interrupted or not _state.is_watching
