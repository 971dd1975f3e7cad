"""Functions run in killable worker processes: pure heavy ones, and scanners whose every connection is granted here.

A worker is started with ``sys.executable`` (never forked from a running event loop), runs one job at a time and is kept
warm for further jobs of the same package: starting Python and importing a large scanner costs up to a second of CPU.
For the same reason a job rather waits for a worker that will be free soon than have another one started.
After any trouble, with connections left open, or after many jobs it is killed.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import time
from collections import deque
from contextlib import suppress
from weakref import WeakKeyDictionary

from inspector.network.sandbox.worker_process import FIRST_SECONDS, WorkerProcess

#: A precaution: the scanners and linters in use keep their size over thousands of jobs.
_JOBS_PER_WORKER = 2000
_IDLE_WORKERS = 8
_CONNECTING_WORKERS = 8
#: How long a job waits for a worker of its package before another one is started: about what that costs.
_START_SECONDS = 0.5


# --- warm workers ---


class _Pool:
    """The workers of one package. It grows by one at a time, and only while jobs would wait longer than that costs."""

    def __init__(self) -> None:
        self.idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._queue: deque[asyncio.Future[WorkerProcess]] = deque()
        self._job_seconds = 0.0
        self._moved = 0.0

    async def take(self) -> WorkerProcess:
        """A warm worker, or a new one."""
        while self.idle:
            worker = self.idle.pop()
            if worker.is_alive:
                self._busy.add(worker)
                worker.began = time.monotonic()
                return worker
            worker.kill()
        return await self._queued() if self._busy else self._started()

    def _started(self) -> WorkerProcess:
        worker = WorkerProcess()
        worker.began = time.monotonic()
        self._busy.add(worker)
        return worker

    async def _queued(self) -> WorkerProcess:
        place: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            while not place.done():
                await asyncio.wait((place,), timeout=_START_SECONDS)
                if not place.done() and self._is_slow():
                    place.set_result(self._started())
        except BaseException:
            if place.done():
                self._pass_on(place.result())
            raise
        finally:
            with suppress(ValueError):
                self._queue.remove(place)
        return place.result()

    def _is_slow(self) -> bool:
        """Whether who waits last would wait too long: none is just starting, and those there are take their time."""
        now = time.monotonic()
        if any(not worker.jobs and now - worker.began < FIRST_SECONDS for worker in self._busy):
            return False
        wait = len(self._queue) * self._job_seconds / max(1, len(self._busy))
        return max(wait, now - self._moved) > _START_SECONDS

    def give_back(self, worker: WorkerProcess) -> None:
        """Take back a worker whose job ended well."""
        self._moved = time.monotonic()
        if worker.jobs:  # the first one imports what it needs
            self._job_seconds = self._moved - worker.began
        worker.jobs += 1
        if worker.jobs >= _JOBS_PER_WORKER:
            self.end(worker)
        else:
            self._pass_on(worker)

    def end(self, worker: WorkerProcess) -> None:
        """Kill a worker; whoever waits for it gets another one."""
        worker.kill()
        self._busy.discard(worker)
        if self._is_awaited() and not self._busy:
            self._pass_on(self._started())

    def _pass_on(self, worker: WorkerProcess) -> None:
        worker.began = time.monotonic()
        if self._is_awaited():
            self._queue.popleft().set_result(worker)
            return
        self._busy.discard(worker)
        self.idle.append(worker)
        kill_idle(_IDLE_WORKERS)

    def _is_awaited(self) -> bool:
        """Whether somebody waits; whose event loop was closed does not any more."""
        while self._queue and (self._queue[0].done() or self._queue[0].get_loop().is_closed()):
            self._queue.popleft()
        return bool(self._queue)


_pools: dict[str, _Pool] = {}


def kill_idle(most: int) -> None:
    """Kill idle workers until so many are left, first those of the package that was asked for the longest ago."""
    excess = sum(len(pool.idle) for pool in _pools.values()) - most
    for pool in _pools.values():
        while excess > 0 and pool.idle:
            pool.idle.pop(0).kill()
            excess -= 1


atexit.register(kill_idle, 0)


def pool_of(package: str) -> _Pool:
    """The pool of a package, which is now the last that was asked for."""
    pool = _pools.pop(package) if package in _pools else _Pool()
    _pools[package] = pool
    return pool


_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[asyncio.Semaphore, asyncio.Semaphore]]
_rooms = WeakKeyDictionary()


def worker_slots(*, network: bool) -> asyncio.Semaphore:
    """How many workers run side by side: scanners mostly wait, pure functions need a processor each."""
    loop = asyncio.get_running_loop()
    if loop not in _rooms:
        _rooms[loop] = (asyncio.Semaphore(os.cpu_count() or 1), asyncio.Semaphore(_CONNECTING_WORKERS))
    return _rooms[loop][network]


# --- jobs ---
