"""The lifetimes of servers' session tickets."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from inspector import Cause
from inspector.model.base import now
from inspector.plugin.probe import ParseContext
from inspector.testing import ProbeRun, run_probe
from inspector_tls.resumption.observations import TlsResumption
from inspector_tls.resumption.parsing import Handshakes
from inspector_tls.resumption.probe import parse, tls_resumption
from inspector_tls.starttls.negotiation import IMPLICIT, SCHEMES
from inspector_tls.wire.versions import TlsVersion
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key
from tests.plugins.inspector_tls.resumption.ticket_servers import TLS_1_2, ticketing
from tests.plugins.inspector_tls.starttls.scripted_servers import SCRIPTS, speaking

Files = tuple[Path, Path]
WEEK = 604_800
#: The extension that lists the versions (RFC 8446 §4.2.1), with TLS 1.3 among them.
_LISTS_TLS_1_3 = re.compile(rb"\x00\x2b\x00.(?=[\x02-\x0c]).(?:\x03[\x00-\x03])*\x03\x04", re.DOTALL)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """An RSA certificate and its key."""
    identity = issue("www.example.vn", dns=["www.example.vn"], key=rsa_key())
    return identity.write(tmp_path_factory.mktemp("tls"), "server")


def scanned(port: int, scheme: str = "https", *, seconds: int = 10) -> ProbeRun:
    """The result of the probe."""
    scan = run_probe(tls_resumption, f"{scheme}://www.example.vn:{port}", answer_seconds=seconds)
    assert len(scan.ledger) <= tls_resumption.cost(scan.target, {}).connections
    return scan


def lifetimes(seen: TlsResumption) -> tuple[int | None, int | None]:
    """Up to TLS 1.2 and in TLS 1.3; every answer was seen."""
    return seen.ticket_seconds.value, seen.psk_seconds.value


def test_versions_refused_without_an_alert(files: Files) -> None:
    """A server of TLS 1.3 that closes every older connection at the hello issues no tickets there."""
    with servers.answering(servers.without_alerts(ticketing(files, 600))) as port:
        seen = scanned(port).seen(TlsResumption)
    assert seen.ticket_seconds.value is None
    assert seen.psk_seconds.value


def test_versions_refused_by_a_server_that_stops_answering(files: Files) -> None:
    """A server that closes every connection after the first has shown nothing about older versions."""

    def closing(connection: socket.socket) -> None:
        connection.recv(4096)

    with servers.answering(servers.first_and_then(ticketing(files, 600), closing)) as port:
        seen = scanned(port).seen(TlsResumption)
    assert not seen.ticket_seconds.is_seen


def test_server_without_encryption(files: Files) -> None:
    """The tickets of a server with NULL suites only are seen."""
    with servers.openssl(files, "-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0") as port:
        assert lifetimes(scanned(port).seen(TlsResumption)) == (7_200, None)


# --- real servers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directives", "seconds", "connections"),
    [
        ("", (300, 300), 2),
        ("ssl_session_timeout 7d;", (WEEK, WEEK), 2),
        ("ssl_session_timeout 9d;", (9 * 86_400, WEEK), 2),
        ("ssl_session_cache shared:s:1m; ssl_session_tickets off;", (None, 300), 2),
        ("ssl_session_cache off; ssl_session_tickets off;", (None, 300), 2),
        ("ssl_protocols TLSv1.2;", (300, None), 2),
        ("ssl_protocols TLSv1.3;", (None, 300), 2),
    ],
)
def test_nginx(
    directives: str, seconds: tuple[int | None, int | None], connections: int, files: Files, tmp_path: Path
) -> None:
    """nginx's tickets last as long as its sessions, and one full handshake of each version shows it."""
    if "ssl_protocols" not in directives:
        directives += " ssl_protocols TLSv1.2 TLSv1.3;"
    with servers.nginx(tmp_path, f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; {directives}") as port:
        scan = scanned(port)
    assert lifetimes(scan.seen(TlsResumption)) == seconds
    assert len(scan.ledger) == connections


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ((), (7200, 7200)),
        (("-no_ticket",), (None, 7200)),
        (("-num_tickets", "0"), (7200, None)),
        (("-no_cache", "-no_ticket", "-num_tickets", "0"), (None, None)),
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), (7200, None)),
    ],
)
def test_openssl(arguments: tuple[str, ...], seconds: tuple[int | None, int | None], files: Files) -> None:
    """OpenSSL's server issues tickets as configured, on a port with the scheme tls."""
    with servers.openssl(files, *arguments) as port:
        assert lifetimes(scanned(port, "tls").seen(TlsResumption)) == seconds


@pytest.mark.parametrize("arguments", [(), ("--noticket",)])
def test_gnutls(arguments: tuple[str, ...], files: Files) -> None:
    """GnuTLS gives tickets in every version, and none where they are disabled."""
    port = servers.free_port()
    command = ["gnutls-serv", "--quiet", "--http", f"--port={port}", f"--x509certfile={files[0]}"]
    with servers.running([*command, f"--x509keyfile={files[1]}", *arguments], port):
        seen = scanned(port).seen(TlsResumption)
    assert all(each is None if arguments else each for each in lifetimes(seen))


