"""HTTP/2 through the gateway: servers that speak it, alone or beside HTTP/1.1, and servers that break it."""

from __future__ import annotations

import socket
import ssl
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from hpack import Encoder
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, RstStreamFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import Cause
from inspector.model.errors import ScanFailure
from inspector.network.protocols.http2 import Head
from inspector.testing import ProbeRun, run_probe
from inspector_http.observations import Http
from inspector_http.probes import http
from tests.agreement import lab
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key

Files = tuple[Path, Path]
HOST = "www.example.vn"
#: Parts of the probe that ask for one page alone.
PAGE: tuple[str, ...] = ()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """An RSA certificate and its key."""
    return issue(HOST, dns=[HOST], key=rsa_key()).write(tmp_path_factory.mktemp("tls"), "server")


def scanned(port: int, **options: object) -> ProbeRun:
    scan = run_probe(http, f"https://{HOST}:{port}/", **{"parts": PAGE, **options})
    assert len(scan.ledger) <= http.cost(scan.target, {}).connections
    return scan


def sent_by(scan: ProbeRun) -> tuple[str, dict[str, str], int]:
    """Version and header fields of the page, and how many connections it took."""
    facts = scan.seen(Http)
    return facts.version, {each.name: each.value for each in facts.headers.value}, len(scan.ledger)


def test_a_page_over_http2(files: Files, tmp_path: Path) -> None:
    """A server that offers it is asked over HTTP/2, in one connection, with the same facts as over HTTP/1.1."""
    directives = f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; add_header X-Frame-Options DENY;"
    with servers.nginx(tmp_path, directives, listen="ssl http2") as port:
        version, fields, connections = sent_by(scanned(port))
    assert (version, connections) == ("HTTP/2", 1)
    assert fields["x-frame-options"] == "DENY"


def test_a_server_of_http2_alone_is_judged(files: Files, tmp_path: Path) -> None:
    """Where HTTP/1.1 is refused, the page is seen all the same, and the other version is told to be none."""
    program = tmp_path / "only.js"
    program.write_text(
        f"require('http2').createSecureServer({{cert: require('fs').readFileSync('{files[0]}'),"
        f" key: require('fs').readFileSync('{files[1]}'), ALPNProtocols: ['h2']}}, (_, reply) => {{"
        " reply.setHeader('X-Content-Type-Options', 'nosniff'); reply.end('<p>chào</p>'); })"
        f".listen({(port := servers.free_port())}, '{servers.ADDRESS}');"
    )
    with servers.running([lab.node("new"), program], port):
        scan = scanned(port, parts=("http/1.1",))
    version, fields, _ = sent_by(scan)
    assert (version, fields["x-content-type-options"]) == ("HTTP/2", "nosniff")
    facts = scan.seen(Http)
    assert facts.page.is_seen
    assert not facts.http1_fields.seen


# --- servers that break it ---

Answer = Callable[[ssl.SSLSocket], None]


