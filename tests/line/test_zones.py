"""Zones with planted faults in a private internet: the whole line reports all of them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.line.harness import Line, RunResult, authorisation, document, system
from tests.plugins.inspector_dns.internet import RESOLVER, TOP, ZONES, Internet, PlantedZone, internet

#: The checks of zones; those of documents and of mail are not compared.
CHECKS = (
    "cds-consistent",
    "delegation-consistent",
    "dnssec-algorithms-strong",
    "dnssec-denial-valid",
    "dnssec-signatures-fresh",
    "dnssec-valid",
    "glue-consistent",
    "mail-hosts-exist",
    "mail-hosts-have-reverse-names",
    "name-server-version-hidden",
    "name-servers-agree",
    "name-servers-answer",
    "name-servers-have-public-addresses",
    "name-servers-in-several-networks",
    "name-servers-refuse-recursion",
    "name-servers-redundant",
    "name-servers-support-cookies",
    "name-servers-support-edns",
    "no-wildcard-addresses",
    "ns-ttl-sound",
    "nsec3-parameters-sound",
    "soa-serials-agree",
    "soa-values-sound",
    "zone-transfer-refused",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """The private internet."""
    with internet(tmp_path_factory.mktemp("internet")) as running:
        yield running


@pytest.fixture(scope="module")
def inspected(running: Internet, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One run over all zones, each of them a system."""
    line = Line(tmp_path_factory.mktemp("zones"))
    systems = [system(f"dns:{zone.name}", id=zone.name.replace(".", "-"), level=5) for zone in ZONES]
    declaration = document(
        line.folder / "declaration.yaml", {"organisation": {"code": "T-1", "name": "Cơ quan"}, "systems": systems}
    )
    granted = document(
        line.folder / "authorisation.yaml",
        authorisation(covers={"names": ["*.vn"], "blocks": ["11.0.0.0/8", "2a0b::/16"]}, intrusiveness="intrusive"),
    )
    only = [word for check in CHECKS for word in ("--only", check)]
    settings = {"resolvers": [RESOLVER], "dnssec_anchors": list(running.anchors)}
    return line.spawn("run", declaration, "-a", granted, *only, wrap=running.wrap, **settings)


@pytest.mark.parametrize("planted", ZONES, ids=lambda zone: zone.name)
def test_planted_faults_are_reported_and_no_others(inspected: RunResult, planted: PlantedZone) -> None:
    """By zone: the checks that fail, and those that cannot be decided."""
    found = {
        each["check"]: (each["outcome"], each["cause"], each["measured"])
        for each in inspected.findings
        if each["subject"] == f"dns:{planted.name}"
    }
    assert set(found) == set(CHECKS)
    assert {check for check, each in found.items() if each[0] == "fail"} - planted.either == planted.failing, found
    unclear = {check for check, each in found.items() if each[0] in ("inconclusive", "error")}
    assert unclear - planted.either == planted.unclear, found


def test_the_parent_is_asked_over_tcp(inspected: RunResult) -> None:
    """Over UDP glue may be missing without a sign, and would count as missing at the parent."""
    asked = [each for each in inspected.ledger if each.probe == "delegation" and each.address in TOP]
    assert {each.protocol for each in asked} == {"tcp"}
    assert {each.address for each in asked} == set(TOP)
