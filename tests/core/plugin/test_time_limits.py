"""Code that does not return is interrupted: a function, and a coroutine that blocks, in every thread."""

import asyncio
import contextlib
import gc
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from inspector import Verdict, check, passed
from inspector.assess.assessor import _run_check
from inspector.model.base import Cause
from inspector.model.declared import Declared
from inspector.model.errors import ScanFailure
from inspector.model.subject import SubjectKind
from inspector.model.verdict import Outcome
from inspector.plugin import time_limits
from inspector.plugin.time_limits import Clock, call_within, responsive
from tests.core.plugin.threads import in_both_threads, run_in


def _endless() -> None:
    while True:
        pass


def _endless_and_catching() -> None:
    while True:
        with contextlib.suppress(Exception):
            _endless()


def _endless_and_catching_once() -> None:
    with contextlib.suppress(BaseException):
        _endless()
    _endless()


def _endless_and_failing() -> None:
    try:
        _endless()
    except BaseException as error:
        raise RuntimeError("it failed") from error


@in_both_threads
@pytest.mark.parametrize(
    "function", [_endless, _endless_and_catching, _endless_and_catching_once, _endless_and_failing]
)
def test_a_function_that_does_not_return_is_interrupted(function: object, in_main: bool) -> None:
    """The cause is a bug of that function, whatever the function makes of the interruption."""
    with pytest.raises(ScanFailure, match=r"check x took longer than 0.2 s") as caught:
        run_in(lambda: call_within(0.2, "check x", function), in_main=in_main)  # type: ignore[arg-type]
    assert caught.value.cause is Cause.BUG


def test_a_regular_expression_is_interrupted_in_the_main_thread() -> None:
    """Backtracking without end runs in C, which handles signals there."""
    with pytest.raises(ScanFailure, match="took longer"):
        call_within(0.2, "check x", re.match, r"(a+)+$", "a" * 60 + "b")


