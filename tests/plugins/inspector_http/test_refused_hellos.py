"""Servers that refuse what the TLS library of this host offers."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from inspector import Cause
from inspector.network.protocols.tls_client import tolerant_client
from inspector.testing import ProbeRun, run_probe
from inspector_http.observations import Http
from inspector_http.probes import http
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key

Files = tuple[Path, Path]
#: From this release on OpenSSL offers, and prefers, X25519MLKEM768.
HYBRID_FROM = (3, 5)
#: Bytes that a path with one segment carries.
SEGMENT = 1_400


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """An RSA certificate and its key."""
    return issue("www.example.vn", dns=["www.example.vn"], key=rsa_key()).write(
        tmp_path_factory.mktemp("tls"), "server"
    )


def scanned(port: int) -> ProbeRun:
    scan = run_probe(http, f"https://www.example.vn:{port}/")
    assert len(scan.ledger) <= http.cost(scan.target, {}).connections
    return scan


def test_what_the_library_lacks_is_a_missing_tool(files: Files) -> None:
    """A server that accepts only what the host's library does not offer is unseen for want of it, named."""
    with servers.openssl(files, "-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256", "-www") as port:
        scan = scanned(port)
    assert scan.failure is not None
    assert scan.failure.cause is Cause.TOOL_MISSING
    assert ssl.OPENSSL_VERSION in scan.failure.detail
    assert "TLS_AES_128_CCM_SHA256" in scan.failure.detail


def test_hybrid_groups_alone(files: Files, tmp_path: Path) -> None:
    """A server with a hybrid group alone is seen where the library has it, and else unseen for want of that group."""
    with servers.node(tmp_path, files, "minVersion: 'TLSv1.3', ecdhCurve: 'X25519MLKEM768'") as port:
        scan = scanned(port)
    if ssl.OPENSSL_VERSION_INFO[:2] >= HYBRID_FROM:
        assert scan.seen(Http).status.value == 200
    else:
        assert scan.failure is not None
        assert scan.failure.cause is Cause.TOOL_MISSING
        assert "X25519MLKEM768" in scan.failure.detail


def test_a_server_that_refuses_every_hello(files: Files) -> None:
    """A server that refuses the wider offer too is what is at fault, not the library."""

    def refusing(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65_536)

    with servers.answering(refusing) as port:
        scan = scanned(port)
    assert scan.failure is not None
    assert scan.failure.cause is Cause.PROTOCOL_ERROR


def test_a_path_that_loses_long_hellos(files: Files) -> None:
    """A server behind a box that resets hellos longer than a segment is seen, whatever the library prefers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)

    def behind_a_box(connection: socket.socket) -> None:
        if len(connection.recv(65_536, socket.MSG_PEEK)) > SEGMENT:
            servers.resetting(connection)
            return
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(65_536)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            tls.recv(65_536)

    with servers.answering(behind_a_box) as port:
        assert scanned(port).seen(Http).status.value == 200


def test_the_first_hello_is_short() -> None:
    """The first hello fits into one segment."""
    outgoing = ssl.MemoryBIO()
    tls = (tolerant_client().short or tolerant_client().full).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=b"a")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    assert outgoing.pending < SEGMENT
