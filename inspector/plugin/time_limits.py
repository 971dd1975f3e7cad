"""Time limits for third-party code: a function that does not return, a coroutine that blocks the event loop.

How running code is interrupted depends on its thread:

- **Main thread**: an interval timer (``SIGALRM``) raises between two bytecodes. It also ends blocking system calls,
  such as ``time.sleep``, and regular expressions that backtrack, because both run signal handlers.
- **Every other thread**: a watchdog thread has the interpreter raise there (``PyThreadState_SetAsyncExc``), between two
  bytecodes and nowhere else: a blocking call is left only when it returns.

Neither ends a call into C that does not return. Outside the main thread that includes a regular expression, which
also keeps the interpreter lock, and with it every thread, for as long as it runs. Such code needs a process of its own,
which can be killed: a probe's ``parse_in_worker`` parser has one, and outside the main thread every parser has
(``inspector.collect.parsing``). A check has none: it is a small function of facts that are already parsed.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import ParamSpec, TypeVar

from inspector.model.base import Cause
from inspector.model.errors import InspectorError, ScanFailure

P = ParamSpec("P")
R = TypeVar("R")

#: Raises an exception class in the interrupted thread.
_Raise = Callable[[type[BaseException]], None]
#: How often a deadline is scanned while it lasts; a limit is exceeded by at most this share of it.
_CHECKS_PER_LIMIT = 10


class _Expired(BaseException):
    """Raised inside code that exceeded its limit; no ``Exception``, so that code which catches those ends, too."""


def _unwatched(_seconds: float, _error: InspectorError) -> AbstractContextManager[None]:
    """A host program's process is watched by nobody."""
    return nullcontext()


#: Within its body this process is ended with the error after so many seconds, also where it is stuck in C: for what no
#: interruption reaches.
watched: Callable[[float, InspectorError], AbstractContextManager[None]] = _unwatched


def is_main_thread() -> bool:
    """Whether this is the main thread, where a blocking call and a regular expression can be interrupted, too."""
    return threading.current_thread() is threading.main_thread()


def _interrupting(seconds: float, check: Callable[[_Raise], None]) -> AbstractContextManager[None]:
    """Within the body, ``check`` is called every so many seconds, with the means to raise in this thread."""
    return _timer(seconds, check) if is_main_thread() else _watchdog(seconds, check)


@contextmanager
def _timer(seconds: float, check: Callable[[_Raise], None]) -> Iterator[None]:
    """Interrupt by SIGALRM. A timer that ran before is suspended within the body."""

    def raise_here(error: type[BaseException]) -> None:
        raise error

    # Handlers are exchanged only while no timer runs: an alarm between would be another handler's.
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    before = signal.signal(signal.SIGALRM, lambda _signal, _frame: check(raise_here))
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, remaining, interval)


