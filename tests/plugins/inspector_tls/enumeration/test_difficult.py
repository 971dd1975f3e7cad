"""Intolerant, slow and hostile servers: what they support is seen, the rest is unseen, and the enumeration ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import Answer, Cause
from inspector_tls.enumeration.hello_profiles import common_suites
from inspector_tls.enumeration.scheduler import AT_ONCE
from inspector_tls.enumeration.transcript import Purpose
from inspector_tls.observations import Offer, Tls
from inspector_tls.wire.client_hello import decode
from inspector_tls.wire.versions import TlsVersion
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key
from tests.plugins.inspector_tls.enumeration.scanning import HOST, enumerate_port
from tests.plugins.inspector_tls.enumeration.simulated import Server

RESPONDERS = Path(__file__).with_name("responders.py")


#: Seconds for an answer where a server is silent about some hellos, and answers others.
WITH_SILENCE = 3


def _seconds(kind: str) -> int:
    """Seconds for an answer of this responder, of which only those that drop hellos leave one out."""
    return WITH_SILENCE if kind.startswith("drops-") else 10


@contextlib.contextmanager
def responder(kind: str, backend: int | None = None) -> Iterator[int]:
    """A difficult server, in front of another or by itself."""
    port = servers.free_port()
    behind = () if backend is None else (str(backend),)
    with servers.running((sys.executable, RESPONDERS, kind, str(port), *behind), port) as listening:
        yield listening


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real server of TLS 1.0 to 1.3."""
    folder = tmp_path_factory.mktemp("backend")
    certificate, key = issue(HOST, key=rsa_key(), dns=[HOST]).write(folder, "rsa")
    directives = (
        f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;"
        "ssl_ciphers ECDHE+AESGCM:AES128-SHA:DHE-RSA-CAMELLIA128-SHA:@SECLEVEL=0;"
    )
    with servers.nginx(folder, directives) as port:
        yield port


@pytest.fixture(scope="module")
def plain(backend: int) -> Tls:
    """What is seen of it directly."""
    return enumerate_port(backend)[0]


def offers(facts: Tls) -> dict[str, tuple[set[str], Answer[bool]]]:
    """Everything that was accepted, whatever the order."""
    found: dict[str, Offer] = {each.version.value: each.suites for each in facts.versions.each}
    found |= {"groups": facts.groups, "curves": facts.curves, "signatures": facts.signatures}
    return {name: (set(offer.accepted), offer.complete) for name, offer in found.items()}


@pytest.mark.parametrize("kind", ["refuses-many", "fails-on-many", "truncates"])
def test_a_server_that_fails_on_many_suites_is_asked_in_short_lists(kind: str, backend: int, plain: Tls) -> None:
    """However a server fails on more than 128 suites, all its suites are found, and the intolerance is named."""
    with responder(kind, backend) as port:
        facts, _ = enumerate_port(port)
    assert offers(facts) == offers(plain)
    assert facts.tolerance.many_suites.seen is False
    assert facts.tolerance.unknown_values.seen


@pytest.mark.parametrize("kind", ["drops-long", "resets-long"])
def test_a_server_that_drops_long_hellos_is_asked_with_small_ones(kind: str, backend: int, plain: Tls) -> None:
    """A server that loses hellos of more than 512 bytes is distinguished from one that refuses."""
    with responder(kind, backend) as port:
        facts, _ = enumerate_port(port, seconds=_seconds(kind), extra=False)
    seen = offers(facts)
    for name, expected in offers(plain).items():
        if name != "signatures":
            assert seen[name] == expected, name
    assert facts.tolerance.many_suites.seen is False


@pytest.mark.parametrize("kind", ["drops-long", "resets-long"])
def test_groups_of_a_server_that_prefers_a_hybrid_one(kind: str, tmp_path: Path) -> None:
    """Where long hellos are lost, all groups of a server are seen that chooses one without a share in the hello."""
    files = issue(HOST, key=rsa_key(), dns=[HOST]).write(tmp_path, "rsa")
    with servers.node(tmp_path, files, "minVersion: 'TLSv1.3'") as behind, responder(kind, behind) as port:
        facts, transcript = enumerate_port(port, seconds=_seconds(kind), extra=False)
    assert facts.groups.complete.seen
    assert {"X25519MLKEM768", "x25519", "secp256r1", "secp384r1", "x448", "ffdhe2048"} <= set(facts.groups.accepted)
    assert max(len(each.sent) for each in transcript.exchanges if each.purpose is Purpose.GROUPS) < 512


@pytest.mark.parametrize("kind", ["fragments", "coalesces", "warns-first"])
def test_unusual_but_valid_answers_make_no_difference(kind: str, backend: int, plain: Tls) -> None:
    """Records of one byte, all messages in one record, a warning before the hello: the same is seen."""
    with responder(kind, backend) as port:
        facts, _ = enumerate_port(port)
    assert offers(facts) == offers(plain)
    assert facts.served == plain.served


