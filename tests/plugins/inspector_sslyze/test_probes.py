"""The probes on running servers: vulnerable ones written from the RFCs, real ones, and ones that do not answer."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inspector import Answer, Cause, Probe
from inspector.model.base import now
from inspector.plugin.probe import ParseContext
from inspector.testing import ProbeRun, run_probe
from inspector_sslyze.observations import Robot, TlsAttacks, TlsSessions
from inspector_sslyze.probes import parse_attacks, tls_attacks, tls_sessions
from inspector_sslyze.results import (
    NOT_OFFERED,
    Command,
    CommandRun,
    ConnectionEnd,
    ConnectionTrace,
    Report,
    VulnerabilityJob,
)
from inspector_sslyze.verdicts import early_data, newest_attacked, settle
from inspector_sslyze.worker import MAX_ATTACK_CONNECTIONS, attack
from inspector_tls.observations import TlsVersion
from tests.agreement import simple_tls as own_tls
from tests.plugins.inspector_sslyze.heartbeats import Habit, with_heartbeats
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key
from tests.plugins.inspector_tls.resumption.ticket_servers import ticketing
from tests.plugins.inspector_tls.starttls.scripted_servers import SCRIPTS, speaking

Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """An RSA certificate and its key."""
    identity = issue("www.example.vn", dns=["www.example.vn"], key=rsa_key())
    return identity.write(tmp_path_factory.mktemp("tls"), "server")


def attacked(port: int, scheme: str = "tls", *, seconds: int = 10) -> ProbeRun:
    """The result of the intrusive probe."""
    return run_probe(tls_attacks, f"{scheme}://www.example.vn:{port}", answer_seconds=seconds)


@pytest.fixture(scope="module")
def own_files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A certificate with a short key, for speed."""
    identity = issue("www.example.vn", dns=["www.example.vn"], key=rsa_key(1024))
    return identity.write(tmp_path_factory.mktemp("own"), "server")


def own(files: Files, *flaws: str) -> servers.Answer:
    """The server of TLS 1.2 with these flaws."""
    return own_tls.serving(*files, *flaws)


# --- flawed servers ---------------------------------------------------------------------------------------------------


def test_flawed_server(own_files: Files) -> None:
    """Each vulnerability of a server that has all of them is seen."""
    flawed = with_heartbeats(own(own_files, "early-ccs", "robot", "renegotiate"), Habit.BLEEDS)
    with servers.answering(flawed) as port:
        scan = attacked(port)
    seen = scan.seen(TlsAttacks)
    assert seen.version.seen is TlsVersion.TLS_1_2
    assert (seen.heartbleed.seen, seen.ccs_injection.seen) == (True, True)
    assert seen.robot.seen in (Robot.STRONG_ORACLE, Robot.WEAK_ORACLE)
    assert (seen.renegotiations.seen or 0) > 0
    assert len(scan.ledger) <= tls_attacks.cost(scan.target, {}).connections


