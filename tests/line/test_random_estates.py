"""Estates whose differences a seeded generator plants, several at a host: the line reports all of them, nothing else.

``ESTATE_SEEDS=1,2,3 python -m pytest tests/line/test_random_estates.py`` makes others.
"""

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from tests.line.harness import Line, RunResult, authorisation, document, network, system

SEEDS = [int(each) for each in os.environ.get("ESTATE_SEEDS", "20261130,57").split(",")]
HOSTS = 16
RATES = {"connections_per_second": 100, "burst": 100, "at_once": 20, "port_questions_per_second": 500}
#: What servers say by protocol; a client's first message is not answered.
GREETINGS = {
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "pop3": b"+OK POP3 ready\r\n",
    "imap": b"* OK IMAP4rev1\r\n",
    "vnc": b"RFB 003.003\n",
    "rsync": b"@RSYNCD: 31.0\n",
}
SILENT = "silent"
#: Ports that are asked at every level.
PORTS = (21, 22, 110, 143, 873, 1433, 2222, 3306, 3389, 5432, 5900, 5901, 6379, 8080, 8443, 9000, 9200, 10000, 27017)
#: Listens on each "ADDRESS PORT GREETING" (hexadecimal) of standard input, greets, and waits for the client to leave.
_SERVE = """
import asyncio, socket, sys
async def main():
    kept = []
    for line in sys.stdin:
        address, port, greeting = line.split(" ")
        is_six = ":" in address
        listener = socket.socket(socket.AF_INET6 if is_six else socket.AF_INET)
        listener.setsockopt(*(socket.IPPROTO_IPV6, 78) if is_six else (socket.IPPROTO_IP, 15), 1)  # FREEBIND: ip(7)
        listener.bind((address, int(port)))
        async def serve(reader, writer, greeting=bytes.fromhex(greeting)):
            try:
                writer.write(greeting)
                while await reader.read(4096):
                    pass
            except ConnectionError:
                pass
            writer.close()
        kept.append(await asyncio.start_server(serve, sock=listener))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
_NETWORK = (
    "ip link set lo up",
    "ip route add local 10.78.0.0/16 dev lo",
    "ip -6 route add local fd78::/64 dev lo",
)


class Firewall(StrEnum):
    """What becomes of packets to a port."""

    DROPS = "drop"
    PROHIBITS = "reject with icmpx type admin-prohibited"
    RESETS = "reject with tcp reset"


@dataclass
class Host:
    """One address: its declared ports with their protocols, what speaks there, and what a firewall does."""

    address: str
    declared: dict[int, str] = field(default_factory=dict)
    speaks: dict[int, str] = field(default_factory=dict)
    firewall: dict[int, Firewall] = field(default_factory=dict)

    @property
    def open(self) -> set[int]:
        """The ports that accept connections from here."""
        return set(self.speaks) - set(self.firewall)

    @property
    def undeclared(self) -> set[int]:
        """What ``ports-only-declared`` reports."""
        return self.open - set(self.declared)

    @property
    def absent(self) -> set[int]:
        """What ``declared-ports-open`` reports: closed, or said to be by a firewall in the host's name."""
        hidden = {port for port, each in self.firewall.items() if each is not Firewall.RESETS}
        return set(self.declared) - self.open - hidden

    @property
    def hides_declared(self) -> bool:
        """Whether a declared port can neither be called open nor absent."""
        return bool(set(self.declared) - self.open - self.absent)

    @property
    def other(self) -> set[int]:
        """What ``declared-protocol-spoken`` reports."""
        declared = {port: stated for port, stated in self.declared.items() if stated and port in self.open}
        return {port for port, stated in declared.items() if self.speaks[port] not in (stated, SILENT)}


def planted(seed: int) -> list[Host]:
    """Hosts of which each has a few ports, each of these as declared or with a difference, by chance."""
    chance = random.Random(seed)
    hosts = []
    for number in range(1, HOSTS + 1):
        host = Host(f"10.78.{seed % 250}.{number}" if chance.random() < 0.7 else f"fd78::{seed % 9999}:{number}")
        ports = iter(chance.sample(PORTS, 7))
        anchor = next(ports)  # one that answers, so that silence elsewhere is a firewall's
        host.declared[anchor] = host.speaks[anchor] = chance.choice(list(GREETINGS))
        for port in ports:
            spoken = chance.choice([*GREETINGS, SILENT])
            match chance.randrange(8):
                case 0:  # undeclared
                    host.speaks[port] = spoken
                case 1:  # declared and absent
                    host.declared[port] = chance.choice(["", *GREETINGS])
                case 2 | 3:  # declared as something, which may be what is spoken
                    host.declared[port], host.speaks[port] = chance.choice(list(GREETINGS)), spoken
                case 4:  # declared without a protocol
                    host.declared[port], host.speaks[port] = "", spoken
                case 5:  # behind a firewall, declared or not, there or not
                    host.firewall[port] = chance.choice(list(Firewall))
                    if chance.random() < 0.5:
                        host.declared[port] = chance.choice(["", *GREETINGS])
                    if chance.random() < 0.5:
                        host.speaks[port] = spoken
                case _:  # nothing
                    pass
        hosts.append(host)
    return hosts


