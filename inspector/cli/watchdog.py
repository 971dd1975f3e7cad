"""Ends this process where third-party code cannot be interrupted: what it catches, or C that does not return.

What keeps the interpreter lock stops every thread of this process. So a second process counts the seconds: a copy of
this one, made before any plugin is imported, which reads what it is told from a pipe and ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from inspector.cli.language import translated
from inspector.model.errors import InspectorError
from inspector.model.escaping import escape_commands, escape_control
from inspector.model.formatted import FormattedMessage

#: Seconds until the process is ended (0: not any more), and the size of the text that says why.
_HEAD = struct.Struct(">dI")
_STDERR = 2
_MISUSE = 2
#: No plugin replaces it.
_exit = os._exit


def _line(error: InspectorError) -> bytes:
    text = f"inspector: {error.text(translated)}"
    return escape_commands(escape_control(text)).encode("utf-8", "backslashreplace") + b"\n"


def end_process(what: str) -> NoReturn:
    """End this process, in which this code catches whatever interrupts it; what was recorded is on the disk."""
    error = InspectorError(
        FormattedMessage("{what} could not be interrupted, and the process was ended", what=what),
        remedy="what was collected is kept; repair or remove the plugin, and continue with 'inspector run --resume'",
    )
    with suppress(OSError):
        os.write(_STDERR, _line(error))
    _exit(_MISUSE)


class Watchdog:
    """A process that ends this one when it is told to, unless it is told otherwise in time."""

    def __init__(self) -> None:
        read, self._write = os.pipe()
        parent = os.getpid()
        self._process = os.fork()
        if self._process == 0:
            try:
                _watch(read, parent)
            finally:
                _exit(0)
        os.close(read)

    @contextmanager
    def watched(self, seconds: float, error: InspectorError) -> Iterator[None]:
        """Within the body this process is ended after so many seconds, with the error on stderr (SIGKILL)."""
        text = _line(error)
        self._tell(_HEAD.pack(seconds, len(text)) + text)
        try:
            yield
        finally:
            self._tell(_HEAD.pack(0, 0))

    def close(self) -> None:
        """End the second process; nothing is watched any more."""
        with suppress(OSError):
            os.close(self._write)
        with suppress(OSError):
            os.waitpid(self._process, 0)
        self._write = -1

    def _tell(self, data: bytes) -> None:
        with suppress(OSError):  # a plugin closed it, or ended the process: nothing is watched then
            os.write(self._write, data)


def watchdog() -> Watchdog | None:
    """A watchdog; None where other threads run, of which a copy of the process has none, or where none can be made."""
    if threading.active_count() > 1 or not hasattr(os, "fork"):
        return None
    with suppress(OSError):
        return Watchdog()
    return None


def _watch(read: int, parent: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the terminal sends them to both
    os.closerange(_STDERR + 1, read)
    os.closerange(read + 1, 1024)
    os.closerange(0, _STDERR)
    waiting = select.poll()
    waiting.register(read, select.POLLIN)
    seconds, text = 0.0, b""
    while True:
        if not waiting.poll(1000 * seconds if seconds else None):
            os.write(_STDERR, text)
            os.kill(parent, signal.SIGKILL)
            return
        head = _exactly(read, _HEAD.size)
        if len(head) < _HEAD.size:
            return  # the process has ended
        seconds, size = _HEAD.unpack(head)
        text = _exactly(read, size)


def _exactly(read: int, size: int) -> bytes:
    data = b""
    while len(data) < size and (part := os.read(read, size - len(data))):
        data += part
    return data
