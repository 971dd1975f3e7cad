"""Small servers in one process of their own, good and bad: ``python responders.py ORDERS``.

``ORDERS`` is JSON: a list of servers, each with ``name``, ``mode`` and what the mode needs. The process writes the
ports by name. A line on standard input makes it write, by name, the first bytes of every connection (DNS: every
question); the end of standard input ends it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

RECEIVED: dict[str, list[str]] = {}
LOCK = threading.Lock()
CHUNK = 65536
#: What a hostile server sends at most, should the client not hang up.
MOST_BYTES = 64 * 2**20
WAIT_SECONDS = 30


def hear(order: dict[str, Any], connection: socket.socket) -> bytes:
    """The first bytes of a connection, noted."""
    said = connection.recv(CHUNK)
    note(order, said.partition(b"\r\n")[0][:80].decode("latin-1"))
    return said


def note(order: dict[str, Any], said: str) -> int:
    """Note one connection or question, and tell how many there were."""
    with LOCK:
        RECEIVED[order["name"]].append(said)
        return len(RECEIVED[order["name"]])


def head(order: dict[str, Any], **more: str) -> bytes:
    """Status line and header fields; text stands for the bytes of its Latin-1 form."""
    fields = {**order.get("headers", {}), **more}
    lines = [f"HTTP/1.1 {order.get('status', '200 OK')}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def reply(order: dict[str, Any], connection: socket.socket, **more: str) -> None:
    body = order.get("body", "well").encode()
    connection.sendall(head(order, **{"Content-Length": str(len(body))}, **more) + body)


def pour(connection: socket.socket, part: bytes) -> None:
    """Send without end."""
    for _ in range(MOST_BYTES // len(part)):
        connection.sendall(part)


# --- modes ------------------------------------------------------------------------------------------------------------


def page(order: dict[str, Any], connection: socket.socket) -> None:
    """Answer one request."""
    if hear(order, connection):
        reply(order, connection)


def line(order: dict[str, Any], connection: socket.socket) -> None:
    """Answer one line with a text that is no HTTP."""
    if hear(order, connection):
        connection.sendall(order["body"].encode())


def greeting(order: dict[str, Any], connection: socket.socket) -> None:
    """Send ``body`` first, then ``reply`` after everything that is received, both in Latin-1."""
    connection.sendall(order["body"].encode("latin-1"))
    while hear(order, connection):
        connection.sendall(order["reply"].encode("latin-1"))


def silent(order: dict[str, Any], connection: socket.socket) -> None:
    """Read and never answer."""
    while hear(order, connection):
        pass


def held(order: dict[str, Any], connection: socket.socket) -> None:
    """Answer once the file ``until`` exists."""
    if hear(order, connection):
        for _ in range(WAIT_SECONDS * 100):
            if Path(order["until"]).exists():
                reply(order, connection)
                return
            time.sleep(0.01)


def noise(order: dict[str, Any], connection: socket.socket) -> None:
    """Answer with bytes that mean nothing."""
    if hear(order, connection):
        connection.sendall(bytes(range(200, 256)) * 4)


def headers(order: dict[str, Any], connection: socket.socket) -> None:
    """Header fields without end."""
    hear(order, connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    pour(connection, b"X-More: " + b"y" * 1000 + b"\r\n")


def body(order: dict[str, Any], connection: socket.socket) -> None:
    """A body without end."""
    hear(order, connection)
    connection.sendall(head(order))
    pour(connection, b"z" * CHUNK)


def loop(order: dict[str, Any], connection: socket.socket) -> None:
    """Redirect from one page to another and back."""
    onward = "/b" if hear(order, connection).startswith(b"GET /a") else "/a"
    reply({**order, "status": "302 Found"}, connection, Location=onward)


def flip(order: dict[str, Any], connection: socket.socket) -> None:
    """Answer well from the second connection on."""
    said = connection.recv(CHUNK)
    number = note(order, said[:20].decode("latin-1"))
    reply(order, connection, **(order["later"] if number > 1 else {}))


def ban(order: dict[str, Any], connection: socket.socket) -> None:
    """Answer the first connection, and close every later one without a word."""
    said = connection.recv(CHUNK)
    if note(order, said[:20].decode("latin-1")) == 1:
        reply(order, connection)


STREAM: dict[str, Callable[[dict[str, Any], socket.socket], None]] = {
    each.__name__: each for each in (page, line, greeting, silent, held, noise, headers, body, loop, flip, ban)
}


def dns(order: dict[str, Any], server: socket.socket) -> None:
    """Answer over UDP from ``zone``, the records' data by name and type; other names do not exist.

    Names in ``later`` answer so from the second time on that a type of theirs is asked for.
    """
    import dns.message
    import dns.rcode
    import dns.rrset

    zone: dict[str, dict[str, list[str]]] = order["zone"]
    while True:
        wire, peer = server.recvfrom(CHUNK)
        question = dns.message.from_wire(wire)
        asked = question.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), asked.rdtype.name
        question_text = f"{name} {kind}"
        known = RECEIVED[order["name"]].count(question_text)
        note(order, question_text)
        answer = dns.message.make_response(question, recursion_available=True)
        records = order.get("later", {}).get(name) if known else None
        records = records or zone.get(name)
        if records is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        for given in (kind, "CNAME"):
            if records and given in records:
                answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", given, *records[given]))
                break
        server.sendto(answer.to_wire(), peer)


# --- the process ------------------------------------------------------------------------------------------------------


def meet(order: dict[str, Any], connection: socket.socket, context: ssl.SSLContext | None) -> None:
    connection.settimeout(WAIT_SECONDS)
    with contextlib.suppress(OSError, ValueError), connection:
        if context is None:
            STREAM[order["mode"]](order, connection)
            return
        with context.wrap_socket(connection, server_side=True) as secured:
            STREAM[order["mode"]](order, secured)


def serve(order: dict[str, Any], listener: socket.socket) -> None:
    if order["mode"] == "dns":
        dns(order, listener)
    context = None
    if "certificate" in order:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(order["certificate"], order["key"])
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=meet, args=(order, connection, context), daemon=True).start()


def bound(order: dict[str, Any]) -> socket.socket:
    where = (order.get("address", "127.0.0.1"), order.get("port", 0))
    if order["mode"] != "dns":
        return socket.create_server(where)
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(where)
    return listener


def start(orders: list[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    for order in orders:
        RECEIVED[order["name"]] = []
        listener = bound(order)
        threading.Thread(target=serve, args=(order, listener), daemon=True).start()
        yield order["name"], listener.getsockname()[1]


def tell(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    tell(dict(start(json.loads(sys.argv[1]))))
    for _ in sys.stdin:
        with LOCK:
            tell(RECEIVED)