def _rules(hosts: Sequence[Host]) -> str:
    lines = [
        f"{'ip6' if ':' in host.address else 'ip'} daddr {host.address} tcp dport {port} {what}"
        for host in hosts
        for port, what in host.firewall.items()
    ]
    filters = "\n".join(lines)
    return f"table inet estate {{\nchain filter {{\ntype filter hook output priority 0;\n{filters}\n}}\n}}\n"


@dataclass(frozen=True)
class Inspected:
    """An estate, and what the line says about it."""

    hosts: list[Host]
    result: RunResult

    def failed(self, check: str) -> dict[str, set[int]]:
        """The ports that a check reports, by address."""
        return {
            each["address"]: {int(port) for port in re.findall(r"\b(\d+)/tcp", json.dumps(each["measured"]))}
            for each in self.result.findings
            if each["check"] == check and each["outcome"] == "fail"
        }

    def outcomes(self, check: str) -> dict[str, str]:
        """The outcome of a check by address."""
        return {each["address"]: each["outcome"] for each in self.result.findings if each["check"] == check}


def _declared_port(port: int, service: str) -> dict[str, object]:
    return {"port": port, **({"service": service} if service else {})}


@pytest.fixture(scope="module", params=SEEDS)
def inspected(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Inspected:
    """One run over an estate."""
    hosts = planted(request.param)
    line = Line(tmp_path_factory.mktemp("estate"))
    described = system(
        *(f"host:{each.address}" for each in hosts),
        level=1,
        hosts=[
            {"name": each.address, "ports": [_declared_port(*pair) for pair in sorted(each.declared.items())]}
            for each in hosts
        ],
    )
    declaration = document(
        line.folder / "declaration.yaml", {"organisation": {"code": "T-1", "name": "Cơ quan"}, "systems": [described]}
    )
    granted = document(
        line.folder / "authorisation.yaml", authorisation(covers={"blocks": ["10.78.0.0/16", "fd78::/64"]}, rates=RATES)
    )
    listening = "".join(
        f"{host.address} {port} {GREETINGS.get(spoken, b'').hex()}\n"
        for host in hosts
        for port, spoken in sorted(host.speaks.items())
    )
    with network(*_NETWORK) as wrap:
        subprocess.run([*wrap, "nft", "-f", "-"], input=_rules(hosts), text=True, check=True)
        servers = subprocess.Popen(
            [*wrap, sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert servers.stdin is not None
        assert servers.stdout is not None
        try:
            servers.stdin.write(listening)
            servers.stdin.close()
            assert servers.stdout.readline() == "ready\n"
            checks = ("ports-only-declared", "declared-ports-open", "declared-protocol-spoken")
            only = [word for check in checks for word in ("--only", check)]
            result = line.spawn("run", declaration, "-a", granted, *only, wrap=wrap)
        finally:
            servers.kill()
            servers.wait()
            servers.stdout.close()
    return Inspected(hosts, result)


def test_all_undeclared_services_are_reported_and_no_others(inspected: Inspected) -> None:
    """By address and port."""
    expected = {each.address: each.undeclared for each in inspected.hosts if each.undeclared}
    assert expected
    assert inspected.failed("ports-only-declared") == expected


def test_all_absent_services_are_reported_and_no_others(inspected: Inspected) -> None:
    """What a firewall hides is inconclusive where nothing else is absent; everything else passes."""
    expected = {each.address: each.absent for each in inspected.hosts if each.absent}
    assert inspected.failed("declared-ports-open") == expected
    doubtful = {each.address for each in inspected.hosts if each.hides_declared and not each.absent}
    outcomes = inspected.outcomes("declared-ports-open")
    assert {address for address, outcome in outcomes.items() if outcome == "inconclusive"} == doubtful
    assert sum(outcome == "pass" for outcome in outcomes.values()) == HOSTS - len(expected) - len(doubtful)


def test_all_other_protocols_are_reported_and_no_others(inspected: Inspected) -> None:
    """A port that says nothing, or that a firewall hides, is inconclusive where nothing else speaks otherwise."""
    expected = {each.address: each.other for each in inspected.hosts if each.other}
    assert expected
    assert inspected.failed("declared-protocol-spoken") == expected
    for host in inspected.hosts:
        stated = {port for port, service in host.declared.items() if service} - host.absent
        is_seen = stated <= host.open and all(host.speaks[port] == host.declared[port] for port in stated)
        if not host.other:
            outcome = inspected.outcomes("declared-protocol-spoken")[host.address]
            assert outcome == ("pass" if is_seen else "inconclusive"), host