def test_flawed_server_behind_its_name(own_files: Files) -> None:
    """The named server is tested, not the sound one that answers where no name is sent."""
    flawed, sound = with_heartbeats(own(own_files, "early-ccs"), Habit.BLEEDS), own(own_files)

    def by_name(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        (flawed if b"www.example.vn" in hello else sound)(connection)

    with servers.answering(by_name) as port:
        seen = attacked(port).seen(TlsAttacks)
    assert (seen.heartbleed.seen, seen.ccs_injection.seen) == (True, True)


def test_server_without_flaws(own_files: Files) -> None:
    """The same server without the flaws is not vulnerable; a discarded heartbeat is distinguished from no answer."""
    with servers.answering(with_heartbeats(own(own_files), Habit.DISCARDS)) as port:
        scan = attacked(port)
    seen = scan.seen(TlsAttacks)
    assert (seen.heartbleed.seen, seen.ccs_injection.seen) == (False, False)
    assert seen.robot.seen is Robot.NO_ORACLE
    assert seen.renegotiations.seen == 0
    runs = Report.parse(scan.output.raw[0].data).runs
    assert any(trace.probed for run in runs for trace in run.traces)


def test_insecure_renegotiation(own_files: Files) -> None:
    """A server that begins a renegotiation which the client then aborts has accepted it."""
    with servers.answering(own(own_files, "renegotiate", "legacy")) as port:
        assert (attacked(port).seen(TlsAttacks).renegotiations.seen or 0) > 0


@pytest.mark.parametrize("renegotiates", [True, False])
def test_renegotiation_with_a_server_that_speaks_first(renegotiates: bool, own_files: Files) -> None:
    """A greeting, as mail servers send it inside TLS, is no answer to a renegotiation request; that follows it."""
    with servers.answering(own(own_files, "greets", *["renegotiate"] * renegotiates)) as port:
        done = attacked(port).seen(TlsAttacks).renegotiations.value
    assert (done > 0) is renegotiates


# --- what is not an answer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("habit", "cause"), [(Habit.RESETS, Cause.RESET), (Habit.FALLS_SILENT, Cause.TIMEOUT)])
def test_no_answer_is_not_secure(habit: Habit, cause: Cause, own_files: Files) -> None:
    """A server that resets the connection at a heartbeat, or stops answering, does not count as secure."""
    with servers.answering(with_heartbeats(own(own_files), habit)) as port:
        seen = attacked(port, seconds=3 if cause is Cause.TIMEOUT else 10).seen(TlsAttacks)
    assert seen.heartbleed.unseen is cause
    assert seen.ccs_injection.seen is False


def _mute_after_hello(files: Files) -> servers.Answer:
    """Sends its first flight on every connection and then nothing."""

    def answer(connection: socket.socket) -> None:
        near, far = socket.socketpair()
        threading.Thread(target=_quietly, args=(own(files), far), daemon=True).start()
        with near:
            hello = connection.recv(4096)
            # The ClientHello alone: what came with it would be answered, too, and the answer passed on.
            near.sendall(hello[: 5 + int.from_bytes(hello[3:5], "big")])
            connection.sendall(near.recv(65536))
            while connection.recv(4096):
                pass

    return answer


def _quietly(answer: servers.Answer, far: socket.socket) -> None:
    far.settimeout(10)
    with contextlib.suppress(OSError, EOFError, ValueError), far:
        answer(far)


def test_no_answer_after_the_hello_is_inconclusive(own_files: Files) -> None:
    """Where the server sends nothing after its first flight, no attack has a result."""
    with servers.answering(_mute_after_hello(own_files)) as port:
        scan = attacked(port, seconds=2)
    seen = scan.seen(TlsAttacks)
    assert seen.version.seen is TlsVersion.TLS_1_2
    for answer in (seen.heartbleed, seen.ccs_injection, seen.robot, seen.renegotiations):
        assert answer.unseen is Cause.TIMEOUT
    silent_twice = [Command.RENEGOTIATION, *[Command.HEARTBLEED] * 2, Command.CCS_INJECTION, Command.ROBOT]
    assert [run.command for run in Report.parse(scan.output.raw[0].data).runs] == silent_twice


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (servers.silent, Cause.TIMEOUT),
        (servers.resetting, Cause.RESET),
        (servers.clear_http, Cause.PROTOCOL_ERROR),
    ],
)
def test_no_tls_gives_the_failure(answer: servers.Answer, cause: Cause) -> None:
    """A server without TLS gives no observation but the failure."""
    with servers.answering(answer) as port:
        scan = attacked(port, seconds=1 if cause is Cause.TIMEOUT else 10)
    assert scan.facts is None
    assert scan.failure is not None
    assert scan.failure.cause is cause
    assert scan.output.named("report.json")


@pytest.mark.parametrize(("answer", "cause"), [(servers.silent, Cause.TIMEOUT), (servers.resetting, Cause.RESET)])
def test_no_tls_is_inconclusive_about_early_data(answer: servers.Answer, cause: Cause) -> None:
    """A server without TLS has not shown that it accepts no early data."""
    with servers.answering(answer) as port:
        seconds = 1 if cause is Cause.TIMEOUT else 10
        scan = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=seconds)
    assert scan.facts is None
    assert scan.failure is not None
    assert scan.failure.cause is cause


