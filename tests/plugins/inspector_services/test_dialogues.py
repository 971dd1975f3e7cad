"""What is asked of a port, and how often: from the ledger, and from the server's side."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from inspector import Answer, Cause, Declared, Intrusiveness
from inspector.model.declared import DeclaredPort
from inspector.testing import ProbeRun, run_probe
from inspector_services.declared_services import declared_services
from inspector_services.identification import MAX_CONNECTIONS, banners
from inspector_services.logins import anonymous_logins
from inspector_services.observations import AnonymousLogins, Banner, Banners, PortBanner, ServiceProtocol
from tests.agreement import programs
from tests.agreement.environment import ServerPlaces
from tests.plugins.inspector_services.debian_servers import started
from tests.plugins.inspector_services.scanning import AUTHORISATION, INTRUSIVE, opened
from tests.plugins.inspector_services.servers import own_address, speaking


def run(address: str, *ports: int, declared: Declared | None = None) -> ProbeRun:
    """One run of the probe about these open ports."""
    return run_probe(banners, f"host:{address}", opened(*ports), address=address, declared=declared)


@contextmanager
def recording(address: str, port: int) -> Iterator[list[bytes]]:
    """A server that says nothing; the list has what each connection sent, when it has ended."""
    heard: list[bytes] = []
    listener = socket.create_server((address, port))

    def read(client: socket.socket) -> None:
        sent = b""
        with client:
            while more := client.recv(4096):
                sent += more
        heard.append(sent)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=read, args=(client,)))
            threads[-1].start()

    threads = [threading.Thread(target=serve)]
    threads[0].start()
    try:
        yield heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join()


def test_a_silent_port_is_asked_its_own_question_then_for_tls_then_for_a_page() -> None:
    """Redis' port gets PING on the connection on which the greeting was awaited, then one TLS hello, then one GET."""
    address = own_address()
    with recording(address, 6379) as heard:
        facts = run(address, 6379).seen(Banners)
    ping, hello, page = sorted(heard, key=lambda sent: (sent[:1] == b"G", sent[:1] == b"\x16"))
    assert ping == b"PING\r\n"
    assert hello[:2] == b"\x16\x03"
    assert page.startswith(b"GET / HTTP/1.1\r\nHost: ")
    assert b"User-Agent: Inspector/" in page
    assert facts.banner_of(6379).value.protocol is ServiceProtocol.SILENT


def test_no_port_gets_more_connections_than_the_cost_says() -> None:
    """The ledger never has more connections to one port than the limit, whatever the server does."""
    address = own_address()
    habits = {2379: "silent", 3389: "rdp-optional", 6443: "leaver", 20001: "alternating", 20002: "third", 20003: "tls"}
    with speaking(address, habits), started(address, "samba-old"):
        ledger = run(address, *habits, 445).ledger
    counted = Counter(entry.port for entry in ledger)
    assert set(counted) == {*habits, 445}
    assert max(counted.values()) <= MAX_CONNECTIONS
    assert counted[3389] == 3
    assert counted[445] == 2


@pytest.mark.parametrize(("habit", "smb1"), [("smb2-only", False), ("smb2-gone", None)])
def test_a_server_that_closes_every_connection_by_now_shows_nothing_of_smb_1(habit: str, smb1: bool | None) -> None:
    """That it closes on SMB 1 says something where it still speaks SMB 2 afterwards; three connections in all."""
    address = own_address()
    with speaking(address, {445: habit}):
        ran = run(address, 445)
    smb = ran.seen(Banners).banner_of(445).value.smb
    assert smb is not None
    assert smb.smb1.seen is smb1
    assert len(ran.ledger) == 3


