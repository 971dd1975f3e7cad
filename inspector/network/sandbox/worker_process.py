"""One worker process, seen from its parent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

from inspector.network.guard.audit_hook import allow_program
from inspector.network.sandbox.parent_death import die_with_parent
from inspector.network.sandbox.protocol import PREFIX_BYTES, Kind, unpack_prefix
from inspector.network.transport.sockets import writable

#: What a pure function may use; a scanner's threads reserve far more address space than they touch.
MEMORY_BYTES = 1 << 30


SCANNER_MEMORY_BYTES = 8 << 30


RESULT_BYTES = 64 << 20


HEAD_BYTES = 1 << 16


_STDERR_BYTES = 4000


#: Several frames at once: a connection has four, none of them long.
_READ_BYTES = 1 << 16


#: How long a worker may be at its first job, for which it imports, before another one is started beside it.
FIRST_SECONDS = 5.0


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


class WorkerProcess:
    """A worker process and the pipes to it; bound to no event loop, so that it outlives one."""

    def __init__(self) -> None:
        path = [str(Path(entry).absolute()) for entry in sys.path]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        with allow_program():
            self._process = subprocess.Popen(
                die_with_parent([sys.executable, "-I", "-c", _START, json.dumps(path)]),
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
        if head > HEAD_BYTES or body > RESULT_BYTES:
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
