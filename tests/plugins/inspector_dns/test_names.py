"""The records of host names, compared with dig."""

from __future__ import annotations

import pytest

from inspector import Cause, Outcome, SubjectResult
from inspector_dns.checks.caa_limits_issuers import caa_limits_issuers
from inspector_dns.checks.ipv6_published import ipv6_published
from inspector_dns.observations import NameRecords
from inspector_dns.probes import names as probe
from inspector_dns.reachability import is_globally_reachable, is_server_address
from tests.plugins.inspector_dns import zones as zone_set
from tests.plugins.inspector_dns.named import free_port, programs, run
from tests.plugins.inspector_dns.scanning import read, scan, see, subject
from tests.plugins.inspector_dns.zones import Served


def dig(served: Served, name: str, rdtype: str) -> list[str]:
    """The records that dig prints for the same resolver, at the end of aliases."""
    words = ["@127.0.0.1", "-p", str(served.resolver), "+short", name, rdtype]
    return sorted(run(programs()["dig"], *words).split("\n"))


def evaluate(facts: NameRecords) -> tuple[Outcome, Outcome]:
    """The verdicts of caa-limits-issuers and ipv6-published."""
    seen = [SubjectResult(subject(probe, f"host:{facts.host}"), facts)]
    return caa_limits_issuers.evaluate(seen, {}).outcome, ipv6_published.evaluate(seen, {}).outcome


@pytest.mark.parametrize(
    ("host", "aliases", "ipv4", "ipv6", "caa_at"),
    [
        ("www.good.test", (), ("192.0.2.10", "192.0.2.9"), ("2400:cb00::10",), "good.test"),
        ("alias.good.test", ("www.good.test",), ("192.0.2.10", "192.0.2.9"), ("2400:cb00::10",), "good.test"),
        ("far.good.test", ("www.plain.test",), ("192.0.2.20",), (), "good.test"),
        ("www.plain.test", (), ("192.0.2.20",), (), "plain.test"),
        ("www.plain.three", (), (), (), None),
        ("no.such.name.good.test", (), (), (), "good.test"),
    ],
)
def test_the_records_of_a_name_equal_those_of_dig(
    served: Served,
    host: str,
    aliases: tuple[str, ...],
    ipv4: tuple[str, ...],
    ipv6: tuple[str, ...],
    caa_at: str | None,
) -> None:
    """Addresses, aliases and the relevant CAA set are those of the DNS; absent records are empty."""
    facts = see(probe, f"host:{host}", served.resolver)
    assert (facts.aliases.value, facts.ipv4.value, facts.ipv6.value) == (aliases, ipv4, ipv6)
    assert facts.caa.value.at == caa_at
    printed = [line for line in dig(served, host, "A") if line and not line.endswith(".")]
    assert sorted(ipv4) == printed


def test_the_verdicts_on_names(served: Served) -> None:
    """CAA without an issuer and a name without AAAA fail; what limits issuers and has AAAA passes."""
    verdicts = {name: evaluate(see(probe, f"host:www.{name}", served.resolver)) for name in ("good.test", "plain.test")}
    assert verdicts == {"good.test": (Outcome.PASS, Outcome.PASS), "plain.test": (Outcome.FAIL, Outcome.FAIL)}


@pytest.mark.parametrize(
    ("host", "exists"),
    [
        ("www.good.test", True),
        ("inside.good.test", True),
        ("a.b.good.test", True),
        ("b.good.test", True),
        ("no.such.name.good.test", False),
        ("dangling.good.test", False),
        ("www.plain.three", False),
    ],
)
def test_a_name_that_does_not_exist_has_nothing_to_judge(served: Served, host: str, exists: bool) -> None:
    """NXDOMAIN is not the absence of a record, also at the end of aliases (RFC 8020, RFC 6604)."""
    facts = see(probe, f"host:{host}", served.resolver)
    assert facts.exists.value is exists
    assert (Outcome.INCONCLUSIVE in evaluate(facts)) is not exists
    words = ["@127.0.0.1", "-p", str(served.resolver), host, "A"]
    assert ("status: NXDOMAIN" in run(programs()["dig"], *words)) is not exists


@pytest.mark.parametrize(
    "address",
    [
        "::",
        "::1",
        "::ffff:192.0.2.1",
        "::192.0.2.1",
        "64:ff9b::1",
        "64:ff9b:1::1",
        "100::1",
        "2001:2::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a01:203::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "fec0::1",
        "ff0e::1",
    ],
)
def test_an_address_that_nobody_reaches_is_no_ipv6(address: str) -> None:
    """The registry of special-purpose addresses says that it is not globally reachable, or it is not unicast."""
    assert not is_globally_reachable(address)


@pytest.mark.parametrize(
    "address", ["2001:200::1", "2400:cb00::1", "2a00:1450:4001::1", "2001:dc8::1", "2002:808:808::1"]
)
def test_global_unicast_addresses_are_reachable(address: str) -> None:
    """Addresses that registries assign count."""
    assert is_globally_reachable(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "0.1.2.3", "240.0.0.1", "255.255.255.255", "169.254.0.1", "fe80::1"])
def test_an_address_that_no_server_has(address: str) -> None:
    """Reserved and local addresses do not make a zone's name servers more."""
    assert not is_server_address(address)


def test_an_answer_too_long_for_udp_comes_over_tcp(served: Served) -> None:
    """A response truncated over UDP is complete."""
    assert len(see(probe, "host:big.test", served.port).caa.value.records) == 60


def test_a_server_failure_is_not_an_absence(served: Served) -> None:
    """SERVFAIL leaves every answer unseen, and the verdicts inconclusive."""
    facts = see(probe, "host:www.servfail.test", served.resolver)
    assert facts.ipv4.unseen is facts.ipv6.unseen is facts.caa.unseen is Cause.PROTOCOL_ERROR
    assert evaluate(facts) == (Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE)


def test_a_loop_of_aliases_ends(served: Served) -> None:
    """The address of an alias to itself is unseen."""
    assert see(probe, "host:loop1.good.test", served.port).ipv4.unseen is Cause.PROTOCOL_ERROR


def test_a_referral_is_not_an_absence(served: Served) -> None:
    """An alias that leads to a zone that the server does not serve, without the target's records, is unseen."""
    facts = see(probe, "host:far.good.test", served.port)
    assert facts.ipv6.unseen is Cause.PROTOCOL_ERROR


@pytest.mark.parametrize("quiet", [True, False])
def test_a_scan_without_any_response_has_failed(served: Served, quiet: bool) -> None:
    """When no query is answered the scan has failed, with the cause."""
    about = subject(probe, "host:www.good.test")
    if quiet:
        output = scan(probe, about, served.port, at=zone_set.SILENT)
    else:
        output = scan(probe, about, free_port())
    assert output.failure is not None
    assert output.failure.cause is (Cause.TIMEOUT if quiet else Cause.REFUSED)
    assert read(probe, output, about).ipv4.unseen is output.failure.cause


def test_a_name_of_too_many_labels_is_not_climbed(served: Served) -> None:
    """The number of queries is bounded for long names."""
    about = subject(probe, f"host:{'a.' * 60}good.test")
    output = scan(probe, about, served.port)
    assert len(output.raw) <= 3
    assert read(probe, output, about).caa.unseen is Cause.PROTOCOL_ERROR