@in_both_threads
def test_a_function_that_returns_is_not_disturbed(in_main: bool) -> None:
    """It returns or raises as without a limit, and the limit ends with the call."""

    def body() -> int:
        total = 0
        with Clock.of(0.2) as clock:
            for _ in range(10):
                total += clock.call("sum", sum, range(1000))
                end = time.monotonic() + 0.05
                while time.monotonic() < end:
                    pass
            with pytest.raises(ZeroDivisionError):
                clock.call("division", lambda: 1 // 0)
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            pass
        return total

    assert run_in(body, in_main=in_main) == 4995000


#: A process that gets a tenth of one processor, beside one that takes the rest, computes 50 ms in one call.
_DELAYED = """
import os, subprocess, sys, threading, time
from inspector.plugin.time_limits import call_within

def compute():
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass

def body():
    began = time.monotonic()
    while time.monotonic() - began < 0.5:  # until one of them is delayed by more than its limit
        began = time.monotonic()
        call_within(0.25, "compute", compute)
    ended.append(True)

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
ended = []
with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
    try:
        os.nice(10)
        if sys.argv[1] == "True":
            body()
        else:
            thread = threading.Thread(target=body)
            thread.start()
            thread.join()
    finally:
        other.kill()
assert ended
"""


@in_both_threads
@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not count the waits of threads")
def test_a_function_that_a_busy_machine_delays_is_not_at_fault(in_main: bool) -> None:
    """Only the time counts in which its thread runs, or waits for something else than a processor."""
    command = [sys.executable, "-c", _DELAYED, str(in_main)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def no_destructors() -> Iterator[None]:
    """No garbage of other tests is collected: Python reports what is raised in a destructor as unraisable."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_function_that_closes_the_files_of_its_process_is_bounded_as_before() -> None:
    """Third-party code may close the file with the times of its thread: its result counts, and its limit holds."""

    def close_counts() -> int:
        counts = [each for each in Path("/proc/self/fd").iterdir() if each.resolve().name == "schedstat"]
        for each in counts:
            os.close(int(each.name))
        return len(counts)

    def hang() -> None:
        close_counts()
        while True:
            pass

    most = 1 if Path("/proc/self/schedstat").exists() else 0
    assert call_within(5, "closes", close_counts) == most
    with pytest.raises(ScanFailure):
        call_within(0.3, "closes and hangs", hang)


@pytest.mark.usefixtures("no_destructors")
@in_both_threads
def test_a_function_that_returns_at_its_limit_ends_one_way_or_the_other(in_main: bool) -> None:
    """A result or a Trouble; the interruption never reaches what runs after the call."""

    def busy(seconds: float) -> float:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        return seconds

    def body() -> int:
        count = 0
        with Clock.of(0.005) as clock:
            for step in range(300):
                with contextlib.suppress(ScanFailure):
                    clock.call("x", busy, 0.0045 + step % 10 * 0.0002)
                count += 1
        return count + len([number for number in range(10_000) if number < 0])

    assert run_in(body, in_main=in_main) == 300


@in_both_threads
def test_a_check_that_does_not_return_is_an_error(in_main: bool) -> None:
    """The verdict is an error of ours with cause bug."""

    @check("is-endless", title="Endless", about=SubjectKind.SYSTEM)
    def endless(declared: Declared) -> Verdict:
        """Never returns.

        Remediation: none.
        """
        _endless()
        return passed("never")

    def body() -> Verdict:
        with Clock.of(0.2) as clock:
            return _run_check(endless, (Declared(),), {}, clock)

    verdict = run_in(body, in_main=in_main)
    assert (verdict.outcome, verdict.cause) == (Outcome.ERROR, Cause.BUG)
    assert verdict.message.values["detail"] == "check is-endless took longer than 0.2 s"


@in_both_threads
def test_the_first_of_several_to_end_does_not_stop_the_watch_for_all(in_main: bool) -> None:
    """Each of them is watched until it ends itself, in whatever order; with the last one the watch ends."""

    async def watched(task: asyncio.Task[None]) -> object:
        with responsive(0.4):
            return (await asyncio.gather(task, return_exceptions=True))[0]

    async def main() -> list[object]:
        async def blocking(after: float) -> None:
            await asyncio.sleep(after)
            _endless()

        async def waiting(seconds: float) -> None:
            await asyncio.sleep(seconds)

        works = (waiting(0.02), blocking(0.05), waiting(0.01), blocking(0.1))
        return await asyncio.gather(*(watched(asyncio.create_task(each)) for each in works))

    timer = signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM)
    ended = run_in(lambda: asyncio.run(asyncio.wait_for(main(), 60)), in_main=in_main)
    assert [getattr(each, "cause", each) for each in ended] == [None, Cause.BUG, None, Cause.BUG]
    assert (signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM)) == timer


@in_both_threads
def test_a_coroutine_that_blocks_is_interrupted_and_others_go_on(in_main: bool) -> None:
    """The blocking task ends with its cause; the one beside it is not disturbed."""

    async def main() -> tuple[object, object]:
        async def blocking() -> None:
            _endless()

        async def waiting() -> None:
            await asyncio.sleep(0.01)

        tasks: set[asyncio.Task[None]] = {asyncio.create_task(blocking()), asyncio.create_task(waiting())}
        with responsive(0.4):
            done = await asyncio.gather(*tasks, return_exceptions=True)
        return done[0], done[1]

    ended = run_in(lambda: asyncio.run(main()), in_main=in_main)
    troubles = [each for each in ended if isinstance(each, ScanFailure)]
    assert [each.cause for each in troubles] == [Cause.BUG]
    assert None in ended


@in_both_threads
def test_a_watch_that_several_share_lasts_until_the_last_of_them_leaves(in_main: bool) -> None:
    """The first one to leave does not end it; those that share it are not interrupted; afterwards nothing is left."""

    async def main() -> list[object]:
        left = asyncio.Event()

        async def first() -> None:
            with responsive(0.4):
                await asyncio.sleep(0)
            left.set()

        async def second() -> list[object]:
            async def blocking() -> None:
                await left.wait()
                _endless()

            with responsive(0.4):
                task = asyncio.create_task(blocking())
                until = time.monotonic() + 1.5
                await left.wait()
                found = await asyncio.gather(task, return_exceptions=True)
                while time.monotonic() < until:
                    pass  # it may block itself
                return list(found)

        _, found = await asyncio.gather(first(), second())
        return found

    before = signal.getsignal(signal.SIGALRM)
    [ended] = run_in(lambda: asyncio.run(main()), in_main=in_main)
    assert isinstance(ended, ScanFailure)
    assert ended.cause is Cause.BUG
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@in_both_threads
def test_many_short_steps_in_a_row_are_no_ones_fault(in_main: bool) -> None:
    """Where the loop runs late because much is to be done, the step that the check happens to find goes on."""

    async def main() -> int:
        async def short() -> None:
            time.sleep(0.02)  # noqa: ASYNC251  # a step that takes its time, as on a busy machine

        steps = [asyncio.create_task(short()) for _ in range(100)]
        with responsive(0.8):
            return len(await asyncio.gather(*steps))

    assert run_in(lambda: asyncio.run(main()), in_main=in_main) == 100


def test_an_alarm_at_any_step_leaves_the_handler_of_before() -> None:
    """Wherever in the exchange of handlers the outer alarm rings, the outer handler has it, and stays installed."""
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda _signal, _frame: rung.append(1))
    outer = signal.getsignal(signal.SIGALRM)
    lines: list[tuple[object, float]] = []

    def trace(frame: FrameType, event: str, _argument: object) -> object:
        if frame.f_code.co_name == "_timer" and event == "line":
            lines.append((signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[0]))
        return trace

    try:
        signal.setitimer(signal.ITIMER_REAL, 1000)
        sys.settrace(trace)
        with Clock.of(100.0):
            pass
    finally:
        sys.settrace(None)
        remaining, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        left = signal.signal(signal.SIGALRM, before)
    assert left is outer
    assert 900 < remaining <= 1000
    # While the inner handler is installed only the inner timer (10 s) runs; while the outer one runs, its handler is.
    assert all(seconds <= 10 for handler, seconds in lines if handler is not outer)
    assert all(seconds == 0 or seconds > 900 for handler, seconds in lines if handler is outer)


@in_both_threads
def test_who_owns_the_process_is_told_of_what_was_interrupted_in_vain(
    in_main: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that catches every interruption is named, after a while; code that ends at the first one is not."""
    told: list[str] = []

    def end_it(what: str) -> None:
        told.append(what)

    def catching() -> None:
        while not told:
            with contextlib.suppress(BaseException):
                _endless()

    monkeypatch.setattr(time_limits, "give_up", end_it)
    monkeypatch.setattr(time_limits, "VAIN_SECONDS", 0.3)
    with pytest.raises(ScanFailure, match=r"check x took longer than 0.2 s"):
        run_in(lambda: call_within(0.2, "check x", _endless), in_main=in_main)
    assert told == []
    run_in(lambda: call_within(0.2, "check y", catching), in_main=in_main)
    assert set(told) == {"check y"}
