"""The program of a worker process: runs one function at a time, and asks its parent before every connection.

It has no privilege: the parent decides what it may reach, and kills it when it tries anything else. Nothing here
imports asyncio or ssl, so that a job imports no more than it needs.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from inspector.network.guard.audit_events import EVENTS, forbidden, is_address, responsible_module, watch_functions
from inspector.network.sandbox.protocol import PREFIX_BYTES, Kind, pack, pack_call, unpack_prefix

#: By how much a worker is nicer (nice(1)) than its parent, whose event loop every scan waits for.
_NICE = 5
#: TCP states after the peer's FIN, which Linux counts as a byte received: TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSING.
_PEER_ENDED = frozenset({6, 8, 9, 11})
#: Offsets in Linux's ``struct tcp_info`` of bytes received, and of data bytes sent.
_RECEIVED_AT, _SENT_AT, _INFO_BYTES = 128, 200, 256


class Worker:
    """The pipe to the parent, the job that runs, and the open connections by file descriptor."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._sending = threading.Lock()
        self._jobs: queue.SimpleQueue[tuple[dict[str, Any], tuple[bytes, ...]]] = queue.SimpleQueue()
        self._granted: dict[int, threading.Event] = {}
        self._requests = 0
        self._open: dict[int, int] = {}
        self._connecting = threading.local()
        self._may_connect = False
        self._goes_on = False
        self._log_level = 0

    # --- the pipe ---

    def send(self, kind: Kind, head: dict[str, Any], body: bytes = b"") -> None:
        """Send one frame to the parent."""
        rest = memoryview(pack(kind, head, body))
        with self._sending:
            while rest:
                rest = rest[os.write(self._outgoing, rest) :]

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._incoming, min(size, 1 << 20))
            if not part:
                os._exit(0)  # the parent has ended: nothing may connect in its name any more
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def receive(self) -> None:
        """Receive jobs, contexts and granted connections until the parent ends."""
        context = b""
        while True:
            kind, head_size, body_size = unpack_prefix(self._exactly(PREFIX_BYTES))
            head, body = json.loads(self._exactly(head_size)), self._exactly(body_size)
            if kind is Kind.JOB:
                self._jobs.put((head, (body, context) if head["context"] else (body,)))
            elif kind is Kind.CONTEXT:
                context = body
            elif kind is Kind.CONNECT_GRANTED:
                self._granted.pop(head["id"]).set()

    # --- the guard ---

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        """The audit hook of this process."""
        if self._goes_on or event not in EVENTS or (args and getattr(self._connecting, "socket", None) is args[0]):
            return
        what = forbidden(event, args)
        if what:
            self._report_violation(what)

    def _report_violation(self, what: str) -> None:
        """Tell the parent which module is at fault, and wait to be killed: an exception could be caught."""
        self.send(Kind.VIOLATION, {"module": responsible_module() or "a library", "what": what})
        threading.Event().wait()

    def connect(self, sock: socket.socket, address: Any, method: Callable[[socket.socket, Any], Any]) -> Any:
        """Call a socket's own connect method once the parent has granted the connection."""
        if self._goes_on:
            return method(sock, address)
        tcp = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
        if not (tcp and self._may_connect and is_address(address[0])):
            self._report_violation(f"connect to {address!r}")
        stale = self._open.pop(sock.fileno(), None)  # closed without Python's knowledge, or connected once more
        if stale is not None:
            self.send(Kind.CLOSED, {"id": stale, "sent": 0, "received": 0})
        granted = threading.Event()
        with self._sending:
            self._requests += 1
            number = self._requests
            self._granted[number] = granted
        self.send(Kind.CONNECT_REQUEST, {"id": number, "address": str(address[0]), "port": int(address[1])})
        granted.wait()
        self._open[sock.fileno()] = number
        self._connecting.socket = sock
        code = 0
        try:
            result = method(sock, address)
            code = result if isinstance(result, int) else 0
        except TimeoutError:
            code = -1
            raise
        except OSError as error:
            code = error.errno or 0
            raise
        finally:
            self._connecting.socket = None
            self.send(Kind.CONNECTED, {"id": number, "errno": code})
        return result

    def close(self, sock: socket.socket, method: Callable[[], None]) -> None:
        """Call a socket's own close method, and report the bytes of a connection that was granted."""
        number = self._open.pop(sock.fileno(), None)
        if number is None:
            method()
            return
        sent, received = _bytes_transferred(sock)
        try:
            method()
        finally:
            self.send(Kind.CLOSED, {"id": number, "sent": sent, "received": received})

    def patch_sockets(self) -> None:
        """Make every Python socket ask before it connects and report its close; the audit hook catches other ways."""
        connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
        close = socket.socket._real_close  # type: ignore[attr-defined]  # noqa: SLF001  (there is no public hook for a close)
        worker = self

        def granted_connect(sock: socket.socket, address: Any) -> None:
            worker.connect(sock, address, connect)

        def granted_connect_ex(sock: socket.socket, address: Any) -> int:
            return int(worker.connect(sock, address, connect_ex))

        def reported_close(sock: socket.socket, *rest: Any) -> None:
            worker.close(sock, partial(close, sock, *rest))

        changed: Any = socket.socket
        changed.connect = granted_connect
        changed.connect_ex = granted_connect_ex
        changed.__del__ = socket.socket.close
        changed._real_close = reported_close  # noqa: SLF001

    # --- jobs ---

    def serve(self) -> None:
        """Run jobs one after the other."""
        while True:
            head, arguments = self._jobs.get()
            self._may_connect = bool(head["network"])
            if head.get("goes_on"):
                self._guard_as_parent()
            self._log_from(int(head["log_level"]))
            try:
                _limit_memory(int(head["memory_bytes"]))
                result = resolve_name(head["function"])(*arguments)
                if not isinstance(result, bytes):
                    raise TypeError(f"{head['function']} returned {type(result).__name__}, not bytes")
            except BaseException as error:  # noqa: BLE001  (any exception is reported to the parent)
                self._report(error)
            else:
                self.send(Kind.RESULT, {}, result)

    def _guard_as_parent(self) -> None:
        """From now on, refuse what the parent's own process refuses, with an exception: the job goes on."""
        from inspector.network.guard.audit_hook import guard_process

        guard_process()
        self._goes_on = True

    def _log_from(self, level: int) -> None:
        """Send what the core logs from this level on to the parent; nothing at level 0."""
        if level == self._log_level:
            return
        import logging

        from inspector.network.sandbox.log_lines import Sender

        self._log_level = level
        logger = logging.getLogger("inspector")
        logger.setLevel(level)
        logger.handlers[:] = [Sender(partial(self.send, Kind.LOG, {}))] if level else [logging.NullHandler()]

    def _report(self, error: BaseException) -> None:
        from inspector.model.errors import ScanFailure

        if isinstance(error, ScanFailure):
            self.send(Kind.TROUBLE, {"cause": error.cause.value, "message": error.message[:4000]})
            return
        where = traceback.format_exception(error, limit=-4)
        self.send(Kind.ERROR, {"error": "".join(where)[-4000:]})


