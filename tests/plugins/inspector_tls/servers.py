"""Servers on loopback, good and bad, each started by a test and stopped at its end."""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.agreement import lab
from tests.agreement.environment import needs_programs

ADDRESS = "127.0.0.1"
#: What a server does with one connection.
Answer = Callable[[socket.socket], None]


def free_port(address: str = ADDRESS) -> int:
    """A port without a listener."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _await_listener(port: int, process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        time.sleep(0.01)
    raise RuntimeError(f"{process.args!r} does not listen")


@contextlib.contextmanager
def running(command: Sequence[str | Path], port: int, address: str = ADDRESS) -> Iterator[int]:
    """A server program of our own, listening when the body begins, killed at its end."""
    needs_programs(str(command[0]))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_listener(port, process, address)
        yield port
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def openssl(files: tuple[Path, Path], *arguments: str | Path, address: str = ADDRESS) -> Iterator[int]:
    """``openssl s_server`` with this certificate (and what is sent along) and key."""
    port = free_port(address)
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    certificates, key = files
    chain = ("-cert_chain", certificates) if certificates.read_bytes().count(b"BEGIN") > 1 else ()
    command = (
        "openssl",
        "s_server",
        "-accept",
        where,
        "-cert",
        certificates,
        "-key",
        key,
        *chain,
        "-quiet",
        *arguments,
    )
    with running(command, port, address) as listening:
        yield listening


@contextlib.contextmanager
def node(folder: Path, files: tuple[Path, Path], options: str) -> Iterator[int]:
    """An HTTPS server of Node, for the OpenSSL 3.5 inside; ``options`` are JavaScript. It answers every request."""
    program = lab.node("new")
    port, script = free_port(), folder / "server.js"
    certificate, key = (f"require('fs').readFileSync('{each}')" for each in files)
    script.write_text(
        f"require('https').createServer({{cert: {certificate}, key: {key}, {options}}},"
        f" (_, reply) => reply.end('x')).listen({port}, '{ADDRESS}');"
    )
    with running([program, script], port):
        yield port


@contextlib.contextmanager
def nginx(folder: Path, directives: str, address: str = ADDRESS, *, listen: str = "ssl") -> Iterator[int]:
    """nginx with one TLS server block of these directives; ``LISTEN;`` in them listens once more at the same place.

    ``listen`` are the options of that directive.
    """
    port = free_port(address)
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    configuration = folder / f"nginx-{port}.conf"
    directives = directives.replace("LISTEN;", f"listen {where} ssl;")
    configuration.write_text(
        f"daemon off; master_process off; pid {folder}/nginx-{port}.pid; error_log stderr crit;\n"
        "events { worker_connections 64; }\n"
        f"http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};"
        f" uwsgi_temp_path {folder}; scgi_temp_path {folder};\n"
        f"server {{ listen {where} {listen}; server_name _; {directives} location / {{ return 200; }} }} }}\n"
    )
    with running(("nginx", "-c", configuration, "-e", "stderr", "-p", folder), port, address) as listening:
        yield listening


def passed_on(port: int) -> Answer:
    """Forwards to another server on loopback."""

    def answer(client: socket.socket) -> None:
        with socket.create_connection((ADDRESS, port)) as far:
            join(client, far)

    return answer


def without_alerts(answer: Answer) -> Answer:
    """Answer in this way, and end the connection in place of an alert in clear text."""

    def quiet(client: socket.socket) -> None:
        near, far = socket.socketpair()
        far.settimeout(20)

        def serve() -> None:
            with contextlib.suppress(OSError, ValueError), far:
                answer(far)

        for target, arguments in ((serve, ()), (_pump, (client, near))):
            threading.Thread(target=target, args=arguments, daemon=True).start()
        with near:
            while (data := near.recv(65_536)) and data[0] != 0x15:
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)

    return quiet


def join(client: socket.socket, far: socket.socket) -> None:
    """Forward bytes in both directions until both sides have ended."""
    back = threading.Thread(target=_pump, args=(far, client), daemon=True)
    back.start()
    _pump(client, far)
    back.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def answering(answer: Answer, address: str = ADDRESS) -> Iterator[int]:
    """A server that hands every connection to ``answer`` in a thread of its own."""
    listener = socket.create_server((address, 0))
    listener.settimeout(0.05)
    over = threading.Event()
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        connection.settimeout(20)
        with contextlib.suppress(OSError, ValueError), connection:
            answer(connection)

    def serve() -> None:
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _peer = listener.accept()
                threads.append(threading.Thread(target=handle, args=(connection,), daemon=True))
                threads[-1].start()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        server.join()
        listener.close()


def speaking_tls(files: tuple[Path, Path], *, only: ssl.TLSVersion | None = None, suites: str = "") -> Answer:
    """Answer as a server of TLS 1.2 and 1.3, or ``only`` one of them, with this certificate and key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    if only is not None:
        context.minimum_version = context.maximum_version = only
    if suites:
        context.set_ciphers(suites)
    return python_tls(context)


