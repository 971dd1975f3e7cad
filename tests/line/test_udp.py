"""A host over UDP through the whole inspection: what was not granted is not asked, what answers strangers fails."""

from __future__ import annotations

import pytest

from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_services.udp_servers import ADDRESS, memcached, namespace, scripted, snmpd

INTRUSIVE_CHECKS = ("no-open-resolver", "ntp-control-not-answered", "no-snmp-public-community", "no-cleartext-snmp")


@pytest.fixture(scope="module")
def results(line: Line) -> dict[str, RunResult]:
    """The same host, with an SNMP agent and an old NTP server, under two authorisations."""
    host = {"name": ADDRESS, "ports": ["123/udp", "53/udp"]}
    with namespace() as space, snmpd(space, community="public"), scripted(space, {123: "old-ntp", 389: "cldap"}):
        return {
            intrusiveness: line.spawn(
                "run",
                line.declare(
                    system(f"host:{ADDRESS}", level=1, hosts=[host]),
                    name=f"{intrusiveness}.yaml",
                    intrusiveness=intrusiveness,
                ),
                wrap=["nsenter", "--net", "-t", str(space.pid)],
                vantage={"kind": "internet"},
            )
            for intrusiveness in ("polite", "intrusive")
        }


def test_the_difference_is_found(results: dict[str, RunResult]) -> None:
    """What is open and undeclared, what is declared and closed, and what amplifies; each confirmed by a second scan."""
    for result in results.values():
        assert result.finding("udp-ports-only-declared")["measured"] == ["161/udp (snmp)", "389/udp (cldap)"]
        assert result.finding("declared-udp-ports-open")["measured"] == ["53/udp"]
        assert result.finding("no-amplifier-reachable")["measured"] == ["389/udp (cldap), 63 → 45 B"]
        assert result.finding("no-amplifier-reachable")["confirmed"]


def test_intrusive_questions_need_the_grant(results: dict[str, RunResult]) -> None:
    """Without it they are not asked, and the coverage says so; with it the verdicts follow."""
    assert "udp-exposure" not in {entry.probe for entry in results["polite"].ledger}
    assert not {each["check"] for each in results["polite"].findings} & set(INTRUSIVE_CHECKS)
    verdicts = [results["intrusive"].verdict(check)[0] for check in INTRUSIVE_CHECKS]
    assert verdicts == ["pass", "fail", "fail", "fail"]


def test_every_datagram_is_on_the_ledger(results: dict[str, RunResult]) -> None:
    """Each question over UDP has its entry under the authorisation, with the bytes that came back."""
    asked = [entry for entry in results["intrusive"].ledger if entry.protocol == "udp"]
    assert {entry.probe for entry in asked} == {"udp-services", "udp-exposure"}
    assert all(entry.authorisation and not entry.infrastructure for entry in asked)
    assert any(entry.port == 161 and entry.received for entry in asked)


def test_ipv6_is_asked_as_ipv4_is(line: Line) -> None:
    """The same host over IPv6: memcached answers, a closed port says so by ICMPv6, and all is on the ledger."""
    host = {"name": "::1", "ports": ["11211/udp", "53/udp"]}
    with namespace() as space, memcached(space, "::1"), scripted(space, {389: "cldap"}, "::1"):
        result = line.spawn(
            "run",
            line.declare(system("host:[::1]", level=3, hosts=[host]), name="ipv6.yaml", covers={"blocks": ["::1"]}),
            "--only",
            "udp-services",
            wrap=["nsenter", "--net", "-t", str(space.pid)],
            vantage={"kind": "internet"},
        )
    assert result.finding("udp-ports-only-declared")["measured"] == ["389/udp (cldap)"]
    assert result.finding("declared-udp-ports-open")["measured"] == ["53/udp"]
    assert [each.split(",")[0] for each in result.finding("no-amplifier-reachable")["measured"]] == [
        "389/udp (cldap)",
        "11211/udp (memcached)",
    ]
    assert {entry.address for entry in result.ledger if entry.protocol == "udp"} == {"::1"}
