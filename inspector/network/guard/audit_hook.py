"""The audit guard: no code in this process bypasses the gateway to reach the network.

The command line guards its whole process, every thread, from before the first plugin is imported to its end
(``guard_process``). In the process of a host program the guard is active while a gateway is open, and threads that ran
before the first one was opened, except the event loop's own, belong to that program and are exempt.

It stops plain sockets, raw and packet sockets, asyncio, HTTP clients, subprocesses and ``multiprocessing``; ``ctypes``
and event loops written in C bypass it, and a socket that connects by name has asked the resolver before it is stopped.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.guard.audit_events import EVENTS, forbidden, responsible_module, watch_functions


class GuardViolation(ScanFailure):
    """A plugin tried to bypass the gateway; ``module`` is the responsible one.

    ``owner`` is the gateway whose scan it was; None where that is not known.
    """

    def __init__(self, module: str, what: str, owner: object = None) -> None:
        super().__init__(Cause.BUG, f"{module} tried to {what} past the network gateway, and was stopped")
        self.module = module
        self.owner = owner


#: What the gateway itself is doing in this context: the socket it uses, or ``_PROGRAM``.
_allowed: ContextVar[object] = ContextVar("allowed", default=None)
#: The module of the probe whose scan runs in this context, and its gateway; tasks that libraries start inherit both.
_attributed_to: ContextVar[tuple[str, object]] = ContextVar("attributed_to", default=("", None))
#: Called with every violation, one listener per open gateway.
_listeners: list[Callable[[GuardViolation], None]] = []
_exempt_threads: frozenset[int] = frozenset()
_installed = False
_guards_process = False

_PROGRAM = object()

#: Violations that were logged; a plugin that tries again and again fills no disk.
_logged: set[tuple[str, str]] = set()
_LOGGED_VIOLATIONS = 100

_log = logging.getLogger(__name__)


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event not in EVENTS or not (_listeners or _guards_process):
        return
    if threading.get_ident() in _exempt_threads:
        return
    allowed = _allowed.get()
    if allowed is not None and (allowed is _PROGRAM or (args and args[0] is allowed)):
        return
    what = forbidden(event, args)
    if not what:
        return
    module, owner = _attributed_to.get()
    violation = GuardViolation(responsible_module() or module or _unknown(), what, owner)
    _log_once(violation, what)
    for listener in tuple(_listeners):
        listener(violation)
    raise violation


def _unknown() -> str:
    """Who is responsible where neither the stack nor the context says so."""
    is_main = threading.current_thread() is threading.main_thread()
    return "a library that a plugin called" if is_main else "a thread of the process"


def _log_once(violation: GuardViolation, what: str) -> None:
    key = (violation.module, what)
    if key not in _logged and len(_logged) < _LOGGED_VIOLATIONS:
        _logged.add(key)
        _log.warning("refused", extra={"detail": violation.message})


def _install() -> None:
    global _installed  # noqa: PLW0603  (a hook is the process's, and so is its state)
    if not _installed:
        _installed = True
        watch_functions()
        sys.addaudithook(_hook)


def guard_process() -> None:
    """Guard every thread of this process, which runs no program but Inspector, from now to its end."""
    global _guards_process, _exempt_threads
    if not _guards_process:
        _guards_process, _exempt_threads = True, frozenset()
        _install()


def enable(listener: Callable[[GuardViolation], None]) -> None:
    """Activate the guard until ``disable`` is called with the same listener."""
    global _exempt_threads  # noqa: PLW0603
    _install()
    if not _listeners and not _guards_process:
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


def attribute_to(module: str, owner: object = None) -> None:
    """Attribute violations in this context, from now on, to the probe of this module, and to the gateway ``owner``."""
    _attributed_to.set((module, owner))


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


@contextmanager
def allow_database() -> Iterator[None]:
    """Within the body this context may resolve the name of the inspecting side's database, and connect to it."""
    token = _allowed.set(_PROGRAM)
    try:
        yield
    finally:
        _allowed.reset(token)
