"""Functions that tests run in worker processes."""

import contextlib
import fcntl
import os
import socket
import stat
import subprocess
import sys
import threading
import time

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure


def reverse(payload: bytes) -> bytes:
    return payload[::-1]


def identity(payload: bytes) -> bytes:
    return str(os.getpid()).encode()


def priority(payload: bytes) -> bytes:
    return str(os.nice(0)).encode()


def third_party(payload: bytes, context: bytes) -> bytes:
    return payload + context


def chatter(payload: bytes) -> bytes:
    sys.stdout.write("not a frame\n" * 100)
    sys.stderr.write("x" * 1_000_000)
    return sys.stdin.read().encode() + b"read nothing"


def flood(payload: bytes) -> bytes:
    """Writes to the parent's pipe without end, and no frames."""
    pipes = [number for number in range(3, 64) if _is_written_pipe(number)]
    while True:
        os.write(pipes[0], bytes(1 << 16))


def _is_written_pipe(number: int) -> bool:
    try:
        return (
            stat.S_ISFIFO(os.fstat(number).st_mode) and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        )
    except OSError:
        return False


def oversized(payload: bytes) -> bytes:
    return bytes(65 << 20)


def hang(payload: bytes) -> bytes:
    time.sleep(600)
    return b""


def burn(payload: bytes) -> bytes:
    while True:
        sum(range(10**6))


def keep_the_interpreter_lock(payload: bytes) -> bytes:
    """A single call into C that never returns to the interpreter loop."""
    return str(sum(range(10**12))).encode()


def stubborn(payload: bytes) -> bytes:
    """Catches everything that can be caught."""
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(1)


def crash(payload: bytes) -> bytes:
    os.write(2, b"last words")
    os.abort()


def fill_memory(payload: bytes) -> bytes:
    return b"x" * (8 << 30)


def raise_trouble(payload: bytes) -> bytes:
    raise ScanFailure(Cause.PROTOCOL_ERROR, "not a certificate")


def raise_error(payload: bytes) -> bytes:
    raise KeyError(payload.decode())


def wrong_type(payload: bytes) -> bytes:
    return "text"  # type: ignore[return-value]


def connect(payload: bytes) -> bytes:
    """Connect to ``address port`` of the payload, send bytes and return the answer."""
    address, port = payload.decode().split()
    with socket.create_connection((address, int(port)), timeout=5) as sock:
        sock.sendall(b"word")
        return sock.recv(100)


def swallowing(payload: bytes) -> bytes:
    with contextlib.suppress(BaseException):
        connect(payload)
    return b"refused"


def resolve_name(payload: bytes) -> bytes:
    return repr(socket.getaddrinfo("decoy.test", 80)).encode()


def datagram(payload: bytes) -> bytes:
    address, port = payload.decode().split()
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", (address, int(port)))
    return b"sent"


def low_level(payload: bytes) -> bytes:
    """Connect without Python's socket class."""
    import _socket

    address, port = payload.decode().split()
    _socket.socket().connect((address, int(port)))
    return b"connected"


def program(payload: bytes) -> bytes:
    return subprocess.run(["true"], check=True, capture_output=True).stdout


def many(payload: bytes) -> bytes:
    """Open ``count`` connections from as many threads, as fast as they are granted, each open for a moment."""
    address, port, count = payload.decode().split()
    failed: list[BaseException] = []

    def one() -> None:
        try:
            with socket.create_connection((address, int(port)), timeout=10) as sock:
                time.sleep(0.02)
                sock.sendall(b"x")
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(int(count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return str(len(failed)).encode()


LEAKED: list[socket.socket] = []


def leak(payload: bytes) -> bytes:
    """Leave a connection open."""
    address, port = payload.decode().split()
    LEAKED.append(socket.create_connection((address, int(port))))
    return identity(b"")


def forgetful(payload: bytes) -> bytes:
    """Open three connections, one after the other, and close none of them."""
    address, port = payload.decode().split()
    for _ in range(3):
        socket.create_connection((address, int(port)))
    return b"done"


def refused(payload: bytes) -> bytes:
    address, port = payload.decode().split()
    with socket.socket() as sock:
        return str(sock.connect_ex((address, int(port)))).encode()


def tls(payload: bytes) -> bytes:
    """Ask sslyze for the certificate and the protocol versions of ``address port``."""
    from sslyze import ScanCommand, Scanner, ServerNetworkLocation, ServerScanRequest

    address, port = payload.decode().split()
    scanner = Scanner(per_server_concurrent_connections_limit=10)
    location = ServerNetworkLocation(hostname="shop.test", port=int(port), ip_address=address)
    commands = {ScanCommand.CERTIFICATE_INFO, ScanCommand.TLS_1_3_CIPHER_SUITES}
    scanner.queue_scans([ServerScanRequest(server_location=location, scan_commands=commands)])
    (result,) = scanner.get_results()
    return result.scan_status.value.encode()


def logs(payload: bytes) -> bytes:
    """Log the payload."""
    import logging

    extra = {"system": "another", "count": 3, "secret": "x"}
    logging.getLogger("inspector.trial").warning("%s", payload.decode(), extra=extra)
    return b""


def logs_unasked(payload: bytes) -> bytes:
    """Send a line to the parent, which did not ask for any."""
    import gc

    from inspector.network.sandbox.protocol import Kind
    from inspector.network.sandbox.worker import Worker

    [worker] = [each for each in gc.get_objects() if isinstance(each, Worker)]
    worker.send(Kind.LOG, {}, b'{"logger": "inspector", "level": 50, "message": "forged", "fields": {}}')
    return payload
