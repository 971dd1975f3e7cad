"""The audit guard: while a door is open, nothing in this process reaches the network past it.

An audit hook cannot be removed, so it is installed once and does nothing while no door is open. It stops plain sockets,
asyncio, HTTP clients and subprocesses; ``ctypes``, event loops written in C and spawned ``multiprocessing`` processes
bypass it, and a socket that is connected by name has asked the resolver before it is stopped. Threads that ran before
the first door was opened, other than the event loop's own, belong to somebody else and are left alone.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.guard.audit_events import EVENTS, blamed, forbidden


class Bypass(ScanFailure):
    """A plugin tried to reach the network past the door; ``module`` is the one to blame."""

    def __init__(self, module: str, what: str) -> None:
        super().__init__(Cause.BUG, f"{module} tried to {what} past the network door, and was stopped")
        self.module = module


#: What the door itself is doing right now in this context, in the form of an audit event's subject.
_ticket: ContextVar[object] = ContextVar("ticket", default=None)
#: The module of the probe whose look runs in this context: tasks and threads that libraries start inherit it.
_looking: ContextVar[str] = ContextVar("looking", default="")
#: Called with every bypass, one listener per open door.
_listeners: list[Callable[[Bypass], None]] = []
_strangers: frozenset[int] = frozenset()
_installed = False

_PROGRAM = object()


def _hook(event: str, args: tuple[object, ...]) -> None:
    if not _listeners or event not in EVENTS:
        return
    if threading.get_ident() in _strangers:
        return
    ticket = _ticket.get()
    if ticket is not None and (ticket is _PROGRAM or (args and args[0] is ticket)):
        return
    what = forbidden(event, args)
    if not what:
        return
    bypass = Bypass(blamed() or _looking.get() or "a library that a plugin called", what)
    for listener in tuple(_listeners):
        listener(bypass)
    raise bypass


def stand(listener: Callable[[Bypass], None]) -> None:
    """Stand guard until ``rest`` is called with the same listener."""
    global _installed, _strangers  # noqa: PLW0603  (a hook is the process's, and so is its state)
    if not _installed:
        _installed = True
        sys.addaudithook(_hook)
    if not _listeners:
        mine = threading.get_ident()
        _strangers = frozenset(
            thread.ident
            for thread in threading.enumerate()
            if thread.ident not in (None, mine) and not thread.name.startswith("asyncio_")
        )
    _listeners.append(listener)


def rest(listener: Callable[[Bypass], None]) -> None:
    """Stop standing guard for this listener."""
    _listeners.remove(listener)


def looks(module: str) -> None:
    """What runs in this context from now on is the scan of a probe of this module."""
    _looking.set(module)


def connect(sock: socket.socket, address: str, port: int) -> int:
    """Begin to connect ``sock``, which the door opened; the error number of the system's, or 0."""
    token = _ticket.set(sock)
    try:
        return sock.connect_ex((address, port))
    finally:
        _ticket.reset(token)


@contextmanager
def let_through(sock: object) -> Iterator[None]:
    """Within the body, which must not await, this context may connect and send with ``sock``."""
    token = _ticket.set(sock)
    try:
        yield
    finally:
        _ticket.reset(token)


@contextmanager
def let_start() -> Iterator[None]:
    """Within the body this context may start a program."""
    token = _ticket.set(_PROGRAM)
    try:
        yield
    finally:
        _ticket.reset(token)
