"""Functions run in killable worker processes: pure heavy ones, and scanners whose every connection is granted here.

A worker is started with ``sys.executable`` (never forked from a running event loop), runs one job at a time and is kept
warm for further jobs of the same package: starting Python and importing a large scanner costs up to a second of CPU.
For the same reason a job rather waits for a worker that will be free soon than have another one started.
After any trouble, with connections left open, or after many jobs it is killed.
"""

from __future__ import annotations

import asyncio
import atexit
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any
from weakref import WeakKeyDictionary

from inspector.model.base import Cause
from inspector.model.errors import Trouble
from inspector.network.access.os_errors import cause_of
from inspector.network.guard.audit_hook import Bypass, let_start
from inspector.network.pacing.admission import Leave, writable
from inspector.network.pacing.cancellation import Hold, Patience
from inspector.network.sandbox.parent_death import mortal
from inspector.network.sandbox.protocol import PREFIX_BYTES, Kind, pack, unpack_prefix
from inspector.network.session import Passage

#: What a pure function may use; a scanner's threads reserve far more address space than they touch.
MEMORY_BYTES = 1 << 30
_SCANNER_MEMORY_BYTES = 8 << 30
_RESULT_BYTES = 64 << 20
_HEAD_BYTES = 1 << 16
_STDERR_BYTES = 4000
#: Several frames at once: a connection has four, none of them long.
_READ_BYTES = 1 << 16
#: A precaution: the scanners and linters in use keep their size over thousands of jobs.
_JOBS_PER_WORKER = 2000
_IDLE_WORKERS = 8
_CONNECTING_WORKERS = 8
#: How long a job waits for a worker of its package before another one is started: about what that costs.
_START_SECONDS = 0.5
#: How long a worker may be at its first job, for which it imports, before another one is started beside it.
_FIRST_SECONDS = 5.0
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from inspector.network.sandbox.worker import main; main()"
)


def _unblocked(pipe: IO[bytes] | None) -> int:
    """The descriptor of a pipe, made non-blocking."""
    if pipe is None:
        raise RuntimeError("a worker was started without pipes")
    os.set_blocking(pipe.fileno(), False)
    return pipe.fileno()


class _Worker:
    """A worker process and the pipes to it; bound to no event loop, so that it outlives one."""

    def __init__(self) -> None:
        path = [str(Path(entry).absolute()) for entry in sys.path]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        with let_start():
            self._process = subprocess.Popen(
                mortal([sys.executable, "-I", "-c", _START, json.dumps(path)]),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environment, "MALLOC_ARENA_MAX": "2"},
                start_new_session=True,
            )
        self._to = _unblocked(self._process.stdin)
        self._from = _unblocked(self._process.stdout)
        self._errors = _unblocked(self._process.stderr)
        self.jobs = 0
        self.began = 0.0
        self.context = b""
        self._said = b""
        self._heard = bytearray()
        self._has_ended = False
        self._is_full = False
        self._news: asyncio.Event

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and whatever it started, and close the pipes."""
        if self.is_alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def last_words(self) -> str:
        """How the process ended, and the end of what it wrote to standard error."""
        self._drain()
        code = self._process.wait()
        said = self._said.decode(errors="replace").strip()
        return f"exit status {code}" + (f": {said}" if said else "")

    def _drain(self) -> None:
        try:
            while data := os.read(self._errors, 65536):
                self._said = (self._said + data)[-_STDERR_BYTES:]
        except BlockingIOError:
            return
        asyncio.get_running_loop().remove_reader(self._errors)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Within the body, hear the process, and keep what it writes to standard error from filling its pipe."""
        loop = asyncio.get_running_loop()
        self._news, self._is_full = asyncio.Event(), False
        loop.add_reader(self._errors, self._drain)
        loop.add_reader(self._from, self._hear)
        try:
            yield
        finally:
            loop.remove_reader(self._errors)
            loop.remove_reader(self._from)

    def _hear(self) -> None:
        """Take in what was said, so much in advance and no more until it is asked for."""
        try:
            part = os.read(self._from, _READ_BYTES)
        except BlockingIOError:
            return
        self._heard += part
        self._has_ended = not part
        self._is_full = len(self._heard) >= _READ_BYTES
        self._news.set()
        if self._has_ended or self._is_full:
            asyncio.get_running_loop().remove_reader(self._from)

    async def send(self, frame: bytes) -> None:
        """Send one frame whole; one caller at a time."""
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[os.write(self._to, rest) :]
            except BlockingIOError:
                await writable(self._to)
            except BrokenPipeError:
                return  # its end will be read, and tells more

    async def receive(self) -> tuple[Kind, dict[str, Any], bytes]:
        """The next frame while ``listening``; raises EOFError when the process is gone, ValueError for nonsense."""
        kind, head, body = unpack_prefix(await self._exactly(PREFIX_BYTES))
        if head > _HEAD_BYTES or body > _RESULT_BYTES:
            raise ValueError(f"a frame of {head + body} bytes")
        return kind, json.loads(await self._exactly(head)), await self._exactly(body)

    async def _exactly(self, size: int) -> bytes:
        while len(self._heard) < size:
            if self._has_ended:
                raise EOFError
            self._news.clear()
            if self._is_full:
                self._is_full = False
                asyncio.get_running_loop().add_reader(self._from, self._hear)
            await self._news.wait()
        taken = bytes(self._heard[:size])
        del self._heard[:size]
        return taken


