"""Cancellation from outside, and deadlines that pause while an operation waits for the authorised rate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from types import TracebackType
from typing import NoReturn

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure

#: How late the event loop may come to a deadline that it is not put off.
_LATE_SECONDS = 0.05


class CancelScope:
    """One running operation, which the gateway may cancel; each of its steps is bounded in time."""

    __slots__ = ("_bounds", "_on_cancel", "failure")

    def __init__(self) -> None:
        self.failure: ScanFailure | None = None
        self._bounds: set[asyncio.Timeout] = set()
        self._on_cancel: Callable[[], None] | None = None

    def on_cancel(self, close: Callable[[], None] | None) -> None:
        """Set what is called on cancellation; None when the operation ends, so that neither keeps the other alive."""
        self._on_cancel = close

    def cancel(self, failure: ScanFailure) -> None:
        """Cancel it: the running step, and every later one, raises this trouble."""
        if self.failure is not None:
            return
        self.failure = failure
        if self._on_cancel is not None:
            self._on_cancel()
        for bound in self._bounds:
            if not bound.expired():
                bound.reschedule(0)

    def check(self) -> None:
        """Raise the Trouble with which it was cancelled, if it was."""
        if self.failure is not None:
            raise ScanFailure(self.failure.cause, self.failure.message)

    def within(self, seconds: float | None, what: str) -> AbstractAsyncContextManager[None]:
        """Bound the body: raises ScanFailure, timeout (``what``) after so many seconds, or that of the cancellation."""
        return _Within(self, self._bounds, seconds, what)


class _Within:
    """The bound of one step; a class and no generator, because every read and write enters one."""

    __slots__ = ("_bound", "_bounds", "_cancel_scope", "_seconds", "_what")

    def __init__(
        self, cancel_scope: CancelScope, bounds: set[asyncio.Timeout], seconds: float | None, what: str
    ) -> None:
        self._cancel_scope = cancel_scope
        self._bounds = bounds
        self._seconds = seconds
        self._what = what

    async def __aenter__(self) -> None:
        self._cancel_scope.check()
        self._bound = asyncio.timeout(self._seconds)
        await self._bound.__aenter__()
        self._bounds.add(self._bound)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bounds.discard(self._bound)
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError:
            self._fail()
        if kind is not None and issubclass(kind, TimeoutError):
            self._fail()

    def _fail(self) -> NoReturn:
        self._cancel_scope.check()
        raise ScanFailure(Cause.TIMEOUT, self._what) from None


class PausableDeadline:
    """Pauses deadlines, its own and those of ``outer``, while at least one step waits for the authorised rate.

    A deadline that the event loop comes to late is put off by as long as it was late, once and at most by its own
    length, so that what came meanwhile is read first.
    """

    def __init__(self, outer: PausableDeadline | None = None) -> None:
        self._outer = outer
        self._pauses = 0
        self._clocks: set[_Clock] = set()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause within the body, which waits for the authorised rate."""
        self._pauses += 1
        if self._pauses == 1:
            for clock in self._clocks:
                clock.stop()
        try:
            with self._outer.paused() if self._outer is not None else nullcontext():
                yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                for clock in self._clocks:
                    clock.start()

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Bound the body to so many seconds, without those that it waits for the rate; raises TimeoutError."""
        async with asyncio.timeout(None) as bound:
            clock = _Clock(bound, seconds)
            self._clocks.add(clock)
            if not self._pauses:
                clock.start()
            try:
                yield
            finally:
                self._clocks.discard(clock)
                clock.stop()


class _Clock:
    """The time that is left of one deadline; it runs from ``start`` to ``stop``, and at its end ``bound`` expires."""

    def __init__(self, bound: asyncio.Timeout, seconds: float) -> None:
        self._bound = bound
        self._loop = asyncio.get_running_loop()
        self._seconds = self._left = seconds
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_put_off = False

    def start(self) -> None:
        """Go on, unless the time is up."""
        if self._timer is None and not self._bound.expired():
            self._due = self._loop.time() + self._left
            self._timer = self._loop.call_at(self._due, self._time_is_up)

    def stop(self) -> None:
        """Stand still."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._left = max(0.0, self._due - self._loop.time())

    def _time_is_up(self) -> None:
        self._timer = None
        late = self._loop.time() - self._due
        if late > _LATE_SECONDS and not self._is_put_off:
            self._is_put_off = True
            self._left = min(late, self._seconds)
            self.start()
        else:
            self._left = 0.0
            self._bound.reschedule(0)