def test_a_declared_page_in_tls_costs_one_connection(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where TLS is declared it comes first, and the page is asked for inside."""
    place = ServerPlaces(tmp_path_factory.mktemp("nginx")).place("nginx")
    with programs.nginx("", "rsa")(place) as port:
        declared = Declared(
            host_declared=True, ports=(DeclaredPort(port=port),), endpoints_here=(f"https://h.test:{port}/",)
        )
        ran = run(place.address, port, declared=declared)
    banner = ran.seen(Banners).banner_of(port).value
    assert (banner.protocol, banner.tls, banner.cleartext) == (ServiceProtocol.HTTP, True, False)
    assert len(ran.ledger) == 1


def test_an_undeclared_page_in_tls_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    """TLS is tried before a request in cleartext, which such a server would answer, too."""
    place = ServerPlaces(tmp_path_factory.mktemp("nginx")).place("nginx")
    with programs.nginx("", "rsa")(place) as port:
        banner = run(place.address, port).seen(Banners).banner_of(port).value
    assert (banner.protocol, banner.product, banner.tls) == (ServiceProtocol.HTTP, "nginx", True)


def test_a_declaration_does_not_hide_what_the_number_suggests() -> None:
    """Redis and Docker at their own ports are identified though the declaration states a database and a page there."""
    address = own_address()
    stated = (DeclaredPort(port=6379, service="postgresql"), DeclaredPort(port=2375, service="http"))
    with started(address, "redis"), speaking(address, {2375: "docker"}):
        facts = run(address, 2375, 6379, declared=Declared(host_declared=True, ports=stated)).seen(Banners)
    protocols = [facts.banner_of(port).value.protocol for port in (2375, 6379)]
    assert protocols == [ServiceProtocol.DOCKER, ServiceProtocol.REDIS]


def test_nothing_is_asked_of_a_port_that_closes_at_once() -> None:
    """It is open and not identified: one connection, no question, no role."""
    address = own_address()
    with speaking(address, {3389: "hangup"}):
        ran = run(address, 3389)
    assert ran.seen(Banners).banner_of(3389).unseen is Cause.RESET
    assert [(entry.port, entry.sent) for entry in ran.ledger] == [(3389, 0)]


@pytest.mark.parametrize(
    ("declared", "services"),
    [
        (Declared(ports=(DeclaredPort(port=22, service="SSH"),)), {22: "ssh"}),
        (Declared(ports=(DeclaredPort(port=22, service="ssh", protocol="udp"),)), {}),
        (
            Declared(endpoints_here=("https://h.test/a", "http://[::1]:8080/", "rdp://h.test")),
            {443: "https", 8080: "http", 3389: "rdp"},
        ),
        (Declared(endpoints_here=("tls://h.test:993", "imaps://h.test:993", "tcp://h.test:1")), {993: "imaps"}),
        (Declared(ports=(DeclaredPort(port=443, service="web"),), endpoints_here=("https://h.test/",)), {443: "https"}),
    ],
)
def test_the_declared_service_of_a_port(declared: Declared, services: dict[int, str]) -> None:
    """An endpoint states the protocol of its port; the name beside a port does where no endpoint does."""
    assert dict(declared_services(declared)) == services


def test_logins_need_the_grant() -> None:
    """Without a grant for intrusive questions no packet of a log-in leaves."""
    address = own_address()
    assert anonymous_logins.intrusiveness is Intrusiveness.INTRUSIVE
    with started(address, "vsftpd-guests"):
        identified = run(address, 21).seen(Banners)
        needs = (opened(21), identified)
        tried = [
            run_probe(anonymous_logins, f"host:{address}", *needs, address=address, authorisation=each)
            for each in (AUTHORISATION, INTRUSIVE)
        ]
    refused, granted = (each.seen(AnonymousLogins).ports[0].admitted for each in tried)
    assert (refused.unseen, granted.seen) == (Cause.NOT_AUTHORISED, True)
    assert [len(each.ledger) for each in tried] == [0, 1]


@pytest.mark.parametrize(
    ("server", "admitted"),
    [("vsftpd", False), ("vsftpd-guests", True), ("vsftpd-in-tls", False), ("vsftpd-guests-in-tls", True)],
)
def test_guests_may_have_to_come_in_tls(server: str, admitted: bool) -> None:
    """A refusal in clear text is none where the server wants TLS first: the log-in is tried inside."""
    address = own_address()
    with started(address, server):
        banner = Banner(text="", protocol=ServiceProtocol.FTP)
        needs = (opened(21), Banners(ports=(PortBanner(port=21, banner=Answer[Banner](seen=banner)),)))
        ran = run_probe(anonymous_logins, f"host:{address}", *needs, address=address, authorisation=INTRUSIVE)
    assert ran.seen(AnonymousLogins).ports[0].admitted == Answer[bool](seen=admitted)


@pytest.mark.parametrize(
    ("habit", "port", "admitted"),
    [
        ("ftp-long-refusal", 21, False),
        ("ftp-cut-refusal", 21, None),
        ("ftp-full", 21, None),
        ("mqtt-in-pieces", 1883, True),
        ("mqtt-cut", 1883, None),
    ],
)
def test_a_log_in_is_judged_by_a_whole_answer(habit: str, port: int, admitted: bool | None) -> None:
    """A line of a long refusal may begin like a welcome, and an answer may come in pieces; one client too many is told
    nothing of guests.
    """
    address = own_address()
    protocol = ServiceProtocol.FTP if port == 21 else ServiceProtocol.UNKNOWN
    banner = Banner(text="", protocol=protocol)
    identified = Banners(ports=(PortBanner(port=port, banner=Answer[Banner](seen=banner)),))
    with speaking(address, {port: habit}):
        needs = (opened(port), identified)
        ran = run_probe(anonymous_logins, f"host:{address}", *needs, address=address, authorisation=INTRUSIVE)
    assert ran.seen(AnonymousLogins).ports[0].admitted.seen is admitted
