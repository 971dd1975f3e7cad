"""How servers take sessions up again, and how long their tickets are good."""

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
from inspector.testing import Scan, run_probe
from inspector_tls.resumption.observations import TlsResumption
from inspector_tls.resumption.parsing import By, Visits
from inspector_tls.resumption.probe import read, tls_resumption
from inspector_tls.starttls.negotiation import SCHEMES
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


def scanned(port: int, scheme: str = "https", *, seconds: int = 3) -> Scan:
    """What a polite look came to."""
    scan = run_probe(tls_resumption, f"{scheme}://www.example.vn:{port}", answer_seconds=seconds)
    assert len(scan.ledger) <= tls_resumption.cost(scan.target, {}).connections
    return scan


def ways(seen: TlsResumption) -> tuple[bool | None, bool | None, bool | None]:
    """Identifier, ticket, TLS 1.3."""
    return seen.by_session_id.seen, seen.by_ticket.seen, seen.by_psk.seen


def lifetimes(seen: TlsResumption) -> tuple[int | None, int | None]:
    """Up to TLS 1.2 and in TLS 1.3; every answer was seen."""
    return seen.ticket_seconds.value, seen.psk_seconds.value


# --- servers of the field ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directives", "by", "seconds", "connections"),
    [
        ("", (False, True, True), (300, 300), 7),
        ("ssl_session_timeout 7d;", (False, True, True), (WEEK, WEEK), 7),
        ("ssl_session_timeout 9d;", (False, True, True), (9 * 86_400, WEEK), 7),
        ("ssl_session_cache shared:s:1m;", (True, True, True), (300, 300), 6),
        ("ssl_session_cache shared:s:1m; ssl_session_tickets off;", (True, False, True), (None, 300), 4),
        ("ssl_session_cache off; ssl_session_tickets off;", (False, False, False), (None, 300), 5),
        ("ssl_protocols TLSv1.2;", (False, True, False), (300, None), 5),
        ("ssl_protocols TLSv1.3;", (False, False, True), (None, 300), 3),
    ],
)
def test_nginx(
    directives: str,
    by: tuple[bool, bool, bool],
    seconds: tuple[int | None, int | None],
    connections: int,
    files: Files,
    tmp_path: Path,
) -> None:
    """nginx resumes as it is told, its tickets last as long as its sessions, and few connections show it."""
    if "ssl_protocols" not in directives:
        directives += " ssl_protocols TLSv1.2 TLSv1.3;"
    with servers.nginx(tmp_path, f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; {directives}") as port:
        scan = scanned(port)
    seen = scan.seen(TlsResumption)
    assert ways(seen) == by
    assert lifetimes(seen) == seconds
    assert len(scan.ledger) == connections


@pytest.mark.parametrize(
    ("arguments", "by", "seconds"),
    [
        ((), (True, True, True), (7200, 7200)),
        (("-no_ticket",), (True, False, True), (None, 7200)),
        (("-num_tickets", "0"), (True, True, False), (7200, None)),
        (("-no_cache", "-no_ticket", "-num_tickets", "0"), (False, False, False), (None, None)),
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), (True, True, False), (7200, None)),
    ],
)
def test_openssl(
    arguments: tuple[str, ...], by: tuple[bool, bool, bool], seconds: tuple[int | None, int | None], files: Files
) -> None:
    """OpenSSL's server resumes as it is told, on a port of which nothing is known but that TLS is spoken."""
    with servers.openssl(files, *arguments) as port:
        seen = scanned(port, "tls").seen(TlsResumption)
    assert ways(seen) == by
    assert lifetimes(seen) == seconds


@pytest.mark.parametrize("arguments", [(), ("--noticket",)])
def test_gnutls(arguments: tuple[str, ...], files: Files) -> None:
    """GnuTLS gives tickets, and none when told so, in every version."""
    port = servers.free_port()
    command = ["gnutls-serv", "--quiet", "--http", f"--port={port}", f"--x509certfile={files[0]}"]
    with servers.running([*command, f"--x509keyfile={files[1]}", *arguments], port):
        seen = scanned(port).seen(TlsResumption)
    assert (seen.by_ticket.value, seen.by_psk.value) == ((False, False) if arguments else (True, True))
    assert all(each is None if arguments else each for each in lifetimes(seen))


