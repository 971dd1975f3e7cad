"""An estate of many addresses with planted differences: the whole line reports all of them, and nothing else.

``ESTATE_HOSTS=1000 python -m pytest tests/line/test_estate.py`` makes a larger one.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pytest

from tests.line.harness import Line, RunResult, authorisation, document, network, system

HOSTS = int(os.environ.get("ESTATE_HOSTS", "64"))
RATES = {"connections_per_second": 100, "burst": 100, "at_once": 20, "port_questions_per_second": 500}
#: Listens on each "ADDRESS PORT" of standard input, accepts, and closes.
_LISTEN = """
import selectors, socket, sys
waiting = selectors.DefaultSelector()
for line in sys.stdin:
    address, port = line.split()
    is_six = ":" in address
    listener = socket.socket(socket.AF_INET6 if is_six else socket.AF_INET)
    listener.setsockopt(*(socket.IPPROTO_IPV6, 78) if is_six else (socket.IPPROTO_IP, 15), 1)  # FREEBIND: ip(7)
    listener.bind((address, int(port)))
    listener.listen(64)
    waiting.register(listener, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in waiting.select():
        key.fileobj.accept()[0].close()
"""
#: Everything to the estate is local; counted are the questions to it, and those to anywhere else.
_NETWORK = (
    "ip link set lo up",
    "ip route add local 10.77.0.0/16 dev lo",
    "ip -6 route add local fd77::/64 dev lo",
)
_RULES = """
table inet estate {
  counter asked {}
  counter strayed {}
  chain filter {
    type filter hook output priority 0;
    tcp flags & (syn | ack) == syn ip daddr 10.77.0.0/16 counter name asked
    tcp flags & (syn | ack) == syn ip6 daddr fd77::/64 counter name asked
    ip daddr != {10.77.0.0/16, 127.0.0.0/8} counter name strayed
    ip6 daddr != {fd77::/64, ::1} meta l4proto {tcp, udp} counter name strayed
    FIREWALLED
  }
  chain redirection {
    type nat hook output priority -100;
    REDIRECTED
  }
}
"""


@dataclass
class Host:
    """One address: what is declared of it, and what listens there."""

    address: str
    declared: set[int] = field(default_factory=lambda: {443})
    listening: set[int] = field(default_factory=lambda: {443})
    level: int = 3


@dataclass
class Estate:
    """The hosts, and what the line should say about them."""

    hosts: list[Host]
    undeclared: dict[str, set[int]]
    absent: dict[str, set[int]]
    unclear: set[str]
    firewalled: dict[str, tuple[int, str]]


def _address(number: int) -> str:
    return f"10.77.{number >> 8}.{number & 255}" if number % 4 else f"fd77::{number:x}"


def planted(count: int) -> Estate:
    """An estate in which every fifth host differs, each in another way in turn."""
    hosts = [Host(_address(number), level=1 + number % 3) for number in range(1, count + 1)]
    estate = Estate(hosts, {}, {}, set(), {})
    for place, host in enumerate(hosts[::5]):
        match place % 10:
            case 0:  # a database that nobody declared
                host.listening.add(3306)
                estate.undeclared[host.address] = {3306}
            case 1:  # a declared service that is not there
                host.declared.add(8443)
                estate.absent[host.address] = {8443}
            case 2:  # a port among the thousand most common ones, where the level asks these
                host.listening.add(16992)
                host.level = 3
                estate.undeclared[host.address] = {16992}
            case 3:  # every port accepts: a SYN proxy
                estate.unclear.add(host.address)
            case 4:  # an undeclared service behind a firewall that drops
                host.listening.add(5432)
                estate.firewalled[host.address] = 5432, "drop"
            case 5:  # declared, and behind a firewall that drops: nobody can tell
                host.declared.add(8080)
                estate.firewalled[host.address] = 8080, "drop"
                estate.unclear.add(host.address)
            case 6:  # the same, and the firewall says so
                host.declared.add(8080)
                host.listening.add(8080)
                estate.firewalled[host.address] = 8080, "reject with icmpx type admin-prohibited"
                estate.unclear.add(host.address)
            case 7:  # the firewall answers in the name of the host: the service is not there for this vantage
                host.declared.add(8080)
                host.listening.add(8080)
                estate.firewalled[host.address] = 8080, "reject with tcp reset"
                estate.absent[host.address] = {8080}
            case 8:  # and an undeclared service that it hides
                host.listening.add(6379)
                estate.firewalled[host.address] = 6379, "reject with tcp reset"
            case _:  # beyond the ports of the level: not selected
                host.listening.add(61234)
    return estate


def _at(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _rules(estate: Estate) -> str:
    family = {True: "ip6", False: "ip"}
    proxied = estate.unclear - estate.firewalled.keys()
    redirected = [
        f"{family[':' in each]} daddr {each} tcp dport 1-65535 dnat {family[':' in each]} to {_at(each)}:443"
        for each in sorted(proxied)
    ]
    firewalled = [
        f"{family[':' in at]} daddr {at} tcp dport {port} {what}" for at, (port, what) in estate.firewalled.items()
    ]
    text = _RULES.replace("    ip daddr @PROXIED tcp dport 1-65535 accept\n", "")
    return text.replace("FIREWALLED", "\n    ".join(firewalled)).replace("REDIRECTED", "\n    ".join(redirected))


def _inside(wrap: Sequence[str], *command: str, given: str = "") -> str:
    done = subprocess.run([*wrap, *command], input=given, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def estate() -> Estate:
    """The estate."""
    return planted(HOSTS)


@dataclass(frozen=True)
class Inspected:
    """What the line says, and the questions that were counted in the network."""

    result: RunResult
    asked: int
    strayed: int


@pytest.fixture(scope="module")
def inspected(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Inspected:
    """One run over all systems, of four hosts each."""
    line = Line(tmp_path_factory.mktemp("estate"))
    systems = [
        system(
            *(f"host:{each.address}" for each in group),
            id=f"system-{number}",
            level=group[0].level,
            hosts=[
                {"name": each.address, "ports": [f"{port}/tcp" for port in sorted(each.declared)]} for each in group
            ],
        )
        for number, group in enumerate(_groups(estate.hosts))
    ]
    declaration = document(
        line.folder / "declaration.yaml", {"organisation": {"code": "T-1", "name": "Cơ quan"}, "systems": systems}
    )
    granted = document(
        line.folder / "authorisation.yaml",
        authorisation(covers={"blocks": ["10.77.0.0/16", "fd77::/64"]}, rates=RATES),
    )
    listening = "".join(f"{host.address} {port}\n" for host in estate.hosts for port in sorted(host.listening))
    with network(*_NETWORK) as wrap:
        _inside(wrap, "nft", "-f", "-", given=_rules(estate))
        servers = subprocess.Popen(
            [*wrap, sys.executable, "-c", _LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert servers.stdin is not None
        assert servers.stdout is not None
        try:
            servers.stdin.write(listening)
            servers.stdin.close()
            assert servers.stdout.readline() == "ready\n"
            checks = ("--only", "ports-only-declared", "--only", "declared-ports-open")
            result = line.spawn("run", declaration, "-a", granted, *checks, wrap=wrap)
            counters = json.loads(_inside(wrap, "nft", "-j", "list", "counters"))["nftables"]
        finally:
            servers.kill()
            servers.wait()
            servers.stdout.close()
    counted = {each["counter"]["name"]: each["counter"]["packets"] for each in counters if "counter" in each}
    return Inspected(result, counted["asked"], counted["strayed"])


def _groups(hosts: Sequence[Host]) -> Iterator[tuple[Host, ...]]:
    """Hosts of one level, four to a system."""
    for level in sorted({each.level for each in hosts}):
        rest = iter([each for each in hosts if each.level == level])
        while group := tuple(islice(rest, 4)):
            yield group


def _failed(inspected: Inspected, check: str) -> dict[str, set[int]]:
    return {
        each["address"]: {int(port) for port in re.findall(r"\b(\d+)/tcp", json.dumps(each["measured"]))}
        for each in inspected.result.findings
        if each["check"] == check and each["outcome"] == "fail"
    }


def test_every_undeclared_service_is_reported_and_no_other(estate: Estate, inspected: Inspected) -> None:
    """By address and port, over IPv4 and IPv6."""
    assert _failed(inspected, "ports-only-declared") == estate.undeclared
    assert any(":" in each for each in (*estate.undeclared, *estate.absent))


def test_every_declared_service_that_is_absent_is_reported_and_no_other(estate: Estate, inspected: Inspected) -> None:
    """A service that a firewall may hide is not called absent."""
    assert _failed(inspected, "declared-ports-open") == estate.absent


def test_what_cannot_be_told_is_inconclusive_and_the_rest_passes(estate: Estate, inspected: Inspected) -> None:
    """No host without a difference is in doubt."""
    found = {
        each["address"]: each["outcome"] for each in inspected.result.findings if each["check"] == "declared-ports-open"
    }
    assert set(found) == {each.address for each in estate.hosts}
    assert {address for address, outcome in found.items() if outcome == "inconclusive"} == estate.unclear


def test_the_ledger_has_every_question_and_none_left_the_estate(inspected: Inspected) -> None:
    """As the network counts them: sweeps and the connections that check them."""
    entries = [each for each in inspected.result.ledger if not each.infrastructure]
    listed = sum(each.questions for each in entries)
    assert inspected.strayed == 0
    assert listed <= inspected.asked <= 1.01 * listed