# --- real servers -----------------------------------------------------------------------------------------------------


def test_openssl(files: Files) -> None:
    """Current OpenSSL is not vulnerable, tested with TLS 1.2 although it has TLS 1.3."""
    with servers.openssl(files) as port:
        seen = attacked(port).seen(TlsAttacks)
    assert seen.version.seen is TlsVersion.TLS_1_2
    assert (seen.heartbleed.seen, seen.ccs_injection.seen, seen.renegotiations.seen) == (False, False, 0)
    assert seen.robot.seen is Robot.NO_ORACLE


def test_only_tls_1_3(files: Files) -> None:
    """A server that refuses every version up to TLS 1.2 by an alert has nothing to attack."""
    with servers.openssl(files, "-tls1_3") as port:
        scan = attacked(port)
    seen = scan.seen(TlsAttacks)
    assert seen.version.is_seen
    assert seen.version.seen is None
    assert not seen.heartbleed.is_seen


def test_no_rsa(files: Files) -> None:
    """A server that accepts no RSA key exchange refuses it by an alert."""
    with servers.openssl(files, "-tls1_2", "-cipher", "ECDHE") as port:
        assert attacked(port).seen(TlsAttacks).robot.seen is Robot.NO_RSA


def test_inside_starttls(files: Files) -> None:
    """Attacks are tested inside STARTTLS, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    with servers.answering(speaking(SCRIPTS["smtp"], context)) as port:
        seen = attacked(port, "smtp").seen(TlsAttacks)
    assert (seen.heartbleed.seen, seen.ccs_injection.seen) == (False, False)


@pytest.mark.parametrize("switch", ["on", "off"])
def test_early_data(switch: str, files: Files, tmp_path: Path) -> None:
    """nginx accepts early data where it is enabled, and only there."""
    directives = (
        f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; ssl_protocols TLSv1.3; ssl_early_data {switch};"
    )
    with servers.nginx(tmp_path, directives) as port:
        scan = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=10)
    assert scan.seen(TlsSessions).early_data.seen is (switch == "on")
    assert len(scan.ledger) <= tls_sessions.cost(scan.target, {}).connections


@pytest.mark.parametrize("group", ["prime256v1", "secp384r1", "X448"])
def test_early_data_after_a_second_hello(group: str, files: Files, tmp_path: Path) -> None:
    """nginx with another group than the client's first accepts early data from a client that starts with that group."""
    directives = (
        f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]};"
        f" ssl_protocols TLSv1.3; ssl_early_data on; ssl_ecdh_curve {group};"
    )
    with servers.nginx(tmp_path, directives) as port:
        scan = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=10)
    assert scan.seen(TlsSessions).early_data.seen is True


def test_no_early_data_before_tls_1_3(files: Files) -> None:
    """A server without TLS 1.3 accepts no early data."""
    with servers.openssl(files, "-tls1_2") as port:
        scan = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=10)
    assert scan.seen(TlsSessions).early_data.seen is False


def test_nothing_is_asked_twice(files: Files, tmp_path: Path) -> None:
    """A server without RSA key exchange sees a handshake for each attack, three for ROBOT, and one for early data.

    Its tickets permit no early data: nothing is resumed.
    """
    directives = f"ssl_certificate {files[0]}; ssl_certificate_key {files[1]}; ssl_ciphers ECDHE;"
    with servers.nginx(tmp_path, f"{directives} ssl_protocols TLSv1.2 TLSv1.3;") as port:
        attacks, sessions = (
            attacked(port),
            run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=10),
        )
    assert attacks.seen(TlsAttacks).robot.seen is Robot.NO_RSA
    assert len(attacks.ledger) == 6
    assert sessions.seen(TlsSessions).early_data.seen is False
    assert len(sessions.ledger) == 1
    (tried,) = Report.parse(sessions.output.named("report.json") or b"").runs
    assert (tried.result, tried.error) == (NOT_OFFERED, "")