# --- warm workers ---


class _Pool:
    """The workers of one package. It grows by one at a time, and only while jobs would wait longer than that costs."""

    def __init__(self) -> None:
        self.idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._queue: deque[asyncio.Future[_Worker]] = deque()
        self._job_seconds = 0.0
        self._moved = 0.0

    async def take(self) -> _Worker:
        """A warm worker, or a new one."""
        while self.idle:
            worker = self.idle.pop()
            if worker.is_alive:
                self._busy.add(worker)
                worker.began = time.monotonic()
                return worker
            worker.kill()
        return await self._queued() if self._busy else self._started()

    def _started(self) -> _Worker:
        worker = _Worker()
        worker.began = time.monotonic()
        self._busy.add(worker)
        return worker

    async def _queued(self) -> _Worker:
        place: asyncio.Future[_Worker] = asyncio.get_running_loop().create_future()
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
        if any(not worker.jobs and now - worker.began < _FIRST_SECONDS for worker in self._busy):
            return False
        wait = len(self._queue) * self._job_seconds / max(1, len(self._busy))
        return max(wait, now - self._moved) > _START_SECONDS

    def give_back(self, worker: _Worker) -> None:
        """Take back a worker whose job ended well."""
        self._moved = time.monotonic()
        if worker.jobs:  # the first one imports what it needs
            self._job_seconds = self._moved - worker.began
        worker.jobs += 1
        if worker.jobs >= _JOBS_PER_WORKER:
            self.end(worker)
        else:
            self._pass_on(worker)

    def end(self, worker: _Worker) -> None:
        """Kill a worker; whoever waits for it gets another one."""
        worker.kill()
        self._busy.discard(worker)
        if self._is_awaited() and not self._busy:
            self._pass_on(self._started())

    def _pass_on(self, worker: _Worker) -> None:
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


def _pool(package: str) -> _Pool:
    """The pool of a package, which is now the last that was asked for."""
    pool = _pools.pop(package) if package in _pools else _Pool()
    _pools[package] = pool
    return pool


_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[asyncio.Semaphore, asyncio.Semaphore]]
_rooms = WeakKeyDictionary()


def _room(*, network: bool) -> asyncio.Semaphore:
    """How many workers run side by side: scanners mostly wait, pure functions need a processor each."""
    loop = asyncio.get_running_loop()
    if loop not in _rooms:
        _rooms[loop] = (asyncio.Semaphore(os.cpu_count() or 1), asyncio.Semaphore(_CONNECTING_WORKERS))
    return _rooms[loop][network]


# --- jobs ---

Ask = Callable[[str, int], Awaitable[Leave]]


class _Job:
    """One function call in a worker, and the connections that were granted to it."""

    def __init__(self, worker: _Worker, name: str, hold: Hold, grant: Ask) -> None:
        self._worker = worker
        self._name = name
        self._hold = hold
        self._grant = grant
        self._leaves: dict[int, Leave] = {}
        self._granting: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()

    @property
    def is_clean(self) -> bool:
        """Whether nothing of it lingers in the worker."""
        return not self._leaves and not self._granting

    async def run(self, head: dict[str, Any], payload: bytes, context: bytes) -> bytes:
        """The result. Raises Trouble."""
        try:
            async with self._worker.listening():
                if context != self._worker.context:
                    await self._send(Kind.CONTEXT, {}, context)
                    self._worker.context = context
                await self._send(Kind.JOB, head, payload)
                while True:
                    result = await self._hear(*await self._worker.receive())
                    if result is not None:
                        return result
        except EOFError:
            raise Trouble(Cause.BUG, f"{self._name} ended its process: {self._worker.last_words()}") from None
        except (ValueError, KeyError) as error:
            raise Trouble(Cause.BUG, f"{self._name}: its process talks nonsense: {error}") from None

    async def _send(self, kind: Kind, head: dict[str, Any], body: bytes = b"") -> None:
        async with self._sending:
            await self._worker.send(pack(kind, head, body))

    async def _hear(self, kind: Kind, head: dict[str, Any], body: bytes) -> bytes | None:
        match kind:
            case Kind.RESULT:
                return body
            case Kind.ASK:
                task = asyncio.create_task(self._answer(head["id"], head["address"], head["port"]))
                self._granting.add(task)
                task.add_done_callback(self._granting.discard)
            case Kind.LEFT:
                self._left(self._leaves[head["id"]], head["errno"])
            case Kind.CLOSED:
                leave = self._leaves.pop(head["id"])
                leave.account.sent, leave.account.received = head["sent"], head["received"]
                leave.end()
            case Kind.TROUBLE:
                raise Trouble(Cause(head["cause"]), head["message"])
            case Kind.ERROR:
                raise Trouble(Cause.BUG, f"{self._name}: {head['error']}")
            case Kind.BYPASS:
                raise Bypass(head["module"], head["what"])
            case _:
                raise ValueError(kind.name)
        return None

    async def _answer(self, number: int, address: str, port: int) -> None:
        """Grant one connection, or end the whole job: a scanner that misses one would draw the wrong conclusion."""
        try:
            self._leaves[number] = await self._grant(address, port)
        except Trouble as trouble:
            self._hold.cut(trouble)
            return
        await self._send(Kind.GO, {"id": number})

    def _left(self, leave: Leave, code: int) -> None:
        leave.permit.departed()
        if code not in (0, errno.EINPROGRESS):
            error = TimeoutError() if code < 0 else OSError(code, os.strerror(code))
            cause = cause_of(error)
            leave.account.result = cause.value
            if cause is Cause.RESET:
                leave.permit.struggled()

    async def end(self) -> None:
        """Forget what is still being granted, and account for what was still open."""
        for task in self._granting:
            task.cancel()
        if self._granting:
            await asyncio.wait(self._granting)
        for leave in self._leaves.values():
            leave.end(self._hold.trouble.cause if self._hold.trouble else None)
        self._leaves.clear()