@pytest.mark.parametrize(
    ("kind", "field"),
    [("refuses-grease", "unknown_values"), ("refuses-future", "future_version"), ("drops-two-kilobytes", "long_hello")],
)
def test_intolerance_is_named(kind: str, field: str, backend: int, plain: Tls) -> None:
    """Intolerance of values that a server must ignore is found, and nothing else changes."""
    with responder(kind, backend) as port:
        facts, _ = enumerate_port(port, seconds=_seconds(kind))
    expected = plain.tolerance.model_copy(update={field: type(getattr(plain.tolerance, field))(seen=False)})
    assert facts.tolerance == expected
    assert offers(facts) == offers(plain)


def test_a_version_without_an_answer_is_unseen(backend: int, plain: Tls) -> None:
    """A timeout about TLS 1.1 is no refusal of TLS 1.1, and changes nothing else."""
    with responder("no-answer-about-tls-1-1", backend) as port:
        facts, _ = enumerate_port(port, seconds=WITH_SILENCE, extra=False)
    assert facts[TlsVersion.TLS_1_1].accepted == Answer(unseen=Cause.TIMEOUT)
    assert facts[TlsVersion.TLS_1_2].suites == plain[TlsVersion.TLS_1_2].suites
    assert ("whether TLSv1.1 is accepted", Cause.TIMEOUT) in facts.gaps


def test_an_unknown_version_is_parsed_again_with_the_same_result() -> None:
    """The facts of an old server that drops hellos of newer versions are the same when the bytes are parsed again."""
    server = Server(suites={TlsVersion.TLS_1_0: common_suites(TlsVersion.TLS_1_0)[-4:]})

    def old(connection: servers.socket.socket) -> None:
        data = connection.recv(65_536)
        if data[9:11] == b"\x03\x03":
            connection.recv(1)
        elif data[9:11] == b"\x03\x99":
            connection.sendall(server.answer(decode(data), TlsVersion.TLS_1_0))
        else:
            connection.sendall(server(data))

    with servers.answering(old) as port:
        facts, _ = enumerate_port(port, seconds=WITH_SILENCE)
    assert facts[TlsVersion.TLS_1_0].accepted.seen
    assert facts[TlsVersion.TLS_1_2].accepted.unseen is Cause.TIMEOUT
    assert facts.tolerance.future_version.seen


def test_closed_concurrent_connections_are_no_refusals(backend: int, plain: Tls) -> None:
    """A server that accepts one connection at a time is asked again on a single one, and is enumerated completely."""
    with responder("one-at-a-time", backend) as port:
        facts, _ = enumerate_port(port, extra=False)
    for version in TlsVersion:
        assert facts[version].accepted == plain[version].accepted
        assert set(facts[version].suites.accepted) == set(plain[version].suites.accepted)


ALONE = {
    "slowly": {Cause.TIMEOUT},
    "no-answer": {Cause.TIMEOUT},
    "resets": {Cause.RESET},
    "resets-at-every-step": {Cause.RESET},
    "http": {Cause.PROTOCOL_ERROR},
    "noise": {Cause.PROTOCOL_ERROR},
    "empty-records": {Cause.PROTOCOL_ERROR},
    "alert-storm": {Cause.PROTOCOL_ERROR},
}


@pytest.mark.parametrize("kind", ALONE)
def test_a_server_without_a_tls_answer_is_unseen(kind: str, backend: int) -> None:
    """A server that never sends a hello refuses nothing: every version is unseen with its cause, after a few tries."""
    with responder(kind, backend if kind == "slowly" else None) as port:
        facts, transcript = enumerate_port(port, seconds=1 if ALONE[kind] == {Cause.TIMEOUT} else 10)
    assert {each.accepted.unseen for each in facts.versions.each} == ALONE[kind]
    assert transcript.connections <= 6 + AT_ONCE
    assert facts.gaps


@pytest.mark.parametrize("kind", ["endless-record", "oversized-certificate", "wrong-lengths"])
def test_a_hostile_flight_is_cut_off(kind: str) -> None:
    """Endless records, an oversized certificate, wrong lengths: the enumeration ends, without false completeness."""
    with responder(kind) as port:
        facts, transcript = enumerate_port(port)
    assert transcript.connections < 60
    assert sum(len(each.received) for each in transcript.exchanges) < 8_000_000
    assert facts[TlsVersion.TLS_1_2].accepted.seen
    assert not facts[TlsVersion.TLS_1_2].suites.complete.is_seen
    assert not facts.served


def test_facts_beyond_the_most_connections_are_unseen(backend: int) -> None:
    """After the most connections, questions not asked are unseen, and facts seen so far are kept."""
    facts, transcript = enumerate_port(backend, most=12)
    assert transcript.connections == 12
    assert facts[TlsVersion.TLS_1_2].accepted.seen
    assert facts[TlsVersion.TLS_1_2].suites.complete.unseen is not None
    assert facts[TlsVersion.TLS_1_2].suites.open


def test_a_closed_port_is_refused() -> None:
    """On a closed port every version is unseen because the connection is refused."""
    facts, transcript = enumerate_port(servers.free_port())
    assert {each.accepted.unseen for each in facts.versions.each} == {Cause.REFUSED}
    assert transcript.connections <= 6 + AT_ONCE
