"""The worker processes that are kept ready, by the package whose functions they run.

A worker is a new Python process (nothing is forked from a running event loop) that runs one job at a time. Starting it
and importing a large scanner costs up to a second of CPU, so it is kept for further jobs of the same package, and a job
waits for a worker that will soon be free before another one is started. A worker is killed after a job that failed or
left a connection open, and after many jobs.

Each event loop has its own queue and its own busy workers; idle workers belong to the whole process.

Why no ``pebble.ProcessPool`` (5.2.3, measured): its workers share one result pipe and one lock, so that a worker killed
while it sends a result blocks all others (no answer within 90 s), and no job is killed at its deadline while a result
is sent; it reads a result of 300 MB whole, and unpickles it in the parent, which so trusts a process that parsed
hostile bytes; a worker that keeps the interpreter lock is killed 3 s late; ``spawn`` imports the parent's main module
in every worker. The time to the first result and the cost of a job are the same.

A job's deadline begins when it has a worker; the deadline of the scan that waits for it is paused meanwhile. Material
that many jobs share (roots, anchors) is sent to a worker once, as the job's context. Workers run at a lower priority
(``nice`` 5, and the same for their autogroup on Linux), so that on a busy machine parses are late rather than the
deadlines of other scans. A parser must be pure: later jobs of the same package see what earlier ones left in the
process.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections import deque
from contextlib import suppress

from inspector.network.sandbox.worker_process import WorkerProcess

#: A precaution: the scanners and linters in use keep their size over thousands of jobs.
_JOBS_PER_WORKER = 2000
_CONNECTING_WORKERS = 8
#: As many as may run at once: those that connect, those that do not, and those of pools that a caller named. With
#: fewer, a worker that is needed again is killed while others are idle, and another one imports the same.
_IDLE_WORKERS = _CONNECTING_WORKERS + 2 * (os.cpu_count() or 1)
#: Seconds that a job waits for a worker of its package before another one is started: as long as the first job of the
#: last one took, which is about what starting one costs, within these bounds.
_LEAST_START_SECONDS, _MOST_START_SECONDS = 0.5, 3.0
#: Seconds for which a worker may run its first job, for which it imports, before another one is started.
FIRST_SECONDS = 5.0

# --- idle workers ---

_lock = threading.Lock()
#: Idle workers by package; the package that was used last comes last.
_idle: dict[str, list[WorkerProcess]] = {}


def _take_idle(package: str) -> WorkerProcess | None:
    with _lock:
        workers = _idle[package] = _idle.pop(package, [])
        while workers:
            worker = workers.pop()
            if worker.is_alive:
                return worker
            worker.kill()
    return None


def _put_idle(package: str, worker: WorkerProcess) -> None:
    with _lock:
        _idle.setdefault(package, []).append(worker)
    kill_idle(_IDLE_WORKERS)


def kill_idle(most: int) -> None:
    """Kill idle workers until so many are left, first those of the package that was used least recently."""
    with _lock:
        excess = sum(map(len, _idle.values())) - most
        for workers in _idle.values():
            while excess > 0 and workers:
                workers.pop(0).kill()
                excess -= 1


def kill_pool(name: str) -> None:
    """Kill the idle workers of one pool."""
    with _lock:
        for worker in _idle.pop(name, []):
            worker.kill()


atexit.register(kill_idle, 0)


# --- busy workers ---


class _Pool:
    """The workers of one package in one event loop.

    It grows by one worker at a time, and only while a job would wait longer than starting one costs.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._busy: set[WorkerProcess] = set()
        self._queue: deque[asyncio.Future[WorkerProcess]] = deque()
        self._job_seconds = 0.0
        self._start_seconds = _LEAST_START_SECONDS
        self._returned_at = 0.0

    async def take(self) -> WorkerProcess:
        """An idle worker, the next one that becomes idle, or a new one."""
        worker = _take_idle(self._package)
        if worker is not None:
            return self._assign(worker)
        return await self._queued() if self._busy else self._assign(WorkerProcess())

    def _assign(self, worker: WorkerProcess) -> WorkerProcess:
        worker.began = time.monotonic()
        self._busy.add(worker)
        return worker

    async def _queued(self) -> WorkerProcess:
        assigned: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._queue.append(assigned)
        try:
            while not assigned.done():
                await asyncio.wait((assigned,), timeout=_LEAST_START_SECONDS)
                if not assigned.done() and self._is_slow():
                    assigned.set_result(self._assign(WorkerProcess()))
        except BaseException:
            if assigned.done():
                self._pass_on(assigned.result())
            raise
        finally:
            with suppress(ValueError):
                self._queue.remove(assigned)
        return assigned.result()

    def _is_slow(self) -> bool:
        """Whether the last job in the queue would wait too long, and no worker is just starting."""
        now = time.monotonic()
        if any(not worker.jobs and now - worker.began < FIRST_SECONDS for worker in self._busy):
            return False
        wait = len(self._queue) * self._job_seconds / max(1, len(self._busy))
        return max(wait, now - self._returned_at) > self._start_seconds

    def give_back(self, worker: WorkerProcess) -> None:
        """Take back a worker that can run another job."""
        self._returned_at = time.monotonic()
        seconds = self._returned_at - worker.began
        if worker.jobs:
            self._job_seconds = seconds
        else:  # it has imported what it needs
            self._start_seconds = min(max(seconds, _LEAST_START_SECONDS), _MOST_START_SECONDS)
        worker.jobs += 1
        if worker.jobs >= _JOBS_PER_WORKER:
            self.end(worker)
        else:
            self._pass_on(worker)

    def end(self, worker: WorkerProcess) -> None:
        """Kill a worker; a job that waits for it gets another one."""
        worker.kill()
        self._busy.discard(worker)
        if self._has_waiting() and not self._busy:
            self._pass_on(self._assign(WorkerProcess()))

    def _pass_on(self, worker: WorkerProcess) -> None:
        if self._has_waiting():
            self._queue.popleft().set_result(self._assign(worker))
            return
        self._busy.discard(worker)
        _put_idle(self._package, worker)

    def _has_waiting(self) -> bool:
        """Whether a job waits that was not cancelled."""
        while self._queue and self._queue[0].done():
            self._queue.popleft()
        return bool(self._queue)


class _Loop:
    """The pools of one event loop, and how many workers may run in it at once."""

    def __init__(self) -> None:
        self.pools: dict[str, _Pool] = {}
        self._slots: dict[object, asyncio.Semaphore] = {}

    def slots(self, name: object, most: int) -> asyncio.Semaphore:
        """The slots of this name, at most so many."""
        return self._slots.setdefault(name, asyncio.Semaphore(most))


_loops: dict[asyncio.AbstractEventLoop, _Loop] = {}


def _current() -> _Loop:
    loop = asyncio.get_running_loop()
    with _lock:
        if loop not in _loops:
            for closed in [each for each in _loops if each.is_closed()]:
                del _loops[closed]
            _loops[loop] = _Loop()
        return _loops[loop]


def pool_of(name: str) -> _Pool:
    """The pool of this name, mostly a package, in the running event loop."""
    return _current().pools.setdefault(name, _Pool(name))


def worker_slots(*, network: bool, pool: str | None = None) -> asyncio.Semaphore:
    """How many workers run side by side in the running event loop: those that connect, and those that do not.

    A ``pool`` that a caller named has one worker, which runs its jobs one after the other. Scanners mostly wait for a
    server; pure functions need a processor each.
    """
    if pool is not None:
        return _current().slots(pool, 1)
    return _current().slots(network, _CONNECTING_WORKERS if network else os.cpu_count() or 1)