class _Calls:
    """Tells the parent what runs, by a file, so that it is known also of a process that does nothing else any more."""

    def __init__(self) -> None:
        self._number = 0

    def tell(self, what: str) -> None:
        self._number += 1
        os.pwrite(int(sys.argv[2]), pack_call(self._number, what), 0)


#: For ``inspector.plugin.time_limits.tell``.
tell = _Calls().tell


def _bytes_transferred(sock: socket.socket) -> tuple[int, int]:
    """Bytes sent and received through a TCP socket, as Linux counts them; 0 elsewhere."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (sent,) = struct.unpack_from("Q", info, _SENT_AT)
        (received,) = struct.unpack_from("Q", info, _RECEIVED_AT)
    except (OSError, AttributeError, struct.error):
        return 0, 0
    return sent, received - (info[0] in _PEER_ENDED)


def _limit_memory(size: int) -> None:
    """Bound the address space of this process in bytes."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def _lower_priority() -> None:
    """Prefer the parent's event loop; Linux weighs sessions (autogroups) before processes (sched(7))."""
    os.nice(_NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICE), "ascii")


def main() -> None:
    """Serve the parent on standard input and output until it ends."""
    _lower_priority()
    incoming, outgoing = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)  # what a job prints must not end up among the frames
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    worker = Worker(incoming, outgoing)
    threading.Thread(target=worker.receive, name="parent", daemon=True).start()
    worker.patch_sockets()
    watch_functions()
    sys.addaudithook(worker.hook)
    worker.serve()
