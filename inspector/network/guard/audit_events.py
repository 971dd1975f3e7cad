"""The audit events that the guard refuses, and the module responsible for one.

Worker processes use it too, so it imports next to nothing.
"""

from __future__ import annotations

import importlib
import inspect
import ipaddress
import socket
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

#: Audit events (PEP 578) by which Python code reaches the network or starts a program.
_NAMES = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_BACKWARDS = frozenset({"socket.gethostbyaddr", "socket.getnameinfo"})
_SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"})
_SOCKET = "socket.__new__"
#: How ``multiprocessing`` starts programs; the interpreter raises no event for it, ``watch_functions`` does.
_FORK_EXEC = "inspector.fork_exec"
#: Another interpreter of the process, to which no hook of this one applies (PEP 578, sys.addaudithook). Python 3.12 and
#: newer raise no event when its modules make one, ``watch_functions`` does.
_INTERPRETER = "cpython.PyInterpreterState_New"
EVENTS = _NAMES | _SENDS | _STARTS | {_SOCKET, _FORK_EXEC, _INTERPRETER}
#: Families of sockets that reach nothing before they connect or send; -1: of a descriptor that is open already.
_FAMILIES = frozenset(
    int(getattr(socket, name)) for name in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_ALG") if hasattr(socket, name)
) | {-1}
#: Types of sockets whose packets carry what the program writes: SOCK_RAW, and SOCK_PACKET of old.
_RAW_TYPES = frozenset({int(socket.SOCK_RAW), 10})
#: The type proper, without SOCK_CLOEXEC and SOCK_NONBLOCK.
_TYPE_MASK = 0xF


def is_address(host: object) -> bool:
    """Whether ``host`` is an address literal, for which no name is resolved."""
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def forbidden(event: str, args: tuple[object, ...]) -> str:
    """What the event does that only the gateway may do, for a message; empty when it does no such thing."""
    if event in _NAMES:
        is_local = args[0] in (None, "", b"") or (event not in _BACKWARDS and is_address(args[0]))
        return "" if is_local else f"resolve {args[0]!r}"
    if event in _SENDS:
        where = args[1]
        if isinstance(where, str | bytes) or where is None:
            return "" if where is None else f"reach the local socket {where!r}"
        return f"send to {where!r}" if event != "socket.connect" else f"connect to {where!r}"
    if event == _SOCKET:
        return _socket_of(*args[1:3])
    if event == _INTERPRETER:
        return "start another interpreter"
    return f"start a program ({event}: {args[0]!r})" if args else f"start a program ({event})"


def _socket_of(family: Any, kind: Any) -> str:
    """What a new socket of this family and type is for; empty for one that has to connect or send yet."""
    if kind != -1 and int(kind) & _TYPE_MASK in _RAW_TYPES:
        return f"open a raw socket of family {int(family)}"
    return "" if int(family) in _FAMILIES else f"open a socket of family {int(family)}"


def watch_functions() -> None:
    """Have the functions that start programs and interpreters raise an audit event where Python raises none."""
    _watch("_posixsubprocess", "fork_exec", _FORK_EXEC)
    for module in ("_interpreters", "_xxsubinterpreters"):  # since Python 3.13, and before
        with suppress(ImportError):
            _watch(module, "create", _INTERPRETER)


def _watch(module: str, name: str, event: str) -> None:
    changed: Any = importlib.import_module(module)
    function = getattr(changed, name)

    def audited(*args: Any, **kwargs: Any) -> Any:
        sys.audit(event, *args[:1])
        return function(*args, **kwargs)

    setattr(changed, name, audited)


_LIBRARIES = frozenset({"inspector", "anyio", "httpcore", "httpx", "dns", "h11", "pluggy", "typer", "__main__"})


def _is_library(module: str) -> bool:
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names or root in _LIBRARIES


_SCHEDULERS = {("asyncio.events", "_run"), ("threading", "run"), ("inspector.network.sandbox.worker", "serve")}


def _is_scheduler(frame: FrameType) -> bool:
    """Whether this frame hands control to a task or a thread: outer frames belong to another."""
    module = frame.f_globals.get("__name__")
    return (module, frame.f_code.co_name) in _SCHEDULERS


def responsible_module() -> str:
    """The outermost module of the running task or thread that is not of Python, Inspector or a known client library.

    Empty when there is none: a library started the task or thread.
    """
    found = ""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None and not _is_scheduler(frame):
        module = str(frame.f_globals.get("__name__", ""))
        if module and not _is_library(module):
            found = module
        frame = frame.f_back
    return found
