"""Sweeps of hosts that answer slowly, not at all, at every port, or no longer: counted where the packets arrive."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inspector.model.base import Cause
from inspector_services.observations import OpenPorts, PortState
from tests.agreement.environment import needs_programs
from tests.core.network.addresses import most_in_a_second
from tests.line.harness import Line, RunResult, authorisation, document, network, system

TUN_HOSTS = Path(__file__).with_name("tun_hosts.py")
RATE = 100
NETWORKS = ("192.0.2.0/26", "2001:db8:1::/64")
#: Named by what each does; 22 and 443 are asked before all others.
HOSTS: dict[str, tuple[str, dict[str, Any]]] = {
    "filtering": ("192.0.2.1", {"open": [443], "closed": [22, 80], "other": "silent"}),
    "filtering over IPv6": ("2001:db8:1::1", {"open": [443], "closed": [22, 80], "other": "silent"}),
    "distant": ("192.0.2.2", {"open": [443], "closed": [22, 80], "other": "silent", "delay": [0.2, 0.3]}),
    "too distant": (
        "192.0.2.3",
        {"open": [443], "closed": list(range(1, 400)), "other": "silent", "delay": [0.5, 0.8]},
    ),
    "silent": ("192.0.2.4", {"other": "silent"}),
    "tarpit": ("192.0.2.5", {"other": "open"}),
    "banning": ("192.0.2.6", {"open": [443], "ban_after": 60}),
    "plain": ("2001:db8:1::2", {"open": [443, 3306]}),
}


@dataclass(frozen=True)
class Swept:
    """One run over all hosts, and what arrived at them."""

    line: Line
    result: RunResult
    syns: Mapping[str, list[tuple[float, int]]]
    strays: list[str]

    def ports(self, name: str) -> OpenPorts:
        """What the sweep of a host saw."""
        return OpenPorts.model_validate(self.result.scan("ports", subject(name)).facts)


def subject(name: str) -> str:
    address = HOSTS[name][0]
    return f"host:{address}"


@contextmanager
def answering(orders: Mapping[str, Any], wrap: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The hosts of these orders, in a network."""
    needs_programs("ip")
    command = [*wrap, sys.executable, str(TUN_HOSTS), json.dumps(orders)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def arrived(process: subprocess.Popen[str]) -> tuple[dict[str, list[tuple[float, int]]], list[str]]:
    """The SYNs that arrived so far, by address, and every packet that had no business there."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("report\n")
    process.stdin.flush()
    report = json.loads(process.stdout.readline())
    syns: dict[str, list[tuple[float, int]]] = {}
    for at, address, port in report["syns"]:
        syns.setdefault(address, []).append((at, port))
    return syns, report["strays"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """All hosts, each declared with port 443, swept in one run at a polite rate."""
    line = Line(tmp_path_factory.mktemp("sweeps"), settings={"ceilings": {"pause_seconds": 1}})
    hosts = [{"name": address, "ports": ["443/tcp"]} for address, _ in HOSTS.values()]
    # Other ports, hence a process of its own, which waits as long as this host alone needs.
    hosts[list(HOSTS).index("too distant")]["ports"] = ["443/tcp", "44300/tcp"]
    described = system(*map(subject, HOSTS), level=1, hosts=hosts)
    granted = document(
        line.folder / "authorisation.yaml",
        authorisation(covers={"blocks": list(NETWORKS)}, rates={"port_questions_per_second": RATE}),
    )
    declaration = document(
        line.folder / "declaration.yaml",
        {"organisation": {"code": "T-1", "name": "Cơ quan thử nghiệm"}, "systems": [described]},
    )
    orders = {"networks": [*NETWORKS, "198.51.100.0/24"], "hosts": dict(HOSTS.values())}
    with network("true") as wrap, answering(orders, wrap) as process:
        result = line.spawn("run", declaration, "-a", granted, "--only", "ports", wrap=wrap)
        syns, strays = arrived(process)
    assert result.code != 2, result.err
    return Swept(line, result, syns, strays)


def test_no_second_has_more_questions_than_are_authorised(swept: Swept) -> None:
    """However late a host answers, and whatever the kernel repeats: counted at each address, in any one second."""
    most = {address: most_in_a_second([at for at, _ in syns]) for address, syns in swept.syns.items()}
    assert set(most) == {address for address, _ in HOSTS.values()}
    assert max(most.values()) <= RATE, most


def test_the_ledger_has_what_arrived(swept: Swept) -> None:
    """The kernel repeats no question of its own accord: at distant hosts it would double them, unseen by the ledger."""
    listed: Counter[str] = Counter()
    for each in swept.result.ledger:
        listed[each.address] += each.questions
    for name, (address, _) in HOSTS.items():
        # On a busy machine nmap ends some attempts too late; without its limit of time the kernel doubled them.
        assert listed[address] * 0.99 <= len(swept.syns[address]) <= listed[address] * 1.5, name


def test_no_packet_leaves_the_scope(swept: Swept) -> None:
    """Only addresses that are authorised get packets, and only TCP."""
    assert swept.strays == []


@pytest.mark.parametrize("name", ["filtering", "filtering over IPv6"])
def test_open_closed_and_filtered_are_told_apart(swept: Swept, name: str) -> None:
    """A silent port is asked again before it is called filtered; over IPv6 too."""
    seen = swept.ports(name)
    assert (seen.open, seen.in_state(PortState.CLOSED)) == ((443,), (22, 80))
    filtered = seen.in_state(PortState.FILTERED)
    assert len(filtered) == seen.scanned - 3 > 100
    asked = Counter(port for _, port in swept.syns[HOSTS[name][0]])
    assert min(asked[port] for port in filtered) >= 2


def test_a_distant_host_beside_near_ones_is_seen(swept: Swept) -> None:
    """A process of nmap for both waits long enough for what answers late."""
    seen = swept.ports("distant")
    assert (seen.open, seen.in_state(PortState.CLOSED)) == ((443,), (22, 80))


def test_a_host_that_answers_too_late_has_no_filtered_ports(swept: Swept) -> None:
    """What a sweep would miss is unseen; what answered is seen."""
    seen = swept.ports("too distant")
    assert seen.in_state(PortState.FILTERED) == ()
    assert seen.state(8443).unseen is Cause.TIMEOUT
    assert set(seen.open) <= {443}


def test_a_silent_host_is_asked_at_few_ports(swept: Swept) -> None:
    """No port has a state, and the ports that were not asked are counted."""
    seen = swept.ports("silent")
    assert seen.scanned == len(seen.undetermined) > 100
    asked = {port for _, port in swept.syns[HOSTS["silent"][0]]}
    assert len(asked) < 20 < len(seen.unseen(range(1, 65536)))
    assert seen.state(8444).unseen is Cause.NOT_SELECTED


def test_a_host_that_accepts_at_every_port_shows_no_service(swept: Swept) -> None:
    """A tarpit, or a firewall that answers for all, is recognised: no port is open, none passes."""
    seen = swept.ports("tarpit")
    assert (seen.open, seen.in_state(PortState.CLOSED)) == ((), ())
    assert swept.result.verdict("ports-only-declared", subject("tarpit")) == ("inconclusive", "ambiguous")
    assert swept.result.verdict("declared-ports-open", subject("tarpit")) == ("inconclusive", "ambiguous")


def test_a_ban_in_mid_sweep_leaves_the_rest_unseen_and_is_named(swept: Swept) -> None:
    """Neither closed nor filtered is believed after it; the address is named as one that stopped answering."""
    seen = swept.ports("banning")
    assert seen.in_state(PortState.CLOSED) == seen.in_state(PortState.FILTERED) == ()
    assert seen.undetermined_cause is Cause.BLOCKED
    assert swept.result.verdict("ports-only-declared", subject("banning"))[0] == "inconclusive"
    [gap] = swept.result.scan("ports", subject("banning")).gaps
    assert gap.cause is Cause.RATE_LIMITED
    assert "192.0.2.6 stopped answering after" in gap.detail


def test_what_level_one_did_not_ask_is_no_pass_at_level_three(swept: Swept) -> None:
    """The capture is judged again at a higher level: a pass becomes inconclusive, and what failed still fails."""
    assert swept.result.verdict("ports-only-declared", subject("filtering")) == ("pass", None)
    output = swept.result.output
    judged = swept.line.call("assess", swept.result.bundle.folder, "--level", "3", output=output)
    assert judged.code in (1, 3), judged.err
    newest = {
        each["subject"]: (each["outcome"], each["cause"])
        for each in judged.findings
        if each["check"] == "ports-only-declared" and each["obligation"] == "must"
    }
    assert newest[subject("filtering")] == ("inconclusive", "not-selected")
    assert newest[subject("plain")] == ("fail", None)


def test_every_open_port_is_found_over_ipv6(swept: Swept) -> None:
    """An undeclared database at an IPv6 address fails as it does over IPv4."""
    assert swept.ports("plain").open == (443, 3306)
    assert swept.result.verdict("ports-only-declared", subject("plain"))[0] == "fail"


def test_the_confirmation_scan_asks_only_the_ports_that_failed(swept: Swept) -> None:
    """And the declared ones: most others are asked once (nmap may repeat a question), and what is open still is."""
    again = OpenPorts.model_validate(swept.result.scan("ports", subject("plain"), scan=2).facts)
    assert [group.ports for group in again.groups] == [(443,), (3306,)]
    assert again.open == (443, 3306)
    asked = Counter(port for _, port in swept.syns[HOSTS["plain"][0]])
    assert asked[3306] >= 2
    assert sum(count > 1 for count in asked.values()) < len(asked) / 4 > 25
    [finding] = [
        each
        for each in swept.result.findings
        if (each["check"], each["subject"], each["outcome"]) == ("ports-only-declared", subject("plain"), "fail")
    ]
    assert finding["confirmed"] is True
    assert len(finding["facts"]) == 1