def test_declined_sessions_are_left_at_the_hello(files: Files, tmp_path: Path) -> None:
    """Where no ticket can come, what a server of TLS 1.2 begins in full is no resumption, and is not gone on with."""
    with servers.nginx(tmp_path, f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]};") as port:
        scan = scanned(port)
    *_, full, first, second = Visits.parse(scan.output.raw[0].data).made
    assert (full.tickets, full.by, full.stands, full.declined, full.identified) == (False, None, True, False, True)
    for visit in (first, second):
        assert (visit.by, visit.declined, visit.stands, visit.cause) == (By.IDENTIFIER, True, False, None)
        assert visit.version is TlsVersion.TLS_1_2
    assert scan.seen(TlsResumption).by_session_id.seen is False
    *_, whole, one, other = (entry.received for entry in scan.ledger)
    assert max(one, other) < whole, "the first flight, and no more"


def test_who_declines_once_may_resume_the_next_time(files: Files, tmp_path: Path) -> None:
    """One full handshake may be the answer of another machine behind the same address; its ticket counts as well."""
    common = f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; ssl_protocols TLSv1.2;"
    with (
        servers.nginx(tmp_path, common) as one,
        servers.nginx(tmp_path, f"{common} ssl_session_timeout 7d;") as other,
    ):
        # What connects while the gateway is open is stopped: the lines to the machines are there before.
        lines = [socket.create_connection((servers.ADDRESS, each)) for each in (one, other, one, one, one, one)]
        left = iter(lines)

        def answer(client: socket.socket) -> None:
            with next(left) as line:
                servers.join(client, line)

        with servers.answering(answer) as port:
            scan = scanned(port)
        for line in lines:
            line.close()
    made = Visits.parse(scan.output.raw[0].data).made
    assert [(visit.by, visit.stands, visit.resumed, visit.lifetimes) for visit in made[:3]] == [
        (None, True, False, (300,)),
        (By.TICKET, True, False, (WEEK,)),
        (By.TICKET, True, True, ()),
    ]
    seen = scan.seen(TlsResumption)
    assert (seen.by_ticket.seen, seen.ticket_seconds.seen) == (True, WEEK)