@contextmanager
def _watchdog(seconds: float, check: Callable[[_Raise], None]) -> Iterator[None]:
    """Interrupt from a second thread."""
    import ctypes

    interrupted = ctypes.c_ulong(threading.get_ident())
    ended = threading.Event()

    def raise_there(error: type[BaseException]) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(interrupted, ctypes.py_object(error))

    def watch() -> None:
        while not ended.wait(seconds):
            check(raise_there)

    thread = threading.Thread(target=watch, name="time limit", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _running_clock() -> Iterator[Callable[[], float]]:
    """A clock in seconds that stands still while this thread is ready to run and the processors run others.

    A busy machine delays a call that is not at fault. Linux counts that time in ``schedstat`` (proc(5)); where nothing
    does, the clock is ``time.monotonic``.
    """
    try:
        counts = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
    except OSError:
        yield time.monotonic
        return

    def now() -> float:
        try:
            _ran, waited, _turns = map(int, os.pread(counts, 100, 0).split())  # nanoseconds, and how many turns
        except (OSError, ValueError):  # third-party code closed the file
            waited = 0
        return time.monotonic() - waited / 1e9

    try:
        yield now
    finally:
        with suppress(OSError):
            os.close(counts)


def _tell_no_one(_what: str) -> None:
    """Nobody watches this process."""


#: Called before third-party code runs, with what runs, and with "" after it: what a process was doing that was killed.
tell: Callable[[str], None] = _tell_no_one


@contextmanager
def named(what: str) -> Iterator[None]:
    """Within the body, whoever watches this process (``tell``) knows what it runs."""
    tell(what)
    try:
        yield
    finally:
        tell("")


def _go_on(_what: str) -> None:
    """A host program's process is not this package's to end."""


#: Called with what runs where third-party code was interrupted for so many seconds in vain, because it catches whatever
#: interrupts it: the command line ends its process, which nothing else can do.
give_up: Callable[[str], None] = _go_on
VAIN_SECONDS = 30.0


class TookTooLong(ScanFailure):
    """A call took longer than its limit."""


class Clock:
    """Limits many short calls, one after the other, to so many seconds each, by the clock ``now``."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._now = now
        self._what = ""
        self._deadline = math.inf
        self._interrupted_at = math.inf
        self._has_expired = False
        #: Keeps the watchdog from raising when the call has just ended; reentrant, because a signal handler takes it in
        #: the thread that may hold it.
        self._lock = threading.RLock()

    @classmethod
    @contextmanager
    def of(cls, seconds: float) -> Iterator[Clock]:
        """A clock that works within the body, in the thread that runs it."""
        with _running_clock() as now:
            clock = cls(seconds, now)
            with _interrupting(seconds / _CHECKS_PER_LIMIT, clock._check):
                yield clock

    def call(self, what: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result. Raises ``TookTooLong`` (cause bug, naming ``what``) when it exceeds the limit."""
        self._has_expired = False
        try:
            self._what = what
            self._deadline = self._now() + self._seconds
            self._interrupted_at = math.inf
            try:
                with named(what):
                    return function(*args, **kwargs)
            finally:
                with self._lock:
                    self._deadline = math.inf
        except BaseException:
            if self._has_expired:  # whatever the function, or a library between, made of the interruption
                raise TookTooLong(Cause.BUG, f"{what} took longer than {self._seconds:g} s") from None
            raise

    def _check(self, interrupt: _Raise) -> None:
        with self._lock:
            if self._now() < self._deadline:
                return
            self._deadline = self._now()  # until the call has ended: what is raised in a destructor is ignored
            self._has_expired = True
            self._interrupted_at = min(self._interrupted_at, self._deadline)
            if self._deadline - self._interrupted_at > VAIN_SECONDS:
                give_up(self._what)
            interrupt(_Expired)


def call_within(seconds: float, what: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The function's result. Raises ``TookTooLong`` (cause bug, naming ``what``) when it takes longer than
    ``seconds``.
    """
    with Clock.of(seconds) as clock:
        return clock.call(what, function, *args, **kwargs)


@contextmanager
def responsive(seconds: float) -> Iterator[None]:
    """Raise ``ScanFailure`` inside whichever other task blocks the running event loop for longer than ``seconds``.

    Two checks in a row, half of the time apart, must find the same step of the same task: where a busy machine delays
    the whole loop, no task is at fault. All tasks of a loop that are in such a body share one timer, with the seconds
    of the first one; none of them is interrupted, and it works until the last of them leaves its body.
    """
    loop = asyncio.get_running_loop()
    watch = _watches.get(loop)
    if watch is None:
        watch = _watches[loop] = _BlockingWatch(loop, seconds)
    watch.enter(asyncio.current_task())
    try:
        yield
    finally:
        watch.leave(asyncio.current_task())


class _BlockingWatch:
    """Interrupts a task that blocks its event loop; one for all tasks of the loop that want it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._users: Counter[asyncio.Task[object] | None] = Counter()
        self._now: Callable[[], float] = time.monotonic
        self._last_pulse = 0.0
        self._interrupted_at = math.inf
        self._suspect: asyncio.Task[object] | None = None
        self._pulsing: asyncio.Task[None] | None = None
        self._timer = ExitStack()
        text = f"the scan blocked the event loop for longer than {seconds:g} s"

        class Blocked(ScanFailure):
            def __init__(self) -> None:
                super().__init__(Cause.BUG, text)

        self._error: type[BaseException] = Blocked

    def enter(self, task: asyncio.Task[object] | None) -> None:
        """A task is in the body from now on."""
        self._users[task] += 1
        if self._pulsing is None:
            self._now = self._timer.enter_context(_running_clock())
            self._last_pulse = self._now()
            self._pulsing = self._loop.create_task(self._pulse(), name="pulse")
            self._timer.enter_context(_interrupting(self._seconds / 2, self._check))

    def leave(self, task: asyncio.Task[object] | None) -> None:
        """A task has left the body; the last one ends the watch."""
        self._users[task] -= 1
        if self._users[task] <= 0:
            del self._users[task]
        if not self._users:
            _watches.pop(self._loop, None)
            self._timer.close()
            if self._pulsing is not None:
                self._pulsing.cancel()

    async def _pulse(self) -> None:
        while True:
            self._last_pulse, self._suspect, self._interrupted_at = self._now(), None, math.inf
            await asyncio.sleep(self._seconds / 4)

    def _check(self, interrupt: _Raise) -> None:
        running = asyncio.current_task(self._loop)
        known, self._suspect = self._suspect, running
        if running in (None, self._pulsing) or running in self._users:
            return
        at = self._now()
        if at - self._last_pulse > self._seconds and running is known:
            self._interrupted_at = min(self._interrupted_at, at)
            if at - self._interrupted_at > VAIN_SECONDS and running is not None:
                give_up(running.get_name())
            interrupt(self._error)


_watches: dict[asyncio.AbstractEventLoop, _BlockingWatch] = {}
