"""A relay that adds heartbeats (RFC 6520) to a server of TLS 1.2, and passes all other records on."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum, auto

from tests.plugins.inspector_tls.servers import Answer

_HEARTBEAT = 24
_HELLO_DONE = b"\x0e\x00\x00\x00"
_RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"


class Habit(Enum):
    """How the server handles a heartbeat with a wrong length."""

    BLEEDS = auto()
    """It is answered with as many bytes as it claims."""
    DISCARDS = auto()
    RESETS = auto()
    FALLS_SILENT = auto()
    """It is discarded, and so is everything after it."""


def with_heartbeats(server: Answer, habit: Habit) -> Answer:
    """``server`` behind a relay that handles heartbeats itself."""

    def answer(client: socket.socket) -> None:
        near, far = socket.socketpair()
        hello_done = threading.Event()
        workers = [
            threading.Thread(target=_serve, args=(server, far), daemon=True),
            threading.Thread(target=_back, args=(near, client, hello_done), daemon=True),
        ]
        for worker in workers:
            worker.start()
        with near:
            with contextlib.suppress(OSError):
                _forth(client, near, habit, hello_done)
            with contextlib.suppress(OSError):
                near.shutdown(socket.SHUT_RDWR)
            for worker in workers:
                worker.join(5)

    return answer


def _serve(server: Answer, far: socket.socket) -> None:
    far.settimeout(20)
    with contextlib.suppress(OSError, EOFError, ValueError), far:
        server(far)


def _back(near: socket.socket, client: socket.socket, hello_done: threading.Event) -> None:
    """Pass on from the server to the client, until the server closes."""
    received = b""
    with contextlib.suppress(OSError):
        while data := near.recv(4096):
            client.sendall(data)
            received += data
            if _HELLO_DONE in received:
                hello_done.set()
        client.shutdown(socket.SHUT_RDWR)


def _forth(client: socket.socket, near: socket.socket, habit: Habit, hello_done: threading.Event) -> None:
    """Pass on from the client to the server, record by record."""
    silent = False
    while head := _exactly(client, 5):
        body = _exactly(client, int.from_bytes(head[3:], "big"))
        if silent:
            continue
        if head[0] != _HEARTBEAT:
            near.sendall(head + body)
            continue
        hello_done.wait(5)
        if habit is Habit.BLEEDS:
            claimed = int.from_bytes(body[1:3], "big")
            reply = b"\x02" + body[1:3] + body[3 : 3 + claimed].ljust(claimed, b"\xee") + bytes(16)
            for at in range(0, len(reply), 16384):
                part = reply[at : at + 16384]
                client.sendall(head[:3] + len(part).to_bytes(2, "big") + part)
        elif habit is Habit.RESETS:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
            return
        silent = habit is Habit.FALLS_SILENT


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = client.recv(count - len(data))
        if not part:
            return b""
        data += part
    return data