@pytest.mark.parametrize(
    ("trace", "unseen"),
    [
        (ConnectionTrace(handshake_done=True), None),
        (ConnectionTrace(handshake_done=True, end=ConnectionEnd.CLOSED), None),
        (ConnectionTrace(handshake_done=True, end=ConnectionEnd.TIMEOUT), Cause.TIMEOUT),
        (ConnectionTrace(handshake_done=True, end=ConnectionEnd.RESET), Cause.RESET),
        (ConnectionTrace(), Cause.PROTOCOL_ERROR),
    ],
)
def test_tickets_without_early_data_count_of_a_whole_handshake_only(
    trace: ConnectionTrace, unseen: Cause | None
) -> None:
    """That no early data is permitted is known where the connection that gave the session was whole."""
    tried = CommandRun(command=Command.EARLY_DATA, version=TlsVersion.TLS_1_3, result=NOT_OFFERED, traces=(trace,))
    assert early_data(tried) == (Answer(seen=False) if unseen is None else Answer(unseen=unseen))


def _ends_after_hello(files: Files) -> servers.Answer:
    """Chooses TLS 1.3 and then ends the connection."""

    def answer(connection: socket.socket) -> None:
        near, far = socket.socketpair()
        threading.Thread(target=_quietly, args=(servers.speaking_tls(files), far), daemon=True).start()
        with near:
            near.sendall(connection.recv(4096))
            data = near.recv(65536)
            connection.sendall(data[: 5 + int.from_bytes(data[3:5], "big")])

    return answer


def test_end_after_the_hello_is_inconclusive_about_early_data(files: Files) -> None:
    """A server that chooses TLS 1.3 and gives no session to resume has not shown that it accepts no early data."""
    with servers.answering(_ends_after_hello(files)) as port:
        scan = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=10)
    assert scan.seen(TlsSessions).early_data.unseen is Cause.PROTOCOL_ERROR


def _refusing(connection: socket.socket) -> None:
    """Refuses every ClientHello by an alert: handshake_failure (RFC 8446 §6.2)."""
    connection.recv(4096)
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")


def test_hello_retry_request_is_inconclusive_about_early_data(files: Files) -> None:
    """A server that sends a HelloRetryRequest has not shown whether it accepts early data with the first hello."""
    from inspector_sslyze.sslyze_client import run

    offering = ("-tls1_3", "-max_early_data", "1024", "-www")
    with (
        servers.openssl(files, *offering) as one,
        servers.openssl(files, *offering, "-groups", "P-384") as other,
        servers.answering(servers.first_and_then(servers.passed_on(one), servers.passed_on(other))) as port,
    ):
        job = VulnerabilityJob(address=servers.ADDRESS, port=port, scheme="https", server_name="www.example.vn")
        tried = run(job, Command.EARLY_DATA, TlsVersion.TLS_1_3)
    assert settle([tried]).unseen is Cause.AMBIGUOUS


def test_refusal_of_an_old_client() -> None:
    """A refused version counts only where the client offers every suite, which sslyze's for renegotiation does not."""
    with servers.answering(servers.first_and_then(_refusing, servers.silent)) as port:
        scan = attacked(port, seconds=1)
    assert scan.failure is not None
    assert scan.failure.cause is Cause.TIMEOUT


def test_refusal_of_what_was_accepted(files: Files) -> None:
    """A server that made a TLS 1.3 handshake, timed out and then refuses it has shown nothing about early data."""
    with servers.answering(servers.first_and_then(ticketing(files, unresponsive=True), _refusing)) as port:
        scan = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=3)
    assert scan.seen(TlsSessions).early_data.unseen is Cause.UNSTABLE


@pytest.mark.parametrize("count", [5, 10])
def test_refusal_of_key_exchanges_that_were_accepted(count: int, own_files: Files) -> None:
    """A server that accepted an RSA key exchange and refuses everything afterwards does not count as one without."""
    with servers.answering(servers.first_and_then(own(own_files, "robot"), _refusing, count)) as port:
        seen = attacked(port).seen(TlsAttacks)
    assert seen.ccs_injection.seen is False
    assert seen.robot.unseen is Cause.UNSTABLE


