"""The inside of a worker process: runs one function at a time, and asks its parent before every connection.

It holds no privilege: what it may reach is decided in the parent, which kills it when it goes past that. Nothing here
imports asyncio or ssl, so that what a job imports is the job's cost.
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
from importlib import import_module
from pathlib import Path
from typing import Any

from inspector.network.guard.audit_events import EVENTS, forbidden, is_address, responsible_module
from inspector.network.sandbox.protocol import PREFIX_BYTES, Kind, pack, unpack_prefix

#: How far a worker stands back for its parent.
_NICE = 5
#: TCP states after the peer's FIN, which Linux counts as a byte received: TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSING.
_PEER_ENDED = frozenset({6, 8, 9, 11})
#: Offsets in Linux's ``struct tcp_info`` of bytes received, and of data bytes sent.
_RECEIVED_AT, _SENT_AT, _INFO_BYTES = 128, 200, 256


class Worker:
    """One process's end of the pipe, the job it runs, and the connections it holds by file descriptor."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._sending = threading.Lock()
        self._jobs: queue.SimpleQueue[tuple[dict[str, Any], tuple[bytes, ...]]] = queue.SimpleQueue()
        self._granted: dict[int, threading.Event] = {}
        self._asked = 0
        self._open: dict[int, int] = {}
        self._connecting = threading.local()
        self._may_connect = False

    # --- the pipe ---

    def say(self, kind: Kind, head: dict[str, Any], body: bytes = b"") -> None:
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
                os._exit(0)  # the parent is gone, and nobody may connect on its behalf any more
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def listen(self) -> None:
        """Take in jobs, what they have in common, and grants, until the parent is gone."""
        context = b""
        while True:
            kind, head_size, body_size = unpack_prefix(self._exactly(PREFIX_BYTES))
            head, body = json.loads(self._exactly(head_size)), self._exactly(body_size)
            if kind is Kind.JOB:
                self._jobs.put((head, (body, context) if head["context"] else (body,)))
            elif kind is Kind.CONTEXT:
                context = body
            elif kind is Kind.GO:
                self._granted.pop(head["id"]).set()

    # --- the guard ---

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        """The audit hook of this process."""
        if event not in EVENTS or (args and getattr(self._connecting, "socket", None) is args[0]):
            return
        what = forbidden(event, args)
        if what:
            self._accuse(what)

    def _accuse(self, what: str) -> None:
        """Tell the parent who went past the gateway, and wait for the end: there is nothing to swallow."""
        self.say(Kind.BYPASS, {"module": responsible_module() or "a library", "what": what})
        threading.Event().wait()

    def connect(self, sock: socket.socket, address: Any, how: Callable[[socket.socket, Any], Any]) -> Any:
        """Connect as ``how`` does, once the parent has granted it."""
        tcp = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM
        if not (tcp and self._may_connect and is_address(address[0])):
            self._accuse(f"connect to {address!r}")
        forgotten = self._open.pop(sock.fileno(), None)  # closed behind Python's back, or connected once more
        if forgotten is not None:
            self.say(Kind.CLOSED, {"id": forgotten, "sent": 0, "received": 0})
        granted = threading.Event()
        with self._sending:
            self._asked += 1
            number = self._asked
            self._granted[number] = granted
        self.say(Kind.ASK, {"id": number, "address": str(address[0]), "port": int(address[1])})
        granted.wait()
        self._open[sock.fileno()] = number
        self._connecting.socket = sock
        code = 0
        try:
            result = how(sock, address)
            code = result if isinstance(result, int) else 0
        except TimeoutError:
            code = -1
            raise
        except OSError as error:
            code = error.errno or 0
            raise
        finally:
            self._connecting.socket = None
            self.say(Kind.LEFT, {"id": number, "errno": code})
        return result

    def close(self, sock: socket.socket, how: Callable[[], None]) -> None:
        """Close as ``how`` does, and then tell what passed through the socket, if it was granted."""
        number = self._open.pop(sock.fileno(), None)
        if number is None:
            how()
            return
        sent, received = _passed(sock)
        try:
            how()
        finally:
            self.say(Kind.CLOSED, {"id": number, "sent": sent, "received": received})

    def patch_sockets(self) -> None:
        """Have every Python socket ask before it connects and tell when it closes; the hook catches what does not."""
        connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
        close = socket.socket._real_close  # type: ignore[attr-defined]  # noqa: SLF001  (no public hook tells of a close)
        worker = self

        def asking_connect(sock: socket.socket, address: Any) -> None:
            worker.connect(sock, address, connect)

        def asking_connect_ex(sock: socket.socket, address: Any) -> int:
            return int(worker.connect(sock, address, connect_ex))

        def telling_close(sock: socket.socket, *rest: Any) -> None:
            worker.close(sock, partial(close, sock, *rest))

        changed: Any = socket.socket
        changed.connect = asking_connect
        changed.connect_ex = asking_connect_ex
        changed.__del__ = socket.socket.close
        changed._real_close = telling_close  # noqa: SLF001

    # --- jobs ---

    def serve(self) -> None:
        """Run jobs as they come."""
        while True:
            head, given = self._jobs.get()
            self._may_connect = bool(head["network"])
            try:
                _limit_memory(int(head["memory_bytes"]))
                function: Any = import_module(head["module"])
                for name in head["name"].split("."):
                    function = getattr(function, name)
                result = function(*given)
                if not isinstance(result, bytes):
                    raise TypeError(f"{head['name']} returned {type(result).__name__}, not bytes")
            except BaseException as error:  # noqa: BLE001  (whatever it is, the parent must hear of it)
                self._report(error)
            else:
                self.say(Kind.RESULT, {}, result)

    def _report(self, error: BaseException) -> None:
        from inspector.model.errors import ScanFailure

        if isinstance(error, ScanFailure):
            self.say(Kind.TROUBLE, {"cause": error.cause.value, "message": error.message[:4000]})
            return
        where = traceback.format_exception(error, limit=-4)
        self.say(Kind.ERROR, {"error": "".join(where)[-4000:]})


def _passed(sock: socket.socket) -> tuple[int, int]:
    """Bytes sent and received through a TCP socket, as Linux counts them; 0 where nobody does."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (sent,) = struct.unpack_from("Q", info, _SENT_AT)
        (received,) = struct.unpack_from("Q", info, _RECEIVED_AT)
    except (OSError, AttributeError, struct.error):
        return 0, 0
    return sent, received - (info[0] in _PEER_ENDED)


def _limit_memory(size: int) -> None:
    """Let this process grow to ``size`` bytes of address space."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def _give_way() -> None:
    """Let the event loop, for which all scans wait, go first; Linux weighs sessions before processes (sched(7))."""
    os.nice(_NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICE), "ascii")


def main() -> None:
    """Serve the parent on standard input and output until it is gone."""
    _give_way()
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what a job prints is no frame
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    worker = Worker(incoming, outgoing)
    threading.Thread(target=worker.listen, name="grants", daemon=True).start()
    worker.patch_sockets()
    sys.addaudithook(worker.hook)
    worker.serve()
