"""The audit events that the guard refuses, and the module responsible for one.

Worker processes use it too, so it imports next to nothing.
"""

from __future__ import annotations

import inspect
import ipaddress
import sys
from types import FrameType

#: Audit events (PEP 578) by which Python code reaches the network or starts a program.
_NAMES = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_BACKWARDS = frozenset({"socket.gethostbyaddr", "socket.getnameinfo"})
_SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"})
EVENTS = _NAMES | _SENDS | _STARTS


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
    return f"start a program ({event}: {args[0]!r})" if args else f"start a program ({event})"


def _is_library(module: str) -> bool:
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names or root in {"inspector", "anyio", "httpcore", "httpx", "dns", "h11"}


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