def python_tls(context: ssl.SSLContext) -> Answer:
    """Answer with a TLS handshake of Python's ``ssl`` only."""

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    return answer


def newer_openssl(files: tuple[Path, Path], groups: str) -> Answer:
    """Answer with TLS 1.3 of the OpenSSL in ``cryptography``, newer than the system's, in these groups only."""
    from cryptography.hazmat.bindings.openssl.binding import Binding

    lib: Any = Binding().lib
    context = lib.SSL_CTX_new(lib.TLS_server_method())
    assert lib.SSL_CTX_use_certificate_chain_file(context, bytes(files[0])) == 1
    assert lib.SSL_CTX_use_PrivateKey_file(context, bytes(files[1]), lib.SSL_FILETYPE_PEM) == 1
    assert lib.SSL_CTX_set1_curves_list(context, groups.encode()) == 1
    lib.SSL_CTX_set_min_proto_version(context, 0x0304)

    def answer(connection: socket.socket) -> None:
        session = lib.SSL_new(context)
        connection.setblocking(True)
        lib.SSL_set_fd(session, connection.fileno())
        lib.SSL_set_accept_state(session)
        lib.SSL_do_handshake(session)
        lib.SSL_free(session)

    return answer


def silent(connection: socket.socket) -> None:
    """Read and never answer."""
    while connection.recv(4096):
        pass


def not_tls(connection: socket.socket) -> None:
    """Answer any bytes with bytes that are not TLS."""
    connection.recv(4096)
    connection.sendall(bytes(range(200, 256)) * 4)


def clear_http(connection: socket.socket) -> None:
    """Answer as a web server without TLS does."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def resetting(connection: socket.socket) -> None:
    """Reset the connection as soon as a hello came."""
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def hello_version(hello: bytes) -> int:
    """The version that a ClientHello asks for: 0x0002 for SSL 2.0, 0x0304 where the extension names TLS 1.3."""
    if hello[:1] != b"\x16":
        return int.from_bytes(hello[3:5], "big")
    if b"\x00\x2b\x00\x03\x02\x03\x04" in hello:
        return 0x0304
    return int.from_bytes(hello[9:11], "big")


def by_version(otherwise: Answer, version: int, answer: Answer, calls: list[int] | None = None) -> Answer:
    """Answer hellos that ask for ``version`` with ``answer``, all others ``otherwise``.

    ``calls`` takes the version of each hello.
    """

    def dispatch(connection: socket.socket) -> None:
        asked = hello_version(connection.recv(4096, socket.MSG_PEEK))
        if calls is not None:
            calls.append(asked)
        (answer if asked == version else otherwise)(connection)

    return dispatch


def first_and_then(first: Answer, then: Answer, count: int = 1) -> Answer:
    """Answer the first ``count`` connections in one way and all others in another."""
    answers = itertools.chain(itertools.repeat(first, count), itertools.repeat(then))

    def answer(connection: socket.socket) -> None:
        next(answers)(connection)

    return answer
