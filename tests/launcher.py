"""Starts the command without importing its modules anew: a process that has imported them forks for every start.

``launched`` and ``Launched`` stand in for ``subprocess.run`` and ``subprocess.Popen`` where the command is
``[sys.executable, "-m", "inspector.cli", ...]``. What they start is a process like any other and a child of the caller,
with its own id, streams, working folder, environment, signals and exit status. It has imported what a run imports
before its first plugin, and no plugin. Not for tests of how Python starts: there the interpreter and its flags, the
order of imports, and the command line and the environment in ``/proc`` are what a real start makes of them.
"""

from __future__ import annotations

import ctypes
import gc
import inspect
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "inspector.cli"]
#: What these import, each command that inspects imports before its first plugin.
_MODULES = ("inspector.cli.run", "inspector.cli.campaign")
#: Variables that Python, or a C library, reads when it starts: where one differs, another launcher is started.
_READ_AT_START = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC_", "OPENSSL_", "SSL_", "TZ")
#: How many launchers are kept, each for other such variables.
_MOST_LAUNCHERS = 2
_MESSAGE_BYTES = 1 << 20
#: Of prctl(2): orphans of a process become children of its nearest ancestor that has this set.
_PR_SET_CHILD_SUBREAPER = 36
_one_at_a_time = threading.Lock()


# --- in the process that starts commands ------------------------------------------------------------------------------


class Launched(subprocess.Popen[Any]):
    """A ``subprocess.Popen`` of the command, forked from a launcher."""

    def _execute_child(self, *arguments: Any) -> None:
        given = inspect.signature(super()._execute_child).bind(*arguments).arguments  # type: ignore[misc]
        pipes = [given[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")]
        environment = dict(os.environ if given["env"] is None else given["env"])
        streams = [own if pipe == -1 else pipe for own, pipe in enumerate((pipes[0], pipes[3], pipes[5]))]
        command = [str(each) for each in given["args"]]
        if command[: len(COMMAND)] != COMMAND or given["preexec_fn"] or given["pass_fds"]:
            raise ValueError(f"{command} is not started by {COMMAND} alone")
        request = {
            "arguments": command,
            "folder": str(given["cwd"] or Path.cwd()),
            "environment": environment,
            "session": given["start_new_session"],
        }
        try:
            self.pid = _Launcher.of(environment).fork(request, streams)
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def launched(
    command: Sequence[object], *, check: bool = False, timeout: float | None = None, **more: Any
) -> subprocess.CompletedProcess[Any]:
    """What ``subprocess.run`` gives for the command, without input."""
    if more.pop("capture_output", False):
        more |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Launched(command, **{"stdin": subprocess.DEVNULL, **more}) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


class _Launcher:
    """A process that has imported the command's modules, and the socket to it."""

    _all: dict[tuple[tuple[str, str], ...], _Launcher] = {}

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> _Launcher:
        """A launcher that Python started with these variables, except for folders that they add to its path."""
        kept = {name: environment[name] for name in sorted(environment) if name.startswith(_READ_AT_START)}
        kept.pop("PYTHONPATH", None)
        key = tuple(kept.items())
        launcher = cls._all.pop(key, None)
        if launcher is None:
            launcher = cls({**os.environ, **environment, "PYTHONPATH": ""})
            for old in list(cls._all)[: len(cls._all) - _MOST_LAUNCHERS + 1]:
                cls._all.pop(old).end()
        cls._all[key] = launcher
        return launcher

    def fork(self, request: Mapping[str, Any], streams: Sequence[int]) -> int:
        """Start the command with these three streams; gives its process id. It is a child of this process."""
        libc = ctypes.CDLL(None)
        with _one_at_a_time:
            libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
            try:
                socket.send_fds(self._socket, [json.dumps(request).encode()], list(streams))
                pid = self._socket.recv(32)
            finally:
                libc.prctl(_PR_SET_CHILD_SUBREAPER, 0)
        if not pid:
            raise RuntimeError(f"the launcher has ended with {self._process.wait()}")
        return int(pid)

    def end(self) -> None:
        """End the process; what it started goes on."""
        self._socket.close()
        self._process.wait()


# --- in the launcher --------------------------------------------------------------------------------------------------


def _serve(connection: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns in the forked processes, each with its request."""
    while True:
        data, streams, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, 3)
        if not data:
            os._exit(0)
        read, write = os.pipe()
        between = os.fork()
        if between == 0:  # it ends at once, so that the process becomes a child of the one that asked
            process = os.fork()
            if process:
                os.write(write, str(process).encode())
                os._exit(0)
            os.close(connection.detach())
            _take(streams)
            request: dict[str, Any] = json.loads(data)
            return request
        os.close(write)
        os.waitpid(between, 0)
        connection.send(os.read(read, 32))
        for each in (read, *streams):
            os.close(each)


def _take(streams: Sequence[int]) -> None:
    """Make these the process's only open files, as Python makes its standard streams when it starts."""
    spare = [os.dup(os.open(os.devnull, os.O_RDONLY)) for _ in range(3)]  # none of the streams is 0, 1 or 2 ...
    assert min(streams) > 2, spare  # ... nor is it where another one belongs
    for wanted, stream in enumerate(streams):
        os.dup2(stream, wanted)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for wanted, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, _standard_stream(wanted, getattr(sys, name)))
        setattr(sys, f"__{name}__", getattr(sys, name))


def _standard_stream(number: int, like: io.TextIOWrapper) -> io.TextIOWrapper:
    """A standard stream with the encoding, and buffered where Python was started so, as ``like``."""
    is_unbuffered = number > 0 and like.write_through
    opened: Any = open(number, "wb" if number else "rb", buffering=0 if is_unbuffered else -1, closefd=False)  # noqa: SIM115  (it lives as long as the process)
    getattr(opened, "raw", opened).name = like.name
    return io.TextIOWrapper(
        opened,
        encoding=like.encoding,
        errors=like.errors,
        write_through=is_unbuffered,
        line_buffering=not is_unbuffered and (number == 2 or os.isatty(number)),
    )


def _added_folders() -> list[str]:
    """The folders of PYTHONPATH; nothing in them may be what Python imports when it starts, or what was imported."""
    added = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    for folder in filter(os.path.isdir, added):
        for name in {each.name.partition(".")[0] for each in Path(folder).iterdir()}:
            found = getattr(sys.modules.get(name), "__file__", None)
            if name in ("sitecustomize", "usercustomize") or (found and not found.startswith(folder + os.sep)):
                sys.exit(f"{name} in {folder} comes too late for a launched command: start Python itself")
    return added


def _become(request: Mapping[str, Any]) -> None:
    """Run the command, as ``python -m`` does."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    if request["session"]:
        os.setsid()
    sys.path[:] = [str(Path.cwd()), *_added_folders(), *sys.path]
    sys.orig_argv[:] = request["arguments"]
    sys.argv[1:] = request["arguments"][len(COMMAND) :]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runpy.run_module(COMMAND[-1], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the tests and to what they started
    for name in _MODULES:
        import_module(name)
    gc.freeze()  # what is shared with the forked processes is neither looked through there nor copied for it
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
