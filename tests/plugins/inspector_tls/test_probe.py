"""The TLS probe: inside other protocols, within its bounds, in both modes."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from inspector import Cause, Declared, ScanFailure, Subject, Target
from inspector.model.subject import SubjectKind
from inspector.testing import ProbeRun, run_probe
from inspector_tls.enumeration.probe import tls, transcript_of
from inspector_tls.enumeration.transcript import Mode, Transcript
from inspector_tls.observations import Tls, TlsVersion
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key
from tests.plugins.inspector_tls.starttls.scripted_servers import SCRIPTS, speaking

V = TlsVersion
HOST = "www.example.vn"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate with an RSA key, and the key."""
    return issue(HOST, key=rsa_key(), dns=[HOST]).write(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def context(files: tuple[Path, Path]) -> ssl.SSLContext:
    """The server's side of TLS 1.2 and 1.3."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*files)
    return made


def scanned(scheme: str, port: int, **options: object) -> ProbeRun:
    """One scan of a server."""
    return run_probe(tls, f"{scheme}://{HOST}:{port}", **{"answer_seconds": 3, **options})


def transcript(scan: ProbeRun) -> Transcript:
    """The transcript of a scan."""
    return transcript_of(scan.output)


@pytest.mark.parametrize("scheme", SCRIPTS)
def test_inside_another_protocol(scheme: str, context: ssl.SSLContext) -> None:
    """Every hello follows its own negotiation, and what is seen is what the same TLS shows without one."""
    with servers.answering(speaking(SCRIPTS[scheme], context)) as port:
        inside = scanned(scheme, port).seen(Tls)
    with servers.answering(servers.python_tls(context)) as port:
        outright = scanned("tls", port).seen(Tls)
    assert inside.versions.all.accepted == (V.TLS_1_2, V.TLS_1_3)
    assert inside.versions == outright.versions
    assert (inside.groups, inside.curves) == (outright.groups, outright.curves)


def test_a_protocol_without_tls_ends_the_scan() -> None:
    """A server that announces no TLS gets no further connection, and its answer is reported."""
    calls: list[int] = []

    def plain(connection: servers.socket.socket) -> None:
        calls.append(1)
        connection.sendall(b"220 mx.example.vn ESMTP\r\n")
        connection.recv(4096)
        connection.sendall(b"250 mx.example.vn\r\n")
        connection.recv(4096)

    with servers.answering(plain) as port, pytest.raises(ScanFailure, match="250 xx") as failure:
        scanned("smtp", port).seen(Tls)
    assert failure.value.cause is Cause.PROTOCOL_ERROR
    assert len(calls) <= 5


def test_facts_beyond_the_bound_are_unseen(context: ssl.SSLContext) -> None:
    """After the most connections, facts seen so far are kept; the rest is unseen as not selected, and in the gaps."""
    with servers.answering(servers.python_tls(context)) as port:
        whole = scanned("tls", port).seen(Tls)
        scan = scanned("tls", port, most_connections=12)
    part = scan.seen(Tls)
    assert len(scan.ledger) == 12
    assert transcript(scan).connections == 12
    accepted = part.versions.tls_1_2.suites.accepted
    assert 0 < len(accepted) < len(whole.versions.tls_1_2.suites.accepted)
    assert part.versions.tls_1_2.suites.complete.unseen is Cause.NOT_SELECTED
    assert set(part.versions.tls_1_2.suites.open) >= set(whole.versions.tls_1_2.suites.accepted) - set(accepted)
    assert {gap.cause for gap in scan.output.gaps} == {Cause.NOT_SELECTED}


def test_both_modes_see_the_same(context: ssl.SSLContext) -> None:
    """Fast mode takes more hellos and shows the same suites and groups."""
    with servers.answering(servers.python_tls(context)) as port:
        economical, fast = (scanned("tls", port, mode=mode) for mode in Mode)
    assert transcript(economical).connections < transcript(fast).connections
    for one, other in zip(economical.seen(Tls).versions.each, fast.seen(Tls).versions.each, strict=True):
        assert set(one.suites.accepted) == set(other.suites.accepted)
        assert one.suites.complete == other.suites.complete
    assert economical.seen(Tls).groups == fast.seen(Tls).groups


@pytest.mark.parametrize("mode", Mode)
def test_a_weak_server_costs_less_than_planned(mode: Mode, files: tuple[Path, Path]) -> None:
    """Even with every old version and suite a scan stays within the connections that are planned for it."""
    with servers.openssl(files, "-cipher", "ALL:eNULL:aNULL:@SECLEVEL=0") as port:
        scan = scanned("tls", port, mode=mode)
    cost = tls.cost(scan.target, {"mode": mode.value, "most_connections": None})
    assert 100 < len(scan.ledger) <= cost.connections
    assert scan.seen(Tls).gaps == ()


def test_the_plan_takes_the_bound_that_is_asked_for() -> None:
    """The cost is the mode's bound, or the one that a profile sets."""
    target = Target(Subject(kind=SubjectKind.ADDRESS, uri="tls://a:1", scheme="tls"), Declared())
    options = tls.options().model_dump(mode="json")
    assert tls.cost(target, options).connections == 300
    assert tls.cost(target, {**options, "mode": "fast"}).connections == 400
    assert tls.cost(target, {**options, "most_connections": 60}).connections == 60


def test_a_server_that_stops_answering_keeps_what_was_seen(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time of the whole scan is over, facts seen so far are kept; the rest is unseen by timeout."""
    monkeypatch.setattr("inspector_tls.enumeration.probe._ALL_SECONDS", 4)
    calls: list[int] = []
    modern = servers.python_tls(context)

    def tiring(connection: servers.socket.socket) -> None:
        calls.append(1)
        (modern if len(calls) <= 15 else servers.silent)(connection)

    with servers.answering(tiring) as port:
        scan = scanned("tls", port, answer_seconds=600)
    seen = scan.seen(Tls)
    assert seen.versions.all.accepted == (V.TLS_1_2, V.TLS_1_3)
    assert seen.versions.tls_1_2.suites.complete.unseen is Cause.TIMEOUT
    assert {gap.cause for gap in scan.output.gaps} == {Cause.TIMEOUT}