# --- other clients, same server ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", ["5m", "7d"])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_lifetimes_agree_with_openssl(timeout: str, version: str, files: Files, tmp_path: Path) -> None:
    """OpenSSL's client was promised the same lifetime, and comes back by the same way."""
    directives = f"ssl_protocols TLSv1.2 TLSv1.3; ssl_session_timeout {timeout};"
    kept = tmp_path / "session.pem"
    client = ["openssl", "s_client", "-servername", "www.example.vn", version, "-ign_eof"]
    ask = b"HEAD / HTTP/1.1\r\nHost: www.example.vn\r\nConnection: close\r\n\r\n"
    with servers.nginx(tmp_path, f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; {directives}") as port:
        seen = scanned(port).seen(TlsResumption)
        where = ("-connect", f"127.0.0.1:{port}")
        subprocess.run([*client, *where, "-sess_out", kept], input=ask, capture_output=True, check=True, timeout=20)
        again = subprocess.run(
            [*client, *where, "-sess_in", kept], input=ask, capture_output=True, check=True, timeout=20
        )
    told = subprocess.run(["openssl", "sess_id", "-in", kept, "-noout", "-text"], capture_output=True, check=True)
    hint = re.search(rb"lifetime hint: (\d+)", told.stdout)
    assert hint is not None
    older = version == "-tls1_2"
    assert int(hint[1]) == (seen.ticket_seconds if older else seen.psk_seconds).value
    assert (b"Reused, TLSv1." in again.stdout) is (seen.by_ticket if older else seen.by_psk).value


@pytest.mark.parametrize("cache", ["shared:s:1m", "none"])
def test_identifiers_agree_with_openssl(cache: str, files: Files, tmp_path: Path) -> None:
    """OpenSSL's client reconnects by the identifier where that is seen to be possible, and only there."""
    directives = f"ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache {cache};"
    with servers.nginx(tmp_path, f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; {directives}") as port:
        seen = scanned(port).seen(TlsResumption)
        client = ("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-no_ticket", "-reconnect")
        told = subprocess.run(client, input=b"", capture_output=True, check=True, timeout=20).stdout
    assert (b"Reused, TLSv1.2" in told) is seen.by_session_id.value is (cache != "none")


@pytest.mark.parametrize("directives", ["ssl_session_cache shared:s:1m;", "", "ssl_session_tickets off;"])
def test_ways_agree_with_sslyze(directives: str, files: Files, tmp_path: Path) -> None:
    """sslyze, which asks over twenty times, finds the same ways of resuming."""
    from sslyze.plugins.session_resumption.implementation import TlsResumptionSupportEnum as Support

    with servers.nginx(
        tmp_path,
        f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; ssl_protocols TLSv1.2; {directives}",
    ) as port:
        seen = scanned(port).seen(TlsResumption)
        result = _by_sslyze(port)
    assert (result.session_id_resumption_result is Support.FULLY_SUPPORTED) is seen.by_session_id.value
    assert (result.tls_ticket_resumption_result is Support.FULLY_SUPPORTED) is seen.by_ticket.value


def _by_sslyze(port: int):  # type: ignore[no-untyped-def]
    from sslyze import ScanCommand, Scanner, ServerNetworkLocation, ServerScanRequest

    scanner = Scanner()
    place = ServerNetworkLocation("www.example.vn", port, ip_address="127.0.0.1")
    scanner.queue_scans([ServerScanRequest(place, scan_commands={ScanCommand.SESSION_RESUMPTION})])
    (done,) = scanner.get_results()
    assert done.scan_result is not None
    return done.scan_result.session_resumption.result


# --- what is not an answer --------------------------------------------------------------------------------------------


def test_the_longest_ticket_counts(files: Files) -> None:
    """Of tickets that last differently the longest is kept, wherever it stands."""
    for given in ((300, WEEK, 60), (WEEK, 300)):
        with servers.answering(ticketing(files, *given)) as port:
            seen = scanned(port).seen(TlsResumption)
        assert seen.psk_seconds.seen == WEEK


def test_many_tickets(files: Files) -> None:
    """A server that gives tickets without measure is heard, and only the first few and the longest are kept."""
    with servers.answering(ticketing(files, *(300,) * 30, WEEK, *(60,) * 30)) as port:
        scan = scanned(port)
    assert scan.seen(TlsResumption).psk_seconds.seen == WEEK
    assert len(scan.output.raw[0].data) < 3000


def test_ticket_beyond_the_protocol(files: Files) -> None:
    """A lifetime beyond what TLS 1.3 allows is told as it was given."""
    with servers.answering(ticketing(files, 864_000)) as port:
        assert scanned(port).seen(TlsResumption).psk_seconds.seen == 864_000


def test_lifetime_left_to_the_client(files: Files) -> None:
    """A hint of 0 is told from no ticket."""
    with servers.answering(ticketing(files, 0, version=TLS_1_2)) as port:
        seen = scanned(port).seen(TlsResumption)
    assert lifetimes(seen) == (0, None)
    assert seen.by_ticket.seen is True


def test_silence_after_the_handshake_is_not_the_absence_of_tickets(files: Files) -> None:
    """Where a server of TLS 1.3 gives no ticket in time, and does not say that it is done, nothing is known of them."""
    with servers.answering(ticketing(files, deaf=True)) as port:
        seen = scanned(port, seconds=1).seen(TlsResumption)
    assert seen.psk_seconds.unseen is Cause.TIMEOUT
    assert seen.by_psk.unseen is Cause.TIMEOUT
    assert (seen.by_ticket.seen, seen.ticket_seconds.is_seen) == (False, True)


def test_end_without_a_word_is_not_the_absence_of_tickets(files: Files) -> None:
    """A server of TLS 1.3 that just ends the connection may give tickets to those whom it answers."""
    with servers.answering(ticketing(files, curt=True)) as port:
        seen = scanned(port).seen(TlsResumption)
    assert (seen.psk_seconds.unseen, seen.by_psk.unseen) == (Cause.AMBIGUOUS, Cause.AMBIGUOUS)


def test_silence_about_older_versions(files: Files) -> None:
    """Who never answers an older hello has not said that there are no tickets for it."""
    modern = ticketing(files, 300)

    def answer(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        (modern if _LISTS_TLS_1_3.search(hello) else servers.silent)(connection)

    with servers.answering(answer) as port:
        seen = scanned(port, seconds=1).seen(TlsResumption)
    assert (seen.by_psk.seen, seen.psk_seconds.seen) == (True, 300)
    for answer in (seen.by_ticket, seen.by_session_id, seen.ticket_seconds):
        assert not answer.is_seen
    assert seen.ticket_seconds.unseen is Cause.TIMEOUT


def test_certificate_wanted_of_the_client(files: Files) -> None:
    """A server that sends an anonymous client away has not shown its tickets."""
    with servers.openssl(files, "-Verify", "1", "-tls1_3") as port:
        seen = scanned(port, "tls").seen(TlsResumption)
    assert seen.psk_seconds.unseen is Cause.PROTOCOL_ERROR


def test_intolerance_of_tls_1_3(files: Files) -> None:
    """Of a server that hangs at a hello of TLS 1.3 the older versions are seen, and TLS 1.3 is not."""
    older = ticketing(files, 300, version=TLS_1_2)

    def answer(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        (servers.silent if _LISTS_TLS_1_3.search(hello) else older)(connection)

    with servers.answering(answer) as port:
        seen = scanned(port, seconds=1).seen(TlsResumption)
    assert (seen.by_ticket.seen, seen.ticket_seconds.seen) == (True, 300)
    assert (seen.by_psk.unseen, seen.psk_seconds.unseen) == (Cause.TIMEOUT, Cause.TIMEOUT)


def test_intolerance_of_long_hellos(files: Files) -> None:
    """Hellos are such as old servers bear: no more than 64 suites, and none of 256 to 511 bytes (RFC 7685)."""
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
        (servers.garbage, Cause.PROTOCOL_ERROR),
        (_endlessly(b"\x15\x03\x03\x00\x02\x01\x5a"), Cause.PROTOCOL_ERROR),
        (_endlessly(b"\x16\x03\x03\x40\x00" + bytes(16_384)), Cause.PROTOCOL_ERROR),
        (_dripping, Cause.TIMEOUT),
    ],
)
def test_no_tls_is_trouble(answer: servers.Answer, cause: Cause) -> None:
    """Whoever speaks no TLS gives no observation, but its trouble, and is soon left alone."""
    with servers.answering(answer) as port:
        scan = scanned(port, seconds=1)
    assert scan.facts is None
    assert scan.failure is not None
    assert scan.failure.cause is cause
    assert len(scan.ledger) <= 4


def test_refused_port() -> None:
    """A port where nobody listens is refused, once."""
    scan = scanned(servers.free_port())
    assert scan.failure is not None
    assert scan.failure.cause is Cause.REFUSED


# --- one scan as a whole ----------------------------------------------------------------------------------------------


def test_every_scheme_of_tls_is_looked_at() -> None:
    """Resumption is asked about wherever TLS is spoken."""
    assert {"https", "tls", *(scheme.name for scheme in SCHEMES)} == {each.name for each in tls_resumption.schemes}


@pytest.mark.parametrize("scheme", SCRIPTS)
def test_inside_starttls(scheme: str, files: Files) -> None:
    """Tickets are seen inside every protocol of lines, whose parting word makes the server speak."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    with servers.answering(speaking(SCRIPTS[scheme], context)) as port:
        seen = scanned(port, scheme).seen(TlsResumption)
    assert lifetimes(seen) == (7200, 7200)
    assert (seen.by_ticket.seen, seen.by_psk.seen) == (True, True)


def test_nothing_secret_is_kept(files: Files) -> None:
    """Neither tickets nor identifiers stand in the raw bytes: they say how long and whether, and nothing else."""
    with servers.openssl(files) as port:
        scan = scanned(port, "tls")
    (raw,) = scan.output.raw
    assert not re.search(rb"[0-9a-fA-F]{32}", raw.data)
    assert len(raw.data) < 3000


def test_reading_again_gives_the_same_bytes(files: Files) -> None:
    """The same raw bytes read twice give the same facts, byte for byte."""
    with servers.openssl(files) as port:
        scan = scanned(port, "tls")
    facts = scan.seen(TlsResumption)
    again = read(scan.output, ParseContext(scan.target.subject, now()))
    assert TlsResumption.parse(facts.canonical()) == again == facts
    assert TlsVersion.TLS_1_3.value.encode() in scan.output.raw[0].data