@pytest.mark.parametrize(
    ("kinds", "drained", "refuses"),
    [((22, 23, 22), 0, False), ((22, 23, 21), 0, False), ((22, 21, 23), 0, True), ((22, 23, 21), 3, True)],
)
def test_data_in_front_of_an_answer(kinds: tuple[int, ...], drained: int, refuses: bool) -> None:
    """What arrives together with a greeting is no answer, unless the greeting was read before (made by hand)."""
    sent = [bytes((kind, 3, 3, 0, 1, 0)) for kind in (20, *kinds)]
    trace = ConnectionTrace(received=b"".join(sent), handshake_done=True, drained_bytes=len(b"".join(sent[:drained])))
    answer = settle(
        [CommandRun(command=Command.RENEGOTIATION, version=TlsVersion.TLS_1_2, result="False", traces=(trace,))]
    )
    assert (answer.seen, answer.unseen) == ((0, None) if refuses else (None, Cause.AMBIGUOUS))


def test_end_after_a_greeting(own_files: Files) -> None:
    """A server that greets and ends the connection has not answered the renegotiation request."""
    with servers.answering(own(own_files, "greets", "leaves")) as port:
        assert attacked(port).seen(TlsAttacks).renegotiations.unseen is Cause.PROTOCOL_ERROR


def test_refusal_of_everything(own_files: Files) -> None:
    """A server that refuses every hello by the time of ROBOT has not shown that it accepts no RSA key exchange."""
    with servers.answering(servers.first_and_then(own(own_files, "robot"), _refusing, 3)) as port:
        seen = attacked(port).seen(TlsAttacks)
    assert seen.ccs_injection.seen is False
    assert seen.robot.unseen is Cause.UNSTABLE


@pytest.mark.parametrize("recovers", [True, False])
def test_early_data_refused_by_an_unspecific_alert(recovers: bool, own_files: Files) -> None:
    """An alert that any ClientHello may get refuses TLS 1.3 only where an older one is accepted afterwards."""
    then = own(own_files) if recovers else _refusing
    with servers.answering(servers.first_and_then(_refusing, then)) as port:
        scan = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=10)
    early = scan.seen(TlsSessions).early_data
    assert (early.seen, early.unseen) == ((False, None) if recovers else (None, Cause.UNSTABLE))
    assert len(scan.ledger) <= tls_sessions.cost(scan.target, {}).connections