# --- other clients, same server ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", ["5m", "7d"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_lifetimes_agree_with_openssl(timeout: str, version: str, files: Files, tmp_path: Path) -> None:
    """OpenSSL's client gets the same lifetime."""
    directives = f"ssl_protocols TLSv1.2 TLSv1.3; ssl_session_timeout {timeout};"
    kept = tmp_path / "session.pem"
    client = ["openssl", "s_client", "-servername", "www.example.vn", version, "-ign_eof"]
    ask = b"HEAD / HTTP/1.1\r\nHost: www.example.vn\r\nConnection: close\r\n\r\n"
    with servers.nginx(tmp_path, f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; {directives}") as port:
        seen = scanned(port).seen(TlsResumption)
        where = ("-connect", f"127.0.0.1:{port}")
        subprocess.run([*client, *where, "-sess_out", kept], input=ask, capture_output=True, check=True, timeout=20)
    session = subprocess.run(["openssl", "sess_id", "-in", kept, "-noout", "-text"], capture_output=True, check=True)
    hint = re.search(rb"lifetime hint: (\d+)", session.stdout)
    assert hint is not None
    older = version == "-tls1_2"
    assert int(hint[1]) == (seen.ticket_seconds if older else seen.psk_seconds).value


# --- what is not an answer --------------------------------------------------------------------------------------------


def test_the_longest_ticket_counts(files: Files) -> None:
    """Of tickets with different lifetimes the longest counts, whatever its position."""
    for given in ((300, WEEK, 60), (WEEK, 300)):
        with servers.answering(ticketing(files, *given)) as port:
            seen = scanned(port).seen(TlsResumption)
        assert seen.psk_seconds.seen == WEEK


def test_many_tickets(files: Files) -> None:
    """Of very many tickets only the first few lifetimes and the longest are kept."""
    with servers.answering(ticketing(files, *(300,) * 30, WEEK, *(60,) * 30)) as port:
        scan = scanned(port)
    assert scan.seen(TlsResumption).psk_seconds.seen == WEEK
    assert len(scan.output.raw[0].data) < 3000


def test_ticket_beyond_the_protocol(files: Files) -> None:
    """A lifetime beyond what TLS 1.3 allows is kept unchanged."""
    with servers.answering(ticketing(files, 864_000)) as port:
        assert scanned(port).seen(TlsResumption).psk_seconds.seen == 864_000


def test_lifetime_left_to_the_client(files: Files) -> None:
    """A hint of 0 is distinguished from no ticket."""
    with servers.answering(ticketing(files, 0, version=TLS_1_2)) as port:
        seen = scanned(port).seen(TlsResumption)
    assert lifetimes(seen) == (0, None)


def test_silence_after_the_handshake_is_not_the_absence_of_tickets(files: Files) -> None:
    """Where a server of TLS 1.3 gives no ticket in time, and sends nothing else, its tickets are not seen."""
    with servers.answering(ticketing(files, unresponsive=True)) as port:
        seen = scanned(port, seconds=3).seen(TlsResumption)
    assert seen.psk_seconds.unseen is Cause.TIMEOUT
    assert (seen.ticket_seconds.is_seen, seen.ticket_seconds.seen) == (True, None)


def test_end_without_close_notify_is_not_the_absence_of_tickets(files: Files) -> None:
    """A server of TLS 1.3 that ends the connection without close_notify may give tickets to clients it answers."""
    with servers.answering(ticketing(files, abrupt=True)) as port:
        seen = scanned(port).seen(TlsResumption)
    assert seen.psk_seconds.unseen is Cause.AMBIGUOUS


def test_silence_about_older_versions(files: Files) -> None:
    """A server that does not answer an older ClientHello has not shown that it gives no tickets for it."""
    modern = ticketing(files, 300)

    def answer(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        (modern if _LISTS_TLS_1_3.search(hello) else servers.silent)(connection)

    with servers.answering(answer) as port:
        seen = scanned(port, seconds=3).seen(TlsResumption)
    assert seen.psk_seconds.seen == 300
    assert seen.ticket_seconds.unseen is Cause.TIMEOUT


def test_hybrid_group_alone(files: Files, tmp_path: Path) -> None:
    """The tickets of a server that agrees keys in X25519MLKEM768 only are seen from every host."""
    with servers.node(tmp_path, files, "minVersion: 'TLSv1.3', ecdhCurve: 'X25519MLKEM768'") as port:
        seen = scanned(port).seen(TlsResumption)
    assert lifetimes(seen) == (None, 7200)


def test_suite_that_openssl_lacks(files: Files) -> None:
    """Of a server that accepts RC4 only, the tickets are unseen for want of the suite, named; TLS 1.3 is declined."""
    with servers.answering(ticketing(files, 300, version=TLS_1_2, ciphers=("rc4",))) as port:
        failure = scanned(port).failure
    assert failure is not None
    assert failure.cause is Cause.TOOL_MISSING
    assert "RC4_128" in failure.detail


def test_client_certificate_required(files: Files) -> None:
    """A server that rejects a client without a certificate has not shown its tickets."""
    with servers.openssl(files, "-Verify", "1", "-tls1_3") as port:
        seen = scanned(port, "tls").seen(TlsResumption)
    assert seen.psk_seconds.unseen is Cause.PROTOCOL_ERROR


def test_intolerance_of_tls_1_3(files: Files) -> None:
    """Of a server that does not answer a ClientHello of TLS 1.3 the older versions are seen, and TLS 1.3 is not."""
    older = ticketing(files, 300, version=TLS_1_2)

    def answer(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        (servers.silent if _LISTS_TLS_1_3.search(hello) else older)(connection)

    with servers.answering(answer) as port:
        seen = scanned(port, seconds=3).seen(TlsResumption)
    assert (seen.ticket_seconds.seen, seen.psk_seconds.unseen) == (300, Cause.TIMEOUT)


def test_intolerance_of_long_hellos(files: Files) -> None:
    """Old servers tolerate every ClientHello: at most 64 suites, and none of 256 to 511 bytes (RFC 7685)."""
    hellos: list[bytes] = []
    modern = ticketing(files, 300)

    def answer(connection: socket.socket) -> None:
        hellos.append(connection.recv(4096, socket.MSG_PEEK))
        modern(connection)

    with servers.answering(answer) as port:
        assert scanned(port).seen(TlsResumption).psk_seconds.seen == 300
    for hello in hellos:
        suites = 44 + hello[43]
        assert int.from_bytes(hello[suites : suites + 2], "big") // 2 <= 64
        assert int.from_bytes(hello[6:9], "big") + 4 not in range(256, 512)


def _endlessly(record: bytes) -> servers.Answer:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        while True:
            connection.sendall(record)

    return answer


def _dripping(connection: socket.socket) -> None:
    connection.recv(4096)
    for octet in b"\x16\x03\x03\x3f\x00" + bytes(500):
        connection.sendall(bytes([octet]))
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (servers.silent, Cause.TIMEOUT),
        (servers.resetting, Cause.RESET),
        (servers.clear_http, Cause.PROTOCOL_ERROR),
        (servers.not_tls, Cause.PROTOCOL_ERROR),
        (_endlessly(b"\x15\x03\x03\x00\x02\x01\x5a"), Cause.PROTOCOL_ERROR),
        (_endlessly(b"\x16\x03\x03\x40\x00" + bytes(16_384)), Cause.PROTOCOL_ERROR),
        (_dripping, Cause.TIMEOUT),
    ],
)
def test_no_tls_gives_the_failure(answer: servers.Answer, cause: Cause) -> None:
    """A server without TLS gives no observation but the failure, within four connections."""
    with servers.answering(answer) as port:
        scan = scanned(port, seconds=1 if cause is Cause.TIMEOUT else 10)
    assert scan.facts is None
    assert scan.failure is not None
    assert scan.failure.cause is cause
    assert len(scan.ledger) <= 4


def test_refused_port() -> None:
    """A closed port is refused, once."""
    scan = scanned(servers.free_port())
    assert scan.failure is not None
    assert scan.failure.cause is Cause.REFUSED


# --- one scan as a whole ----------------------------------------------------------------------------------------------


def test_every_scheme_of_tls_is_scanned() -> None:
    """Tickets are scanned behind every scheme with TLS."""
    assert {"https", "tls", *(scheme.name for scheme in (*IMPLICIT, *SCHEMES))} == {
        each.name for each in tls_resumption.schemes
    }


@pytest.mark.parametrize("scheme", SCRIPTS)
def test_inside_starttls(scheme: str, files: Files) -> None:
    """Tickets are seen inside every line-based protocol, whose closing command makes the server answer."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    with servers.answering(speaking(SCRIPTS[scheme], context)) as port:
        seen = scanned(port, scheme).seen(TlsResumption)
    assert lifetimes(seen) == (7200, 7200)


def test_nothing_secret_is_kept(files: Files) -> None:
    """The raw bytes contain lifetimes, neither tickets nor session identifiers."""
    with servers.openssl(files) as port:
        scan = scanned(port, "tls")
    (raw,) = scan.output.raw
    assert not re.search(rb"[0-9a-fA-F]{32}", raw.data)
    assert len(raw.data) < 3000


def test_parsing_again_gives_the_same_bytes(files: Files) -> None:
    """The same raw bytes parsed twice give the same facts, byte for byte."""
    with servers.openssl(files) as port:
        scan = scanned(port, "tls")
    facts = scan.seen(TlsResumption)
    again = parse(scan.output, ParseContext(scan.target.subject, now()))
    assert TlsResumption.parse(facts.canonical()) == again == facts
    newest, older = Handshakes.parse(scan.output.raw[0].data).handshakes
    assert (newest.version, older.version) == (TlsVersion.TLS_1_3, TlsVersion.TLS_1_2)