async def _run(
    function: Callable[..., bytes],
    payload: bytes,
    *,
    context: bytes = b"",
    seconds: float,
    memory_bytes: int,
    hold: Hold,
    patience: Patience,
    grant: Ask,
    network: bool,
) -> bytes:
    name = f"{function.__module__}.{function.__qualname__}"
    if function.__module__ == "__main__" or "<" in function.__qualname__:
        raise Trouble(Cause.BUG, f"{name} cannot be imported by a worker process: put it at the top of a module")
    head = {
        "module": function.__module__,
        "name": function.__qualname__,
        "memory_bytes": memory_bytes,
        "network": network,
        "context": bool(context),
    }
    pool = _pool(function.__module__.partition(".")[0])
    room = _room(network=network)
    async with hold.within(None, ""):
        with patience.waiting():
            await room.acquire()
    try:
        async with hold.within(None, ""):
            with patience.waiting():
                worker = await pool.take()
        job = _Job(worker, name, hold, grant)
        healthy = False
        try:
            async with patience.within(seconds), hold.within(None, ""):
                result = await job.run(head, payload, context)
            healthy = job.is_clean
            return result
        except TimeoutError:
            raise Trouble(Cause.TIMEOUT, f"{name} did not end within {seconds:g} s") from None
        finally:
            if healthy:
                pool.give_back(worker)
            else:
                pool.end(worker)
            await job.end()
    finally:
        room.release()


async def _no_grant(address: str, port: int) -> Leave:
    raise Bypass("a pure function", f"connect to {address} port {port}")


async def isolate(
    function: Callable[..., bytes],
    payload: bytes,
    *,
    timeout: float,
    memory_bytes: int = MEMORY_BYTES,
    context: bytes = b"",
) -> bytes:
    """Run an importable, pure ``function(payload)`` in a killable process of its own, where no socket opens.

    With a ``context`` it is ``function(payload, context)``: what many jobs have in common is sent to a worker once.
    Raises Trouble: timeout after so many seconds, whatever Trouble the function raises, bug for every other exception,
    a crash, or a socket.
    """
    return await _run(
        function,
        payload,
        context=context,
        seconds=timeout,
        memory_bytes=memory_bytes,
        hold=Hold(),
        patience=Patience(),
        grant=_no_grant,
        network=False,
    )


async def work(passage: Passage, function: Callable[[bytes], bytes], payload: bytes, *, timeout: float) -> bytes:
    """``Network.work``: like ``isolate``, with connections to the target granted one by one. Raises Trouble."""
    passage.check_door()
    patience = Patience(passage.patience)
    module = function.__module__

    async def grant(address: str, port: int) -> Leave:
        if not passage.is_target(address):
            bypass = Bypass(module, f"connect to {address} port {port}, which is not the target's pinned address,")
            passage.bypass = bypass
            raise bypass
        return await passage.leave(port, patience)

    hold = passage.checkpoint.hold(passage.errand)
    try:
        return await _run(
            function,
            payload,
            seconds=timeout,
            memory_bytes=_SCANNER_MEMORY_BYTES,
            hold=hold,
            patience=patience,
            grant=grant,
            network=True,
        )
    except Bypass as bypass:
        passage.bypass = bypass
        raise
    finally:
        passage.checkpoint.drop(hold)
