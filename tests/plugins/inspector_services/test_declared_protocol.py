"""What a port speaks beside what is declared of it: every kind of answer, hand-made, and servers that run."""

from __future__ import annotations

import pytest

from inspector import Answer, Cause, Declared, Outcome, Verdict
from inspector.model.declared import DeclaredPort
from inspector.testing import run_probe
from inspector_services.checks.declared_protocol_spoken import declared_protocol_spoken
from inspector_services.identification import MAX_PORTS, banners
from inspector_services.observations import (
    Banner,
    Banners,
    OpenPorts,
    PortBanner,
    PortGroup,
    PortState,
    ServiceProtocol,
)
from tests.plugins.inspector_services.debian_servers import started
from tests.plugins.inspector_services.scanning import opened
from tests.plugins.inspector_services.servers import own_address, speaking

PORT = 2000


def stated(service: str, port: int = PORT) -> Declared:
    """A host whose port is declared with a service."""
    return Declared(host_declared=True, ports=(DeclaredPort(port=port, service=service),))


def judged(service: str, answer: Banner | Cause) -> Verdict:
    """The verdict about one port with this answer."""
    seen = Answer[Banner](unseen=answer) if isinstance(answer, Cause) else Answer[Banner](seen=answer)
    return declared_protocol_spoken(opened(PORT), Banners(ports=(PortBanner(port=PORT, banner=seen),)), stated(service))


def spoken(name: str) -> Banner:
    """A banner: ``redis``, in TLS ``tls/redis``; the page of a product ``page of Webmin``; with a text ``http: …``."""
    protocol, _, text = name.removeprefix("tls/").partition(": ")
    in_tls = name.startswith("tls/") or protocol == "tls"
    if protocol.startswith("page of "):
        product = protocol.removeprefix("page of ")
        return Banner(text=text, protocol=ServiceProtocol.ADMINISTRATION_PAGE, product=product, tls=in_tls)
    return Banner(text=text, protocol=ServiceProtocol(protocol), tls=in_tls)


@pytest.mark.parametrize(
    ("service", "answer", "outcome"),
    [
        # TLS around what is declared is no other protocol; nor is one of which nothing inside was seen.
        ("redis", "redis", Outcome.PASS),
        ("redis", "tls/redis", Outcome.PASS),
        ("redis", "tls", Outcome.INCONCLUSIVE),
        ("http", "tls/http", Outcome.PASS),
        ("http", "tls", Outcome.INCONCLUSIVE),
        ("https", "tls", Outcome.INCONCLUSIVE),
        ("imaps", "tls", Outcome.INCONCLUSIVE),
        ("kubernetes", "tls", Outcome.INCONCLUSIVE),
        ("kubernetes", "kubernetes", Outcome.PASS),
        ("ldap", "tls/ldap", Outcome.PASS),
        ("etcd", "tls/etcd", Outcome.PASS),
        ("tls", "tls", Outcome.PASS),
        ("tls", "tls/http", Outcome.PASS),
        # What is declared in TLS and answers without.
        ("tls", "ssh", Outcome.FAIL),
        ("https", "http", Outcome.FAIL),
        ("https", "http: HTTP/1.1 400", Outcome.INCONCLUSIVE),
        ("imaps", "imap", Outcome.FAIL),
        ("submissions", "smtp", Outcome.FAIL),
        ("ftps", "ftp", Outcome.FAIL),
        ("ftps", "tls/ftp", Outcome.PASS),
        # A page belongs to what is declared, may belong to it, or is another product's.
        ("https", "tls/page of Webmin", Outcome.PASS),
        ("http", "elasticsearch", Outcome.PASS),
        ("webmin", "page of Webmin", Outcome.PASS),
        ("webmin", "tls/page of Webmin", Outcome.PASS),
        ("webmin", "tls/page of Proxmox VE", Outcome.FAIL),
        ("webmin", "tls/http", Outcome.INCONCLUSIVE),
        ("rabbitmq-management", "page of RabbitMQ", Outcome.PASS),
        ("elasticsearch", "http", Outcome.INCONCLUSIVE),
        ("elasticsearch", "tls/http", Outcome.INCONCLUSIVE),
        ("elasticsearch", "docker", Outcome.FAIL),
        ("elasticsearch", "page of phpMyAdmin", Outcome.FAIL),
        ("docker", "http", Outcome.INCONCLUSIVE),
        ("docker-tls", "http", Outcome.FAIL),
        ("winrm", "http", Outcome.INCONCLUSIVE),
        ("kibana", "http", Outcome.PASS),
        ("ipp", "http", Outcome.PASS),
        ("redis", "http", Outcome.FAIL),
        ("redis", "tls/http", Outcome.FAIL),
        ("amqp", "page of RabbitMQ", Outcome.FAIL),
        # Services that no question identifies.
        ("kerberos", "ssh", Outcome.FAIL),
        ("kerberos", "http", Outcome.INCONCLUSIVE),
        ("kerberos", "silent", Outcome.INCONCLUSIVE),
        ("mqtt-tls", "tls", Outcome.INCONCLUSIVE),
        ("mqtt-tls", "tls/http", Outcome.INCONCLUSIVE),
        ("mqtt-tls", "tls/ssh", Outcome.FAIL),
        ("mqtt-tls", "ssh", Outcome.FAIL),
        ("our own", "ssh", Outcome.NOT_APPLICABLE),
        # Nothing that tells.
        ("ssh", "silent", Outcome.INCONCLUSIVE),
        ("ssh", "unknown", Outcome.INCONCLUSIVE),
        ("tls", "silent", Outcome.INCONCLUSIVE),
        ("tls", "unknown", Outcome.INCONCLUSIVE),
        # Other names of the same protocol, and other protocols.
        ("submission", "smtp", Outcome.PASS),
        ("lmtp", "smtp", Outcome.PASS),
        ("smb", "netbios", Outcome.PASS),
        ("nfs", "rpc", Outcome.PASS),
        ("cockroachdb", "postgresql", Outcome.PASS),
        ("ssh", "telnet", Outcome.FAIL),
        ("mysql", "postgresql", Outcome.FAIL),
        ("ftp", "smtp", Outcome.FAIL),
    ],
)
def test_only_what_was_seen_is_another_protocol(service: str, answer: str, outcome: Outcome) -> None:
    """A failure needs an answer in another protocol, a pass one in the declared one; all else is inconclusive."""
    verdict = judged(service, spoken(answer))
    assert verdict.outcome is outcome
    assert verdict.cause is (Cause.AMBIGUOUS if outcome is Outcome.INCONCLUSIVE else None)