def over_tls(files: Files, answer: Answer, *, protocols: tuple[str, ...] = ("h2", "http/1.1")) -> servers.Answer:
    """TLS with this choice of protocols, and then this answer; without HTTP/1.1 among them none over that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.set_alpn_protocols(list(protocols))

    def talk(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as tls:
            if tls.selected_alpn_protocol() == "h2":
                answer(tls)
            elif "http/1.1" in protocols:
                tls.recv(65536)
                tls.sendall(b"HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n")

    return talk


def request(tls: ssl.SSLSocket) -> None:
    """Greet, and wait for the request."""
    connection = H2Connection(H2Configuration(client_side=False))
    connection.initiate_connection()
    tls.sendall(connection.data_to_send())
    received = b""
    while b"\x01\x05\x00\x00\x00\x01" not in received and b"\x01\x25\x00\x00\x00\x01" not in received:
        received += tls.recv(65536)


def head(*fields: tuple[bytes, bytes], end: bool = True) -> bytes:
    """HEADERS of the answer to the only request."""
    frame = HeadersFrame(1, data=Encoder().encode(fields), flags=["END_HEADERS", *(["END_STREAM"] if end else [])])
    return frame.serialize()


def sending(*frames: bytes) -> Answer:
    """Greet, and answer a request with these bytes."""

    def answer(tls: ssl.SSLSocket) -> None:
        request(tls)
        tls.sendall(b"".join(frames))
        tls.settimeout(2)
        tls.recv(65536)

    return answer


def reset(code: int) -> bytes:
    frame: Frame = RstStreamFrame(1)
    frame.error_code = code
    return frame.serialize()


BROKEN = {
    "garbage": b"this is no frame" * 100,
    "http1": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "no-status": head((b"server", b"x")),
    "two-statuses": head((b":status", b"200"), (b":status", b"404")),
    "odd-status": head((b":status", b"2x0")),
    "refused": reset(0x0D),  # HTTP_1_1_REQUIRED
    "going-away": GoAwayFrame(0, last_stream_id=0).serialize(),
    "no-fields-end": HeadersFrame(1, data=b"\x88").serialize() + DataFrame(1, data=b"x").serialize(),
    "push": b"\x00\x00\x05\x05\x04\x00\x00\x00\x01\x00\x00\x00\x02\x88",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_http2_is_asked_over_http1(files: Files, name: str) -> None:
    """A server that does not answer in the version that it chose is asked once more, over HTTP/1.1."""
    with servers.answering(over_tls(files, sending(BROKEN[name]))) as port:
        scan = scanned(port)
    version, fields, connections = sent_by(scan)
    assert (version, fields["allow"], connections) == ("HTTP/1.1", "GET", 2)
    assert scan.seen(Http).http1_fields == type(scan.seen(Http).http1_fields)(unseen=Cause.PROTOCOL_ERROR)


def test_of_a_server_of_http2_alone_the_first_failure_counts(files: Files) -> None:
    """Where the second question is refused for its version, the failure is that of the first."""
    with servers.answering(over_tls(files, sending(BROKEN["no-status"]), protocols=("h2",))) as port:
        scan = scanned(port)
    assert scan.failure is not None
    assert (scan.failure.cause, scan.failure.detail) == (
        Cause.PROTOCOL_ERROR,
        "ScanFailure: HTTP/2: the answer has no status",
    )


def test_a_malformed_field_costs_only_itself(files: Files) -> None:
    """A field whose name or value no client can use is left out, and the others stand."""
    odd = (b"Bad Name", b"1"), (b"x-line", b"a\r\nb"), (b"X-Upper", b"1")
    frames = head((b":status", b"200"), *odd, (b"x-frame-options", b" DENY "))
    with servers.answering(over_tls(files, sending(frames))) as port:
        version, fields, _ = sent_by(scanned(port))
    assert version == "HTTP/2"
    assert fields["x-frame-options"] == "DENY"
    assert not {"bad name", "x-line", "x-upper"} & set(fields)


def endless_body(tls: ssl.SSLSocket) -> None:
    request(tls)
    tls.sendall(head((b":status", b"200"), (b"content-type", b"text/plain"), (b"x-frame-options", b"DENY"), end=False))
    frame = DataFrame(1, data=b"x" * 16384).serialize()
    while True:
        tls.sendall(frame)


def endless_fields(tls: ssl.SSLSocket) -> None:
    """HEADERS and CONTINUATION without end."""
    request(tls)
    tls.sendall(HeadersFrame(1, data=b"").serialize())
    field = b"\x00\x01a\x7f\x81\x7f" + b"y" * 254
    frame = ContinuationFrame(1, data=field * 60).serialize()
    while True:
        tls.sendall(frame)


def repeated_field(tls: ssl.SSLSocket) -> None:
    """A field of 4 KB in the table, named ten thousand times in 16 KB."""
    request(tls)
    block = b"\x88\x40\x01a\x7f\xa1\x1f" + b"z" * 4000 + b"\xbe" * 12000
    tls.sendall(HeadersFrame(1, data=block, flags=["END_HEADERS", "END_STREAM"]).serialize())
    tls.settimeout(2)
    tls.recv(65536)


def endless_interim(tls: ssl.SSLSocket) -> None:
    request(tls)
    frame = HeadersFrame(1, data=Encoder().encode([(b":status", b"103")]), flags=["END_HEADERS"]).serialize()
    while True:
        tls.sendall(frame * 500)


@pytest.mark.parametrize("answer", [endless_fields, repeated_field, endless_interim])
def test_what_has_no_end_is_bounded(files: Files, answer: Answer) -> None:
    """The memory of a hostile answer stays within 32 MB, and HTTP/1.1 is asked instead."""
    with servers.answering(over_tls(files, answer)) as port:
        tracemalloc.start()
        try:
            scan = scanned(port)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert sent_by(scan)[0] == "HTTP/1.1"
    assert peak < 32 * 2**20


def test_an_endless_body_is_cut_off(files: Files) -> None:
    """The head of an answer counts, of its body only the beginning is read."""
    with servers.answering(over_tls(files, endless_body)) as port:
        version, fields, connections = sent_by(scanned(port))
    assert (version, fields["x-frame-options"], connections) == ("HTTP/2", "DENY", 1)


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=20)), max_size=8))
@settings(max_examples=100)
def test_any_fields_are_read_or_refused(fields: list[tuple[bytes, bytes]]) -> None:
    """No list of fields is an answer without exactly one status."""
    statuses = [value for name, value in fields if name == b":status"]
    if len(statuses) == 1 and len(statuses[0]) == 3 and statuses[0].isdigit() and not statuses[0].startswith(b"0"):
        assert Head.parse(fields).status == int(statuses[0])
    else:
        with pytest.raises(ScanFailure):
            Head.parse(fields)
