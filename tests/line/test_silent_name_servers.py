"""The whole line on zones with a name server that is silent: the failure is confirmed by a second scan."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_dns.named import ZoneSet, free_port, relay, serve, silence

FIRST, SECOND, SILENT, WITHOUT_TCP, LATE = (f"127.53.0.{number}" for number in range(1, 6))
#: The second name server of each zone; the first answers.
ZONES = {"whole": SECOND, "dead": SILENT, "tcpless": WITHOUT_TCP, "late": LATE}
CHECK = "name-servers-answer"


@contextmanager
def _udp_only(address: str, to_port: int) -> Iterator[None]:
    """A name server that answers over UDP, and over TCP accepts connections and never answers."""
    with _datagrams(address, to_port, dropped=0), socket.create_server((address, 53)):
        yield


@contextmanager
def _datagrams(address: str, to_port: int, dropped: int) -> Iterator[None]:
    """Pass datagrams to 127.0.0.1, but not the first ones."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind((address, 53))
        thread = threading.Thread(target=_pass_datagrams, args=(udp, to_port, dropped), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                udp.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _pass_datagrams(udp: socket.socket, to_port: int, dropped: int) -> None:
    with suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as onward:
        onward.settimeout(10)
        onward.connect(("127.0.0.1", to_port))
        while True:
            data, sender = udp.recvfrom(65535)
            if not data:
                return
            dropped -= 1
            if dropped < 0:
                onward.send(data)
                udp.sendto(onward.recv(65535), sender)


@contextmanager
def _late(address: str, to_port: int) -> Iterator[None]:
    """A name server that ignores its first datagram and its first connection, and answers from then on."""
    with socket.create_server((address, 53)) as tcp, _datagrams(address, to_port, dropped=1):
        held: list[socket.socket] = []
        thread = threading.Thread(target=_pass_connections, args=(tcp, to_port, held), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                tcp.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for each in held:
                each.close()


def _pass_connections(tcp: socket.socket, to_port: int, held: list[socket.socket]) -> None:
    with suppress(OSError):
        held.append(tcp.accept()[0])
        while True:
            client, _ = tcp.accept()
            with client, socket.create_connection(("127.0.0.1", to_port), 10) as server:
                client.settimeout(10)
                server.sendall(client.recv(65535))
                client.sendall(server.recv(65535))


@pytest.fixture(scope="module")
def result(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunResult]:
    """One run over the zones."""
    if os.geteuid() != 0:
        pytest.skip("only root may serve DNS at port 53")
    folder = tmp_path_factory.mktemp("zones")
    zones = ZoneSet(folder)
    delegations = ""
    for name, address in ZONES.items():
        servers = f"NS ns1.test.\n{{0}} NS ns-{name}.test.\n"
        zones.add(f"{name}.test", "@ " + servers.format("@"))
        delegations += f"{name} " + servers.format(name) + f"ns-{name} A {address}\n"
    zones.add("test", f"@ NS ns1.test.\nns1 A {FIRST}\n{delegations}")
    zones.add(".", f"@ NS ns1.test.\ntest. NS ns1.test.\nns1.test. A {FIRST}\n")
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(serve(folder / "named", zones.zones, port))
        for address in (FIRST, SECOND):
            stack.enter_context(relay(address, 53, port))
        stack.enter_context(silence(SILENT, 53))
        stack.enter_context(_udp_only(WITHOUT_TCP, port))
        stack.enter_context(_late(LATE, port))
        declared = line.declare(system(*(f"dns:{name}.test" for name in ZONES)))
        yield line.call("run", declared, "--only", CHECK, resolvers=[f"127.0.0.1:{port}"])


def test_a_zone_whose_servers_answer_passes(result: RunResult) -> None:
    """Servers that answer are scanned once."""
    assert result.finding(CHECK, "dns:whole.test")["outcome"] == "pass"


def test_a_dead_server_fails_and_the_second_scan_confirms_it(result: RunResult) -> None:
    """Silent over both transports in both scans, while the other server answers."""
    found = result.finding(CHECK, "dns:dead.test")
    assert (found["outcome"], found["confirmed"]) == ("fail", True)
    assert found["measured"] == [f"ns-dead.test ({SILENT}) UDP", f"ns-dead.test ({SILENT}) TCP"]
    assert _scans(found) == [1, 2]


def test_a_server_without_tcp_fails_and_the_second_scan_confirms_it(result: RunResult) -> None:
    """Only TCP is named, since the server answers over UDP."""
    found = result.finding(CHECK, "dns:tcpless.test")
    assert (found["outcome"], found["confirmed"]) == ("fail", True)
    assert found["measured"] == [f"ns-tcpless.test ({WITHOUT_TCP}) TCP"]
    assert _scans(found) == [1, 2]


def test_a_server_that_answers_the_second_scan_is_unstable(result: RunResult) -> None:
    """A server that lost the first queries and answers the second scan is no failure."""
    found = result.finding(CHECK, "dns:late.test")
    assert (found["outcome"], found["cause"], found["confirmed"]) == ("inconclusive", "unstable", None)


def _scans(found: dict[str, object]) -> list[int]:
    """The scans that a finding relies on."""
    relied = found["evidence"]
    assert isinstance(relied, list)
    return sorted({each["scan"] for each in relied})
