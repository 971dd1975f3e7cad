"""Hosts that limit connections, and hosts that are silent, in networks of their own: order, counts and causes."""

from collections import Counter
from typing import Any

import pytest

from inspector.model.base import Cause
from inspector.network.pacing.reachability import STOPPED_LOSSES
from inspector.record.ledger_entry import SWEEP
from inspector_services.probes import FIRST_PORTS
from tests.line.harness import FAST, Line, RunResult, network, serving, system

#: New connections that the host accepts, in all: a day passes before the next one.
ACCEPTED = 20
#: The causes of what a limit hides.
UNSEEN = {"rate-limited", "blocked", "refused", "reset", "timeout", "not-reached"}
OPENING = "tcp flags & (fin | syn | rst | ack) == syn"
#: The probes that ask a host as a whole.
WHOLE_HOST = {"ports", "banners", "anonymous-logins", "udp-services", "udp-exposure"}
LIMITS = {"refusing": "reject with tcp reset", "dropping": "drop"}


def _network() -> list[str]:
    """The shell commands that make a network with a packet filter on its loopback."""
    chain = "nft 'add chain inet t input { type filter hook input priority 0; }'"
    return ["ip link set lo up", "nft add table inet t", chain]


def _limited(verdict: str, accepted: int = ACCEPTED) -> list[str]:
    """The shell commands that make a network in which the kernel accepts so many connections."""
    return [
        *_network(),
        f"nft 'add rule inet t input {OPENING} limit rate over 1/day burst {accepted} packets {verdict}'",
    ]


@pytest.fixture(scope="module", params=LIMITS)
def limited(request: pytest.FixtureRequest, line: Line, certificate: dict[str, str]) -> RunResult:
    """An inspection of a host that accepts too few connections for it."""
    orders = [{"name": "secure", "mode": "page", **certificate}, {"name": "clear", "mode": "page"}]
    with network(*_limited(LIMITS[request.param])) as inside, serving(*orders, wrap=inside) as servers:
        endpoints = [f"https://127.0.0.1:{servers.ports['secure']}/", f"http://127.0.0.1:{servers.ports['clear']}/"]
        return line.spawn(
            "run",
            line.declare(system(*endpoints, "host:127.0.0.1"), name=f"{request.param}.yaml"),
            *("--only", "tls", "--only", "http", "--only", "services"),
            wrap=inside,
            ceilings={"pause_seconds": 0},
        )


def test_the_sweep_follows_the_scans_of_declared_services(limited: RunResult) -> None:
    """No declared service is asked after the first port question, except to confirm what failed."""
    first = [
        index
        for index, entry in enumerate(limited.ledger)
        if entry.subject.startswith("http") and entry.address == "127.0.0.1"
    ]
    swept = [index for index, entry in enumerate(limited.ledger) if entry.protocol == SWEEP]
    waves = {task.probe: task.wave for task in limited.bundle.inspection.plan.tasks}
    declared = [wave for probe, wave in waves.items() if probe not in WHOLE_HOST]
    assert max(declared) < waves["ports"] == waves["udp-services"] < waves["banners"]
    assert not swept or first[0] < swept[0]


def test_a_host_that_stops_answering_is_named_rate_limited(limited: RunResult) -> None:
    """What was not seen is rate-limited, nothing fails for it, and the limits of the vantage say it once."""
    causes = Counter(each["cause"] for each in limited.findings if each["outcome"] == "inconclusive")
    assert causes["rate-limited"] > 0
    assert not {"refused", "reset", "timeout"} & causes.keys()
    assert not [
        each["check"] for each in limited.findings if each["outcome"] == "fail" and "reachable" in each["check"]
    ]


def test_nothing_more_is_sent_to_a_host_that_stopped(limited: RunResult) -> None:
    """Each time that it has stopped only the connections under way are lost, not one for each question."""
    lost = [entry for entry in limited.ledger if entry.result in ("refused", "timeout") and entry.protocol == "tcp"]
    at_once = FAST["at_once"]
    assert STOPPED_LOSSES <= len(lost) <= 2 * (STOPPED_LOSSES + at_once)
    assert sum(entry.result == "open" for entry in limited.ledger if entry.protocol == "tcp") == ACCEPTED


def test_a_ban_by_the_sweep_costs_only_the_sweep(line: Line, certificate: dict[str, str]) -> None:
    """With room for the declared services and none for the sweep, all that is unseen is about other ports."""
    orders = [{"name": "secure", "mode": "page", **certificate}]
    with network(*_limited(LIMITS["refusing"], 300)) as inside, serving(*orders, wrap=inside) as servers:
        result = line.spawn(
            "run",
            line.declare(system(f"https://127.0.0.1:{servers.ports['secure']}/", "host:127.0.0.1"), name="swept.yaml"),
            *("--only", "tls", "--only", "services"),
            wrap=inside,
            ceilings={"pause_seconds": 0},
            vantage={"kind": "internet"},
        )
    unseen = {(each["subject"], each["cause"]) for each in result.findings if each["cause"] in UNSEEN}
    assert unseen == {("host:127.0.0.1", "blocked")}
    assert result.verdict("no-database-reachable") == ("inconclusive", "blocked")
    assert result.verdict("tls-modern-protocols") == ("pass", None)


def _limits(of: RunResult) -> list[dict[str, Any]]:
    """The limits of the vantage in the one assessment."""
    limits: list[dict[str, Any]] = of.assessment["coverage"]["limits"]
    return limits


@pytest.fixture(scope="module")
def silent(line: Line) -> RunResult:
    """An inspection of three addresses of which one drops every packet, and one all but those to one port."""
    only_one = "ip daddr 127.0.0.8 tcp dport != 8443"
    rules = [f"nft 'add rule inet t input {each} drop'" for each in ("ip daddr 127.0.0.9", only_one)]
    with network(*_network(), *rules) as inside:
        hosts = [f"https://127.0.0.{host}{port}/" for host in (8, 9) for port in ("", ":8443")]
        return line.spawn(
            "run",
            line.declare(system(*hosts, "host:127.0.0.9"), name="silent.yaml", rates={**FAST, "at_once": 5}),
            *("--only", "tls", "--only", "services"),
            wrap=inside,
        )


def test_a_silent_host_is_given_up_after_a_few_attempts(silent: RunResult) -> None:
    """Its ports are asked a few times, and a sweep asks the usual ones; the rest is not reached."""
    about = [entry for entry in silent.ledger if entry.address == "127.0.0.9"]
    assert {entry.port for entry in about if entry.protocol == "tcp"} <= {80, 443, 8443}
    assert sum(entry.protocol == "tcp" for entry in about) < 15
    [swept] = [entry for entry in about if entry.protocol == SWEEP]
    assert swept.questions <= 3 * (len(FIRST_PORTS) + 2)
    failures = [each.failure for each in silent.evidence if each.subject.address == "127.0.0.9" and each.failure]
    assert any("no packet came back from 127.0.0.9 on ports" in each.detail for each in failures)
    assert silent.verdict("ports-only-declared", "host:127.0.0.9")[0] == "inconclusive"
    assert silent.verdict("no-database-reachable", "host:127.0.0.9")[0] == "inconclusive"


def test_a_host_that_answers_at_one_port_only_is_not_silent(silent: RunResult) -> None:
    """A rejection at one port shows a living host, beside a port that drops and a silent host."""
    refused = [
        each.failure for each in silent.evidence if each.subject.uri == "https://127.0.0.8:8443" and each.failure
    ]
    assert {each.cause for each in refused if "needs" not in each.detail} == {Cause.REFUSED}