@pytest.mark.parametrize("same", [True, False])
def test_another_server_without_a_name(same: bool, own_files: Files, tmp_path: Path) -> None:
    """Where the named server resets the connection at an attack, the answer of another one does not count."""
    other = issue("www.example.com", dns=["www.example.com"], key=rsa_key(1024)).write(tmp_path, "other")
    resets, sound = with_heartbeats(own(own_files), Habit.RESETS), own(own_files if same else other)

    def by_name(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        (resets if b"www.example.vn" in hello else sound)(connection)

    with servers.answering(by_name) as port:
        heartbleed = attacked(port).seen(TlsAttacks).heartbleed
    assert heartbleed.seen is (False if same else None)
    assert heartbleed.unseen is (None if same else Cause.RESET)


@pytest.mark.parametrize("suites", ["AES128-GCM-SHA256", "AES128-SHA"])
def test_client_certificate_required(suites: str, files: Files) -> None:
    """A server with RSA key exchange that rejects clients without a certificate is neither secure nor unstable."""
    with servers.openssl(files, "-tls1_2", "-Verify", "1", "-cipher", suites) as port:
        seen = attacked(port).seen(TlsAttacks)
    assert seen.version.seen is TlsVersion.TLS_1_2
    assert seen.robot.unseen is Cause.PROTOCOL_ERROR
    assert seen.renegotiations.unseen is Cause.PROTOCOL_ERROR


# --- what only the probe's own client can connect to -----------------------------------------------------------------


def _with_long_chain(folder: Path, size: int) -> Files:
    """A certificate of about so many bytes and its key."""
    names = [f"host-{number:05}.{'x' * 40}.example.vn" for number in range(size // 60)]
    identity = issue("www.example.vn", dns=["www.example.vn", *names], key=rsa_key(1024))
    return identity.write(folder, f"long-{size}")


@pytest.mark.parametrize("size", [20_000, 90_000])
def test_long_certificate_message(size: int, tmp_path: Path) -> None:
    """Certificates that fill several records hide no attack of a sound server."""
    with servers.openssl(_with_long_chain(tmp_path, size), "-cipher", "ALL:@SECLEVEL=0") as port:
        seen = attacked(port).seen(TlsAttacks)
    assert (seen.heartbleed.seen, seen.ccs_injection.seen, seen.renegotiations.seen) == (False, False, 0)
    assert seen.robot.seen is Robot.NO_ORACLE


def test_flawed_server_with_a_long_certificate_message(tmp_path: Path) -> None:
    """Nor of a flawed one."""
    flawed = own(_with_long_chain(tmp_path, 20_000), "early-ccs", "robot", "renegotiate")
    with servers.answering(with_heartbeats(flawed, Habit.BLEEDS)) as port:
        seen = attacked(port).seen(TlsAttacks)
    assert (seen.heartbleed.seen, seen.ccs_injection.seen) == (True, True)
    assert seen.robot.seen in (Robot.STRONG_ORACLE, Robot.WEAK_ORACLE)
    assert (seen.renegotiations.seen or 0) > 0


@pytest.mark.parametrize(("suite", "robot"), [("NULL-SHA256", Robot.NO_ORACLE), ("ECDHE-RSA-NULL-SHA", Robot.NO_RSA)])
def test_server_without_encryption(suite: str, robot: Robot, files: Files) -> None:
    """A server with NULL suites only is tested, too."""
    with servers.openssl(files, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0") as port:
        seen = attacked(port).seen(TlsAttacks)
    assert (seen.heartbleed.seen, seen.ccs_injection.seen, seen.renegotiations.seen) == (False, False, 0)
    assert seen.robot.seen is robot


# --- refusals without an alert ----------------------------------------------------------------------------------------


def test_versions_refused_without_an_alert(files: Files) -> None:
    """Where a server of TLS 1.3 closes every older connection at the hello, there is nothing to attack."""
    quiet = servers.without_alerts(servers.speaking_tls(files, only=ssl.TLSVersion.TLSv1_3))
    with servers.answering(quiet) as port:
        scan = attacked(port)
    assert scan.seen(TlsAttacks).version == Answer(seen=None)
    assert len(scan.ledger) <= tls_attacks.cost(scan.target, {}).connections


def test_no_rsa_without_an_alert(files: Files) -> None:
    """A server that closes the connection at every hello with RSA key exchange only, and at no other, has none."""
    quiet = servers.without_alerts(servers.speaking_tls(files, only=ssl.TLSVersion.TLSv1_2, suites="ECDHE"))
    with servers.answering(quiet) as port:
        seen = attacked(port).seen(TlsAttacks)
    assert seen.robot.seen is Robot.NO_RSA
    assert (seen.heartbleed.seen, seen.ccs_injection.seen, seen.renegotiations.seen) == (False, False, 0)


def test_no_early_data_without_an_alert(files: Files) -> None:
    """A server that closes the connection at the hello of TLS 1.3, and accepts TLS 1.2, accepts no early data."""
    quiet = servers.without_alerts(servers.speaking_tls(files, only=ssl.TLSVersion.TLSv1_2))
    with servers.answering(quiet) as port:
        scan = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=10)
    assert scan.seen(TlsSessions).early_data.seen is False
    assert len(scan.ledger) <= tls_sessions.cost(scan.target, {}).connections


@pytest.mark.parametrize("versions", [(), ("-tls1_3",)])
def test_group_without_key_agreement(versions: tuple[str, ...], files: Files) -> None:
    """A server whose groups of TLS 1.3 sslyze lacks accepts that version, and early data cannot be tried."""
    with servers.openssl(files, *versions, "-groups", "ffdhe3072", "-cipher", "DHE") as port:
        attacks = attacked(port).seen(TlsAttacks)
        sessions = run_probe(tls_sessions, f"https://www.example.vn:{port}/", answer_seconds=10)
    assert attacks.version == Answer(seen=None if versions else TlsVersion.TLS_1_2)
    assert sessions.seen(TlsSessions).early_data.unseen is Cause.TOOL_MISSING


def test_curve_of_brainpool(files: Files) -> None:
    """A server of TLS 1.2 with a single curve, one of Brainpool, is tested."""
    with servers.openssl(files, "-tls1_2", "-cipher", "ECDHE", "-groups", "brainpoolP384r1") as port:
        seen = attacked(port).seen(TlsAttacks)
    assert (seen.heartbleed.seen, seen.ccs_injection.seen, seen.renegotiations.seen) == (False, False, 0)
    assert seen.robot.seen is Robot.NO_RSA


def _closing(connection: socket.socket) -> None:
    """Ends every connection at the ClientHello."""
    connection.recv(4096)


def test_end_of_every_connection(own_files: Files) -> None:
    """A server that closes every connection by the time of ROBOT has not shown that it accepts no RSA key exchange."""
    with servers.answering(servers.first_and_then(own(own_files, "robot"), _closing, 3)) as port:
        seen = attacked(port).seen(TlsAttacks)
    assert seen.ccs_injection.seen is False
    assert seen.robot.unseen is Cause.UNSTABLE


@pytest.mark.parametrize("probe", [tls_attacks, tls_sessions])
def test_closing_server_gives_the_failure(probe: Probe) -> None:
    """A server that closes every connection has shown neither versions nor early data."""
    with servers.answering(_closing) as port:
        scan = run_probe(probe, f"https://www.example.vn:{port}/", answer_seconds=10)
    assert scan.facts is None
    assert scan.failure is not None
    assert scan.failure.cause is Cause.PROTOCOL_ERROR
    assert len(scan.ledger) <= probe.cost(scan.target, {}).connections


# --- one scan as a whole ----------------------------------------------------------------------------------------------


def test_cost_covers_every_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost covers a server with which every command is run as often as possible."""
    made = 0

    def run(_job: VulnerabilityJob, command: Command, version: TlsVersion, *, again: bool) -> CommandRun:
        nonlocal made
        made += 21 if command is Command.ROBOT else 1
        trace = ConnectionTrace(end=ConnectionEnd.RESET)
        if command is Command.VERSION and again:
            hello = b"\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00" + bytes(36)
            trace = ConnectionTrace(received=hello if version is TlsVersion.SSL_3 else b"\x15\x03\x00\x00\x02\x02\x28")
        return CommandRun(command=command, version=version, traces=(trace,))

    monkeypatch.setattr("inspector_sslyze.sslyze_client.run", run)
    report = Report.parse(attack(VulnerabilityJob(address="127.0.0.1", port=443, scheme="tls").canonical()))
    assert newest_attacked(report.runs).seen is TlsVersion.SSL_3
    # The cost also allows for TLS 1.3, where nothing is left to attack.
    assert made == MAX_ATTACK_CONNECTIONS - 2


def test_parsing_again_gives_the_same_bytes(files: Files) -> None:
    """The same raw bytes parsed twice give the same facts, byte for byte."""
    with servers.openssl(files) as port:
        scan = attacked(port)
    facts = scan.seen(TlsAttacks)
    again = parse_attacks(scan.output, ParseContext(scan.target.subject, now()))
    assert TlsAttacks.parse(facts.canonical()) == again == facts


def test_probes_load_without_the_scanner() -> None:
    """Loading the probes does not load sslyze."""
    source = (
        "import sys, inspector_sslyze as plugin; plugin.inspector_probes();"
        " print([name for name in ('sslyze', 'nassl') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
