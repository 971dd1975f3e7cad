"""A name of another script is named to the server as A-labels, in the Host field and in TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from inspector.testing import run_probe
from inspector_http.observations import Http
from inspector_http.probes import http

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def listening(named: list[str | None], requests: list[bytes]) -> Iterator[int]:
    """A TLS server on loopback; what each client names goes to the lists."""
    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("web.test").configure_cert(context)
    context.sni_callback = lambda _tls, name, _context: named.append(name)

    def serve(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
                with context.wrap_socket(connection, server_side=True) as tls:
                    requests.append(tls.recv(65536))
                    tls.sendall(REPLY)
            except ssl.SSLError:
                continue
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("straße.test", "xn--strae-oqa.test"),
        ("xn--strae-oqa.test", "xn--strae-oqa.test"),
        ("www.straße.test", "www.xn--strae-oqa.test"),
        ("ශ්\u200dරී.test", "xn--10cl1a0b660p.test"),
    ],
)
def test_the_server_is_named_by_the_a_labels_of_idna_2008(written: str, name: str) -> None:
    """The ssl module alone would name strasse.test, which is another host."""
    named: list[str | None] = []
    requests: list[bytes] = []
    with listening(named, requests) as port:
        facts = run_probe(http, f"https://{written}:{port}/").seen(Http)
    assert (facts.host, facts.status.value) == (name, 200)
    assert set(named) == {name}
    assert f"\r\nHost: {name}:{port}\r\n".lower() in requests[-1].decode().lower()
