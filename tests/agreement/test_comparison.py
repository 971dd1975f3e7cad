"""How the harness compares: what it accepts and what it does not."""

from __future__ import annotations

from pathlib import Path

from tests.agreement.comparison import EVERYTHING, INSPECTOR, SOURCES, Examination, Explanation, explanations, faults
from tests.agreement.expected import derived
from tests.agreement.facts import FLAWS, TRAITS, VERSIONS, Facts, agree, members
from tests.agreement.servers import REDUCED, SERVERS

EXPECTED: Facts = {"TLSv1.2": True, "SSLv3": False}


def examination(reported: dict[str, Facts], **without_result: str) -> Examination:
    """One server, and the results about it."""
    return Examination("server", EXPECTED, reported, without_result)


def explanation(tool: str = "nmap", fact: str = "TLSv1.2", decided_by: str = "openssl") -> Explanation:
    """One entry."""
    return Explanation(("server",), (fact,), tool, "why", decided_by, "output")


def test_agreement_is_no_diagnostic() -> None:
    """Sources that agree with the expected facts, or have no result, need no explanation."""
    assert faults(examination({INSPECTOR: EXPECTED, "nmap": {"SSLv3": False}}, sslscan="finds no TLS"), ()) == []


def test_disagreement_must_be_explained() -> None:
    """A disagreement is a error until an entry explains it."""
    found = examination({INSPECTOR: EXPECTED, "nmap": {"TLSv1.2": False}})
    assert faults(found, ()) == ["not explained: server: nmap about TLSv1.2: says no, not yes (expected)"]
    assert faults(found, [explanation()]) == []


def test_explanation_must_be_needed() -> None:
    """An entry about a tool that now agrees is an error; one about a tool that was not run is not."""
    entry = explanation()
    assert faults(examination({INSPECTOR: EXPECTED, "nmap": {"TLSv1.2": True}}), [entry]) == [
        "explained, but no longer so: server: nmap about TLSv1.2"
    ]
    assert faults(examination({INSPECTOR: EXPECTED}), [entry]) == []


def test_third_tool_must_decide() -> None:
    """An entry whose third tool sides with the tool that it explains is a error."""
    found = examination({INSPECTOR: EXPECTED, "nmap": {"TLSv1.2": False}, "openssl": {"TLSv1.2": False}})
    entries = [explanation(), explanation("openssl", decided_by="sslscan")]
    assert faults(found, entries) == ["openssl does not decide against nmap: server about TLSv1.2"]


def test_silence_of_the_product_is_a_diagnostic() -> None:
    """The inspection may not be without result about a whole server, unless that is explained."""
    found = examination({}, **{INSPECTOR: "timeout"})
    assert faults(found, ()) == ["not explained: server: inspector about everything: no result: timeout"]
    assert faults(found, [explanation(INSPECTOR, EVERYTHING)]) == []


def test_sets_are_compared_as_far_as_both_can_see() -> None:
    """A member that a source could not have named counts neither for nor against it."""
    blind = members({"a"}, among={"a", "b"})
    assert agree(blind, members({"a", "c"}))
    assert not agree(blind, members({"a", "b"}))
    assert not agree(members({"a", "d"}), members({"a"}))


def test_flaws_follow_from_suites() -> None:
    """SSL 3.0 with CBC is POODLE, 64-bit blocks are SWEET32, EXPORT is FREAK; without the suites nothing follows."""
    facts: Facts = {"SSLv2": False, "SSLv3": True, "suites SSLv3": members({"000A", "0003"})}
    assert derived(facts) == {"drown": False, "poodle": True, "freak": True, "logjam": False, "sweet32": True}
    assert derived({"SSLv3": True}) == {}


def test_there_are_many_servers_and_each_server_has_its_name() -> None:
    """At least forty servers, each with a name of its own and expected versions."""
    assert len({server.name for server in SERVERS}) == len(SERVERS) >= 40
    assert {server.name for server in REDUCED} < {server.name for server in SERVERS}
    assert all(set(server.expected.versions.split()) <= set(VERSIONS) for server in SERVERS)
    assert all(set(f"{each.expected.has} {each.expected.lacks}".split()) <= {*FLAWS, *TRAITS} for each in SERVERS)


def test_explanations_name_what_exists() -> None:
    """Every entry names servers and a source, has a reason, and is decided by the output of another tool."""
    names = {server.name for server in SERVERS}
    for entry in explanations():
        assert set(entry.servers) <= names, entry
        assert {entry.tool, entry.decided_by} <= set(SOURCES), entry
        assert entry.decided_by not in (entry.tool, INSPECTOR), entry
        assert entry.reason, entry
        assert entry.output.strip(), entry
    claimed = [each for entry in explanations() for each in entry.disagreements]
    assert len(claimed) == len(set(claimed))


def test_no_host_of_a_registry_is_named() -> None:
    """The lock of the one wheel for the servers names a package, a version and digests."""
    assert "://" not in (Path(__file__).parent / "lab.lock").read_text()