@pytest.mark.parametrize("service", ["ssh", "https", "tls", "redis", "kerberos", "webmin"])
@pytest.mark.parametrize("answer", ServiceProtocol)
def test_every_answer_has_a_verdict(service: str, answer: ServiceProtocol) -> None:
    """None of the protocols passes for a service that it is not."""
    for tls in (False, True):
        verdict = judged(service, Banner(text="", protocol=answer, product="Webmin", tls=tls))
        if answer in (ServiceProtocol.SILENT, ServiceProtocol.UNKNOWN):
            assert verdict.outcome is Outcome.INCONCLUSIVE
        if service == "ssh":
            assert (verdict.outcome is Outcome.PASS) is (answer is ServiceProtocol.SSH)


@pytest.mark.parametrize("cause", [Cause.RESET, Cause.TIMEOUT, Cause.ABORTED, Cause.UNSTABLE, Cause.BUG])
def test_a_port_that_was_not_read_is_inconclusive_with_its_cause(cause: Cause) -> None:
    """The port is named."""
    verdict = judged("ssh", cause)
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, cause)
    assert "2000/tcp (ssh)" in str(verdict.measured)


def _state(port: int, state: PortState | Cause) -> PortGroup:
    answer = Answer[PortState](unseen=state) if isinstance(state, Cause) else Answer[PortState](seen=state)
    return PortGroup(listed=str(port), state=answer)


@pytest.mark.parametrize(
    ("state", "outcome", "cause"),
    [
        (PortState.CLOSED, Outcome.PASS, None),  # declared-ports-open says so
        (PortState.FILTERED, Outcome.INCONCLUSIVE, Cause.TIMEOUT),
        (Cause.BLOCKED, Outcome.INCONCLUSIVE, Cause.BLOCKED),
        (Cause.NOT_REACHED, Outcome.INCONCLUSIVE, Cause.NOT_REACHED),
    ],
)
def test_a_port_that_may_be_open_is_no_reason_to_pass(
    state: PortState | Cause, outcome: Outcome, cause: Cause | None
) -> None:
    """Beside a port that speaks what is declared."""
    ports = OpenPorts(groups=(_state(22, PortState.OPEN), _state(PORT, state)))
    seen = Answer[Banner](seen=spoken("ssh"))
    declared = Declared(
        host_declared=True, ports=(DeclaredPort(port=22, service="ssh"), DeclaredPort(port=PORT, service="https"))
    )
    verdict = declared_protocol_spoken(ports, Banners(ports=(PortBanner(port=22, banner=seen),)), declared)
    assert (verdict.outcome, verdict.cause) == (outcome, cause)


def test_a_port_beyond_the_limit_of_ports_is_aborted() -> None:
    """Where more ports are open than are read, the declared one that was left out is named with that cause."""
    address = own_address()
    others = range(20001, 20001 + MAX_PORTS)
    declared = stated("ssh", 45000)
    ports = opened(*others, 45000)
    facts = run_probe(banners, f"host:{address}", ports, address=address, declared=declared).seen(Banners)
    verdict = declared_protocol_spoken(ports, facts, declared)
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.ABORTED)


@pytest.mark.parametrize(
    ("service", "outcome"), [("redis", Outcome.PASS), ("postgresql", Outcome.FAIL), ("tls", Outcome.PASS)]
)
def test_redis_in_tls_is_redis(service: str, outcome: Outcome) -> None:
    """Whether the declaration names the protocol, TLS, or another protocol: by a Redis that runs."""
    address = own_address()
    declared = stated(service, 6379)
    with started(address, "redis-in-tls"):
        facts = run_probe(banners, f"host:{address}", opened(6379), address=address, declared=declared).seen(Banners)
    assert declared_protocol_spoken(opened(6379), facts, declared).outcome is outcome


@pytest.mark.parametrize(
    ("habit", "service", "outcome"),
    [
        ("mongodb-page", "mongodb", Outcome.PASS),
        ("transport-page", "elasticsearch-transport", Outcome.INCONCLUSIVE),
        ("silent", "mongodb", Outcome.INCONCLUSIVE),
        ("silent", "ssh", Outcome.INCONCLUSIVE),
        ("hangup", "ssh", Outcome.INCONCLUSIVE),
        ("alternating", "ssh", Outcome.INCONCLUSIVE),
    ],
)
def test_a_page_that_says_that_this_is_no_web_server(habit: str, service: str, outcome: Outcome) -> None:
    """Some servers answer a browser so; the page is theirs. What says nothing, or two things, is no other protocol."""
    address = own_address()
    declared = stated(service)
    with speaking(address, {PORT: habit}):
        facts = run_probe(banners, f"host:{address}", opened(PORT), address=address, declared=declared).seen(Banners)
    assert declared_protocol_spoken(opened(PORT), facts, declared).outcome is outcome
