"""How the harness itself judges: what it lets pass and what it does not."""

from __future__ import annotations

from pathlib import Path

from tests.agreement.comparison import EVERYTHING, INSPECTOR, SOURCES, Examination, Explanation, explanations, faults
from tests.agreement.facts import FLAWS, TRAITS, VERSIONS, Facts, agree, members
from tests.agreement.planting import derived
from tests.agreement.servers import REDUCED, ZOO

PLANTED: Facts = {"TLSv1.2": True, "SSLv3": False}


def examination(said: dict[str, Facts], **silent: str) -> Examination:
    """One server, and what was said of it."""
    return Examination("server", PLANTED, said, silent)


def explanation(tool: str = "nmap", fact: str = "TLSv1.2", decided_by: str = "openssl") -> Explanation:
    """One entry."""
    return Explanation(("server",), (fact,), tool, "why", decided_by, "output")


def test_agreement_is_no_fault() -> None:
    """Sources that agree with what is planted, or say nothing, need no explanation."""
    assert faults(examination({INSPECTOR: PLANTED, "nmap": {"SSLv3": False}}, sslscan="finds no TLS"), ()) == []


def test_disagreement_must_be_explained() -> None:
    """A disagreement is a fault until an entry explains it."""
    found = examination({INSPECTOR: PLANTED, "nmap": {"TLSv1.2": False}})
    assert faults(found, ()) == ["not explained: server: nmap about TLSv1.2: says no, not yes (planted)"]
    assert faults(found, [explanation()]) == []


def test_explanation_must_be_needed() -> None:
    """An entry about a tool that agrees by now is a fault; one about a tool that was not asked is none."""
    entry = explanation()
    assert faults(examination({INSPECTOR: PLANTED, "nmap": {"TLSv1.2": True}}), [entry]) == [
        "explained, but no longer so: server: nmap about TLSv1.2"
    ]
    assert faults(examination({INSPECTOR: PLANTED}), [entry]) == []


def test_third_tool_must_decide() -> None:
    """An entry whose third tool sides with the tool that it explains is a fault."""
    found = examination({INSPECTOR: PLANTED, "nmap": {"TLSv1.2": False}, "openssl": {"TLSv1.2": False}})
    entries = [explanation(), explanation("openssl", decided_by="sslscan")]
    assert faults(found, entries) == ["openssl does not decide against nmap: server about TLSv1.2"]


def test_silence_of_the_product_is_a_fault() -> None:
    """The inspection may not be silent about a whole server, unless that is explained."""
    found = examination({}, **{INSPECTOR: "timeout"})
    assert faults(found, ()) == ["not explained: server: inspector about everything: silent: timeout"]
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


def test_zoo_is_large_and_each_server_has_its_name() -> None:
    """At least forty servers, each under a name of its own and with versions planted."""
    assert len({server.name for server in ZOO}) == len(ZOO) >= 40
    assert {server.name for server in REDUCED} < {server.name for server in ZOO}
    assert all(set(server.planted.versions.split()) <= set(VERSIONS) for server in ZOO)
    assert all(set(f"{each.planted.has} {each.planted.lacks}".split()) <= {*FLAWS, *TRAITS} for each in ZOO)


def test_explanations_name_what_exists() -> None:
    """Every entry names servers of the zoo and a source, says why, and is decided by another tool with its output."""
    names = {server.name for server in ZOO}
    for entry in explanations():
        assert set(entry.servers) <= names, entry
        assert {entry.tool, entry.decided_by} <= set(SOURCES), entry
        assert entry.decided_by not in (entry.tool, INSPECTOR), entry
        assert entry.reason, entry
        assert entry.output.strip(), entry
    claimed = [each for entry in explanations() for each in entry.disagreements]
    assert len(claimed) == len(set(claimed))


def test_no_host_of_a_registry_is_named() -> None:
    """The lock of the one wheel for the zoo names a package, a version and digests."""
    assert "://" not in (Path(__file__).parent / "lab.lock").read_text()
