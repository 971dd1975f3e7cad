"""Bounds on time for code that is not ours: a pure function that never ends, a coroutine that blocks the event loop.

Both rest on an interval timer in the main thread, which interrupts Python code between two instructions. Elsewhere
(in a thread, or where the system has no such timer) they bound nothing; code that holds the interpreter itself, such as
a parser written in C, belongs in ``inspector.network.run_isolated``.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure


def _can_interrupt() -> bool:
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


class Clock:
    """Bounds many short pieces of code, one after the other, to so many seconds each."""

    def __init__(self, seconds: float, *, ticks: bool) -> None:
        self._seconds = seconds
        self._ticks = ticks
        self._what = ""

    @classmethod
    @contextmanager
    def of(cls, seconds: float) -> Iterator[Clock]:
        """A clock that works within the body; whatever timer ran before stands still meanwhile."""
        if not _can_interrupt():
            yield cls(seconds, ticks=False)
            return
        clock = cls(seconds, ticks=True)
        before = signal.signal(signal.SIGALRM, clock._stop)
        remaining, interval = signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            yield clock
        finally:
            signal.setitimer(signal.ITIMER_REAL, remaining, interval)
            signal.signal(signal.SIGALRM, before)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        raise ScanFailure(Cause.BUG, f"{self._what} took longer than {self._seconds:g} s")

    @contextmanager
    def bound(self, what: str) -> Iterator[None]:
        """Raise ``ScanFailure`` (cause bug) when the body takes too long."""
        self._what = what
        if self._ticks:
            signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            yield
        finally:
            if self._ticks:
                signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def bounded(seconds: float, what: str) -> Iterator[None]:
    """Raise ``ScanFailure`` (cause bug) when the body takes longer than ``seconds``."""
    with Clock.of(seconds) as clock, clock.bound(what):
        yield


@contextmanager
def responsive(seconds: float) -> Iterator[None]:
    """Raise ``ScanFailure`` inside whichever other task blocks the running event loop for longer than ``seconds``.

    Two alarms in a row, half of the time apart, must meet the same step of the same task: where a busy machine lets the
    whole loop run late, nobody is to blame.
    """
    if not _can_interrupt():
        yield
        return
    loop, own = asyncio.get_running_loop(), asyncio.current_task()
    beat = time.monotonic()
    suspect: asyncio.Task[object] | None = None

    async def pulse() -> None:
        nonlocal beat, suspect
        while True:
            beat, suspect = time.monotonic(), None
            await asyncio.sleep(seconds / 4)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal suspect
        running = asyncio.current_task(loop)
        known, suspect = suspect, running
        if time.monotonic() - beat > seconds and running is known and running not in (None, own, pulsing):
            raise ScanFailure(Cause.BUG, f"the scan blocked every other for longer than {seconds:g} s")

    pulsing = loop.create_task(pulse())
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds / 2, seconds / 2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        pulsing.cancel()
