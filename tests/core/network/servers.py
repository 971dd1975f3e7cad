"""A server in a process of its own, which counts what reaches it: ``python lab.py MODE ADDRESS [ARGUMENT]``.

It prints the port it listens on. A line on standard input makes it print what it counted as JSON; the end of standard
input ends it.
"""

import contextlib
import json
import socket
import struct
import sys
import threading
import time

REPORT: dict[str, list[object]] = {"accepted": [], "received": [], "packets": []}
LOCK = threading.Lock()
MANY = b"x" * 65536


def note(kind: str, what: object) -> None:
    with LOCK:
        REPORT[kind].append(what)


def say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def hear(conn: socket.socket, argument: str) -> bytes:
    conn.settimeout(20)
    data = conn.recv(65536)
    note("received", data.decode("latin-1"))
    return data


def quiet(conn: socket.socket, argument: str) -> None:
    """Send nothing until the client closes."""
    conn.settimeout(30)
    while conn.recv(65536):
        pass


def greet(conn: socket.socket, argument: str) -> None:
    """Send one line and wait for the end."""
    conn.sendall(argument.encode() + b"\r\n")
    quiet(conn, "")


def echo(conn: socket.socket, argument: str) -> None:
    while data := hear(conn, ""):
        conn.sendall(data)


def reset(conn: socket.socket, argument: str) -> None:
    hear(conn, "")
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reply(conn: socket.socket, argument: str) -> None:
    """Answer a request with the given head and body."""
    hear(conn, "")
    conn.sendall(argument.encode().decode("unicode_escape").encode("latin-1"))


def headers(conn: socket.socket, argument: str) -> None:
    """Headers without end."""
    hear(conn, "")
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        conn.sendall(b"X-More: " + b"y" * 1000 + b"\r\n")


def lines(conn: socket.socket, argument: str) -> None:
    """Interim answers without end."""
    hear(conn, "")
    while True:
        conn.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)


def body(conn: socket.socket, argument: str) -> None:
    """A body without end."""
    hear(conn, "")
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        conn.sendall(MANY)


def drip(conn: socket.socket, argument: str) -> None:
    """One byte of a head at a time."""
    hear(conn, "")
    while True:
        conn.sendall(b"H")
        time.sleep(0.05)


MODES = {each.__name__: each for each in (quiet, greet, echo, reset, reply, headers, lines, body, drip)}


def serve(mode: str, address: str, argument: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family, backlog=200)
    say(listener.getsockname()[1])

    def handle(conn: socket.socket) -> None:
        try:
            with conn:
                MODES[mode](conn, argument)
        except OSError:
            pass

    def accept() -> None:
        while True:
            conn, _ = listener.accept()
            note("accepted", time.monotonic())
            threading.Thread(target=handle, args=(conn,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


#: SO_TIMESTAMPNS: struct timespec in ancillary data.
_TIMESTAMP = 35


def sniffer(address: str, protocol: int) -> socket.socket:
    """A raw socket that gets a copy of every packet of a protocol that reaches ``address``."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    raw.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
    raw.setblocking(False)
    raw.bind((address, 0))
    # Until it was bound it got everybody's packets.
    with contextlib.suppress(BlockingIOError):
        while True:
            raw.recv(1)
    return raw


class WallClock:
    """Turns the kernel's timestamps into monotonic instants, also when the machine's clock is set meanwhile.

    ``settings`` are the stamps from which on the wall clock was ahead of the monotonic one by so many seconds.
    """

    def __init__(self, settings: list[tuple[float, float]] | None = None) -> None:
        self.settings = settings or [(time.time(), time.time() - time.monotonic())]
        self._place = 0
        self._last = 0.0

    def follow(self) -> None:
        """Note whenever the clock is set."""
        while True:
            at, ahead = time.time(), time.time() - time.monotonic()
            if abs(ahead - self.settings[-1][1]) > 0.005:
                self.settings.append((at, ahead))
            time.sleep(0.01)

    def instant(self, stamp: float) -> float:
        """The instant of a packet's stamp; packets are asked for in the order in which they came."""
        while self._place + 1 < len(self.settings) and self._was_set(stamp):
            self._place += 1
            self._last = 0.0
        self._last = stamp
        return stamp - self.settings[self._place][1]

    def _was_set(self, stamp: float) -> bool:
        (_, before), (at, ahead) = self.settings[self._place : self._place + 2]
        return stamp < self._last if ahead < before else stamp >= at - 0.02


def drain(raw: socket.socket, protocol: int, settings: list[tuple[float, float]]) -> None:
    """Write down each packet: its instant, source and destination port, TCP flags."""
    clock = WallClock(settings)
    while True:
        try:
            packet, ancillary, _, _ = raw.recvmsg(200, 128)
        except BlockingIOError:
            return
        head = (packet[0] & 15) * 4
        seconds, nanos = struct.unpack("ll", ancillary[0][2][:16])
        source, port = struct.unpack_from("!HH", packet, head)
        flags = packet[head + 13] if protocol == socket.IPPROTO_TCP else 0
        note("packets", [clock.instant(seconds + nanos / 1e9), source, port, flags])


def main() -> None:
    mode, address, argument = sys.argv[1:4]
    protocols = (socket.IPPROTO_TCP, socket.IPPROTO_UDP) if mode == "sniff" else ()
    clock = WallClock()
    sniffers = [(sniffer(address, protocol), protocol) for protocol in protocols]
    if sniffers:
        threading.Thread(target=clock.follow, daemon=True).start()
        say(0)
    else:
        serve(mode, address, argument)
    for _ in sys.stdin:
        for raw, protocol in sniffers:
            drain(raw, protocol, list(clock.settings))
        with LOCK:
            say(REPORT)


if __name__ == "__main__":
    main()
