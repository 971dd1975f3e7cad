"""The audit guard: while a gateway is open, no code in this process bypasses it to reach the network.

An audit hook cannot be removed, so it is installed once and does nothing while no gateway is open. It stops plain
sockets, asyncio, HTTP clients and subprocesses; ``ctypes``, event loops written in C and spawned ``multiprocessing``
processes bypass it, and a socket that connects by name has asked the resolver before it is stopped. Threads that ran
before the first gateway was opened, except the event loop's own, belong to the host program and are exempt.
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
from inspector.network.guard.audit_events import EVENTS, forbidden, responsible_module


class GuardViolation(ScanFailure):
    """A plugin tried to bypass the gateway; ``module`` is the responsible one."""

    def __init__(self, module: str, what: str) -> None:
        super().__init__(Cause.BUG, f"{module} tried to {what} past the network gateway, and was stopped")
        self.module = module


#: What the gateway itself is doing in this context: the socket it uses, or ``_PROGRAM``.
_allowed: ContextVar[object] = ContextVar("allowed", default=None)
#: The module of the probe whose scan runs in this context; tasks and threads that libraries start inherit it.
_attributed_to: ContextVar[str] = ContextVar("attributed_to", default="")
#: Called with every violation, one listener per open gateway.
_listeners: list[Callable[[GuardViolation], None]] = []
_exempt_threads: frozenset[int] = frozenset()
_installed = False

_PROGRAM = object()


def _hook(event: str, args: tuple[object, ...]) -> None:
    if not _listeners or event not in EVENTS:
        return
    if threading.get_ident() in _exempt_threads:
        return
    allowed = _allowed.get()
    if allowed is not None and (allowed is _PROGRAM or (args and args[0] is allowed)):
        return
    what = forbidden(event, args)
    if not what:
        return
    violation = GuardViolation(responsible_module() or _attributed_to.get() or "a library that a plugin called", what)
    for listener in tuple(_listeners):
        listener(violation)
    raise violation


def enable(listener: Callable[[GuardViolation], None]) -> None:
    """Activate the guard until ``disable`` is called with the same listener."""
    global _installed, _exempt_threads  # noqa: PLW0603  (a hook is the process's, and so is its state)
    if not _installed:
        _installed = True
        sys.addaudithook(_hook)
    if not _listeners:
        mine = threading.get_ident()
        _exempt_threads = frozenset(
            thread.ident
            for thread in threading.enumerate()
            if thread.ident not in (None, mine) and not thread.name.startswith("asyncio_")
        )
    _listeners.append(listener)


def disable(listener: Callable[[GuardViolation], None]) -> None:
    """Deactivate the guard for this listener."""
    _listeners.remove(listener)


def attribute_to(module: str) -> None:
    """Attribute violations in this context, from now on, to the probe of this module."""
    _attributed_to.set(module)


def connect(sock: socket.socket, address: str, port: int) -> int:
    """Start to connect ``sock``, a socket of the gateway; the result is the system's error number, or 0."""
    token = _allowed.set(sock)
    try:
        return sock.connect_ex((address, port))
    finally:
        _allowed.reset(token)


@contextmanager
def allow_socket(sock: object) -> Iterator[None]:
    """Within the body, which must not await, this context may connect and send with ``sock``."""
    token = _allowed.set(sock)
    try:
        yield
    finally:
        _allowed.reset(token)


@contextmanager
def allow_program() -> Iterator[None]:
    """Within the body this context may start a program."""
    token = _allowed.set(_PROGRAM)
    try:
        yield
    finally:
        _allowed.reset(token)
