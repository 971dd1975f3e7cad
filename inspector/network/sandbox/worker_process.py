"""One worker process, as its parent sees it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

from inspector.network.guard.audit_hook import allow_program
from inspector.network.sandbox.parent_death import die_with_parent
from inspector.network.sandbox.protocol import CALL_BYTES, PREFIX_BYTES, Kind, unpack_call, unpack_prefix
from inspector.network.transport.sockets import writable

#: Bounds of address space: of a pure function, and of a scanner, whose threads reserve far more than they use.
MEMORY_BYTES = 1 << 30
SCANNER_MEMORY_BYTES = 8 << 30
#: Bounds of one frame's body and head.
RESULT_BYTES = 64 << 20
HEAD_BYTES = 1 << 16
#: How much is kept of the end of what a worker writes to standard error.
_STDERR_BYTES = 4000
#: How much is read at once: several frames; a connection has four short ones.
_READ_BYTES = 1 << 16
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from inspector.network.sandbox.worker import main; main()"
)

#: Starts all workers: the system kills them when the thread that started them ends, and this one ends with the process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker starter")


def _start(calls: int) -> subprocess.Popen[bytes]:
    path = [str(Path(entry).absolute()) for entry in sys.path]
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    with allow_program():
        return subprocess.Popen(
            die_with_parent([sys.executable, "-I", *_byte_code(), "-c", _START, json.dumps(path), str(calls)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "MALLOC_ARENA_MAX": "2"},
            start_new_session=True,
            pass_fds=(calls,),
        )


def _byte_code() -> list[str]:
    """The options that make a worker read and write byte code where this process does."""
    options = [] if sys.pycache_prefix is None else ["-X", f"pycache_prefix={sys.pycache_prefix}"]
    return [*options, "-B"] if sys.dont_write_bytecode else options


def _non_blocking(pipe: IO[bytes] | None) -> int:
    """The descriptor of a pipe, made non-blocking."""
    if pipe is None:
        raise RuntimeError("a worker was started without pipes")
    os.set_blocking(pipe.fileno(), False)
    return pipe.fileno()


class WorkerProcess:
    """A worker process and the pipes to it; bound to no event loop or thread, so that it outlives those."""

    def __init__(self) -> None:
        self._calls = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the process runs)
        self._process = _starter.submit(_start, self._calls.fileno()).result()
        self._to = _non_blocking(self._process.stdin)
        self._from = _non_blocking(self._process.stdout)
        self._errors = _non_blocking(self._process.stderr)
        self.jobs = 0
        self.began = 0.0
        self.context = b""
        self._stderr_end = b""
        self._received = bytearray()
        self._has_ended = False
        self._is_full = False
        self._arrived: asyncio.Event

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def current_call(self) -> tuple[int, str]:
        """The number and the name of the third-party call that the process runs; no name where it runs none."""
        return unpack_call(os.pread(self._calls.fileno(), CALL_BYTES, 0))

    def kill(self) -> None:
        """End the process and whatever it started, and close the pipes."""
        if self.is_alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._calls.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def describe_end(self) -> str:
        """How the process ended, and the end of what it wrote to standard error."""
        self._read_errors()
        code = self._process.wait()
        written = self._stderr_end.decode(errors="replace").strip()
        return f"exit status {code}" + (f": {written}" if written else "")

    def _read_errors(self) -> None:
        try:
            while data := os.read(self._errors, 65536):
                self._stderr_end = (self._stderr_end + data)[-_STDERR_BYTES:]
        except BlockingIOError:
            return
        asyncio.get_running_loop().remove_reader(self._errors)

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """Within the body, read from the process, and keep its standard error from filling the pipe."""
        loop = asyncio.get_running_loop()
        self._arrived, self._is_full = asyncio.Event(), False
        loop.add_reader(self._errors, self._read_errors)
        loop.add_reader(self._from, self._read)
        try:
            yield
        finally:
            loop.remove_reader(self._errors)
            loop.remove_reader(self._from)

    def _read(self) -> None:
        """Read a bounded amount in advance, and no more until it is asked for."""
        try:
            part = os.read(self._from, _READ_BYTES)
        except BlockingIOError:
            return
        self._received += part
        self._has_ended = not part
        self._is_full = len(self._received) >= _READ_BYTES
        self._arrived.set()
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
                return  # receive() raises EOFError, which says more

    async def receive(self) -> tuple[Kind, dict[str, Any], bytes]:
        """The next frame while ``receiving``; raises EOFError when the process has ended, ValueError for nonsense."""
        kind, head, body = unpack_prefix(await self._exactly(PREFIX_BYTES))
        if head > HEAD_BYTES or body > RESULT_BYTES:
            raise ValueError(f"a frame of {head + body} bytes")
        return kind, json.loads(await self._exactly(head)), await self._exactly(body)

    async def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            if self._has_ended:
                raise EOFError
            self._arrived.clear()
            if self._is_full:
                self._is_full = False
                asyncio.get_running_loop().add_reader(self._from, self._read)
            await self._arrived.wait()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken
