"""The chain of trust, against zones that BIND signed, and against what BIND's own validator says of them."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import dns.dnssec
import dns.flags
import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from inspector import Cause, Gap, Outcome, Raw, ScanOutput, SubjectResult
from inspector.model.base import now
from inspector_dns import dnssec
from inspector_dns import nsec as denial
from inspector_dns.checks.dnssec_valid import dnssec_valid
from inspector_dns.observations import ChainFlaw, TrustChain, TrustState, Zone
from inspector_dns.probes import zone as probe
from tests.plugins.inspector_dns.named import programs
from tests.plugins.inspector_dns.scanning import read, scan, see, subject
from tests.plugins.inspector_dns.zones import Served

SECURE, INSECURE, BOGUS = "; fully validated", "; unsigned answer", ";; resolution failed"

#: Zone, state, where the chain ends, flaw, verdict, and what delv says.
ZONES = [
    ("good.test", TrustState.SECURE, "good.test", None, Outcome.PASS, SECURE),
    ("a.b.good.test", TrustState.SECURE, "a.b.good.test", None, Outcome.PASS, SECURE),
    ("test", TrustState.SECURE, "test", None, Outcome.PASS, SECURE),
    ("good.three", TrustState.SECURE, "good.three", None, Outcome.PASS, SECURE),
    ("good.opt", TrustState.SECURE, "good.opt", None, Outcome.PASS, SECURE),
    ("plain.test", TrustState.INSECURE, "plain.test", None, Outcome.FAIL, INSECURE),
    ("plain.three", TrustState.INSECURE, "plain.three", None, Outcome.FAIL, INSECURE),
    ("plain.opt", TrustState.INSECURE, "plain.opt", None, Outcome.FAIL, INSECURE),
    ("plain.bare", TrustState.INSECURE, "bare", None, Outcome.FAIL, INSECURE),
    ("good.bare", TrustState.INSECURE, "bare", None, Outcome.FAIL, INSECURE),
    ("obsolete.test", TrustState.INSECURE, "obsolete.test", ChainFlaw.OBSOLETE, Outcome.FAIL, INSECURE),
    ("expired.test", TrustState.BOGUS, "expired.test", ChainFlaw.EXPIRED, Outcome.FAIL, BOGUS),
    ("future.test", TrustState.BOGUS, "future.test", ChainFlaw.NOT_YET_VALID, Outcome.FAIL, BOGUS),
    ("changed.test", TrustState.BOGUS, "changed.test", ChainFlaw.INVALID, Outcome.FAIL, BOGUS),
    ("wrongds.test", TrustState.BOGUS, "wrongds.test", ChainFlaw.NO_KEY, Outcome.FAIL, BOGUS),
    ("stripped.test", TrustState.BOGUS, "stripped.test", ChainFlaw.NO_KEY, Outcome.FAIL, BOGUS),
]


def delv(served: Served, name: str, rdtype: str) -> str:
    """What BIND's validator says of a name from the same anchor, asking the same server."""
    tag, algorithm, kind, *digest = served.anchors[0].partition(" DS ")[2].split()
    anchors = served.folder / "anchors.conf"
    anchors.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{"".join(digest)}"; }};\n')
    words = [
        programs()["delv"],
        "@127.0.0.1",
        "-p",
        str(served.port),
        "-a",
        str(anchors),
        "+root=.",
        f"{name}.",
        rdtype,
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def evaluate(facts: Zone) -> tuple[Outcome, Cause | None]:
    """The verdict of dnssec-valid."""
    verdict = dnssec_valid.evaluate([SubjectResult(subject(probe, f"dns:{facts.name}"), facts)], {})
    return verdict.outcome, verdict.cause


@pytest.mark.parametrize(("name", "state", "at", "flaw", "outcome", "_said"), ZONES, ids=[row[0] for row in ZONES])
def test_a_zone_is_what_its_signatures_make_it(
    served: Served, name: str, state: TrustState, at: str, flaw: ChainFlaw | None, outcome: Outcome, _said: str
) -> None:
    """Secure passes; proved unsigned and bogus fail, with the reason; also through a resolver."""
    for server in (served.port, served.resolver):
        facts = see(probe, f"dns:{name}", server, served.anchors)
        assert facts.chain.seen == TrustChain(state=state, anchor=".", at=at, flaw=flaw)
        assert evaluate(facts)[0] is outcome


@pytest.mark.parametrize(("name", "_state", "_at", "_flaw", "_outcome", "said"), ZONES, ids=[row[0] for row in ZONES])
def test_bind_judges_the_same(
    served: Served, name: str, _state: TrustState, _at: str, _flaw: ChainFlaw | None, _outcome: Outcome, said: str
) -> None:
    """BIND's own validator comes to the same state, asked for the start of authority and the name servers."""
    heard = [delv(served, name, rdtype) for rdtype in ("SOA", "NS")]
    assert any(said in each for each in heard) if said == BOGUS else all(said in each for each in heard)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("servfail.test", Cause.PROTOCOL_ERROR),
        ("halfdead.test", Cause.PROTOCOL_ERROR),
        ("exotic.test", Cause.TOOL_MISSING),
        ("www.good.test", Cause.AMBIGUOUS),
        ("nowhere.test", Cause.AMBIGUOUS),
    ],
)
def test_what_was_not_seen_is_neither_signed_nor_unsigned(served: Served, name: str, cause: Cause) -> None:
    """SERVFAIL, an algorithm that nobody here knows and a name without a zone are inconclusive."""
    assert evaluate(see(probe, f"dns:{name}", served.port, served.anchors)) == (Outcome.INCONCLUSIVE, cause)


def test_the_nearest_anchor_is_the_one_that_counts(served: Served) -> None:
    """With an anchor for a zone's parent, neither the root nor its anchors matter."""
    wrong_root = served.estate.anchors("good.three")[0].replace("good.three.", ".")
    anchors = (*served.estate.anchors("test"), wrong_root)
    facts = see(probe, "dns:good.test", served.port, anchors)
    assert facts.chain.seen == TrustChain(state=TrustState.SECURE, anchor="test", at="good.test")


def test_an_anchor_may_be_the_key_itself(served: Served) -> None:
    """A DNSKEY line is as good as a DS line."""
    (line, *_) = (each for each in (served.folder / "keys-.").glob("*.key") if "257" in each.read_text())
    anchors = tuple(each for each in Path(line).read_text().splitlines() if not each.startswith(";"))
    assert see(probe, "dns:good.test", served.port, anchors).chain.seen.state is TrustState.SECURE


def test_a_wrong_anchor_is_not_held_against_the_zone(served: Served) -> None:
    """An anchor that no key matches, or the built-in root's, makes the verdict inconclusive."""
    anchors = (served.estate.anchors("good.three")[0].replace("good.three.", "test."),)
    for given in (anchors, ()):
        facts = see(probe, "dns:test", served.port, given)
        assert facts.chain.seen.flaw is ChainFlaw.ANCHOR
        assert evaluate(facts) == (Outcome.INCONCLUSIVE, Cause.PROTOCOL_ERROR)


def test_without_an_anchor_above_the_zone_nothing_is_known(served: Served) -> None:
    """Anchors of other zones decide nothing."""
    facts = see(probe, "dns:good.test", served.port, served.estate.anchors("good.three"))
    assert evaluate(facts) == (Outcome.INCONCLUSIVE, Cause.NOT_SELECTED)


def test_an_anchor_that_cannot_be_read_is_an_error(served: Served) -> None:
    """A mistyped anchor is never silently left out."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    for line in (". IN DS nonsense", ". IN A 192.0.2.1"):
        with pytest.raises(ValueError, match="trust anchor"):
            read(probe, output, about, (line,))


def test_the_roots_own_anchors_are_built_in() -> None:
    """Without configured anchors, both of the root's key-signing keys are trusted."""
    (records,) = dnssec._trusted(dnssec.ROOT).values()
    assert {record.to_text().split()[0] for record in records} == {"20326", "38696"}


def test_signatures_are_judged_at_the_time_they_were_seen(served: Served) -> None:
    """The same replies are secure on the day and expired a week later."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    later = read(probe, output, about, served.anchors, now() + timedelta(days=7))
    assert read(probe, output, about, served.anchors).chain.seen.state is TrustState.SECURE
    assert later.chain.seen == TrustChain(state=TrustState.BOGUS, anchor=".", at=".", flaw=ChainFlaw.EXPIRED)
    assert evaluate(later)[0] is Outcome.INCONCLUSIVE


def altered(
    output: ScanOutput, question: str, *types: dns.rdatatype.RdataType, sections: str = "answer authority"
) -> ScanOutput:
    """The capture with all records of these types taken out of one reply."""

    def one(raw: Raw) -> Raw:
        if raw.name != question:
            return raw
        message = dns.message.from_wire(raw.data)
        for section in sections.split():
            kept = [rrset for rrset in getattr(message, section) if rrset.rdtype not in types]
            setattr(message, section, kept)
        return raw.model_copy(update={"data": message.to_wire(max_size=65535)})

    return output.model_copy(update={"raw": tuple(one(raw) for raw in output.raw)})


@pytest.mark.parametrize(
    ("name", "question", "types"),
    [
        ("plain.test", "plain.test DS", ["NSEC"]),
        ("plain.test", "plain.test DS", ["RRSIG"]),
        ("plain.opt", "plain.opt DS", ["NSEC3"]),
        ("plain.opt", "plain.opt DS", ["RRSIG"]),
        ("plain.test", "test DNSKEY", ["RRSIG"]),
        ("good.test", "good.test DS", ["DS", "RRSIG"]),
        ("good.test", ". DNSKEY", ["RRSIG"]),
        ("good.test", "test DS", ["RRSIG"]),
    ],
)
def test_a_stripped_answer_is_not_taken_for_unsigned(
    served: Served, name: str, question: str, types: list[str]
) -> None:
    """Without the parent's proof a zone is neither unsigned nor at fault."""
    about = subject(probe, f"dns:{name}")
    output = altered(scan(probe, about, served.port), question, *map(dns.rdatatype.from_text, types))
    assert evaluate(read(probe, output, about, served.anchors))[0] is Outcome.INCONCLUSIVE


def test_signatures_missing_at_the_zone_itself_are_its_fault(served: Served) -> None:
    """A delegation that is signed and a zone that is not do not fit together."""
    about = subject(probe, "dns:good.test")
    output = altered(scan(probe, about, served.port), "good.test SOA", dns.rdatatype.RRSIG)
    facts = read(probe, output, about, served.anchors)
    assert facts.chain.seen == TrustChain(
        state=TrustState.BOGUS, anchor=".", at="good.test", flaw=ChainFlaw.NO_SIGNATURE
    )
    assert evaluate(facts)[0] is Outcome.FAIL


@pytest.mark.parametrize(
    "question", [". DNSKEY", "test DS", "test DNSKEY", "good.test DS", "good.test DNSKEY", "good.test NS"]
)
def test_a_question_without_an_answer_leaves_the_state_open(served: Served, question: str) -> None:
    """A timeout anywhere on the way is never a verdict on the zone."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    raw = tuple(each for each in output.raw if each.name != question)
    gaps = (Gap(question=question, cause=Cause.TIMEOUT),)
    facts = read(probe, output.model_copy(update={"raw": raw, "gaps": gaps}), about, served.anchors)
    assert evaluate(facts) == (Outcome.INCONCLUSIVE, Cause.TIMEOUT)


def test_a_denial_of_another_zone_proves_nothing(served: Served) -> None:
    """The absence of a DS record is believed from the very parent alone, not from a replayed proof about a sibling."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    sibling = scan(probe, subject(probe, "dns:plain.test"), served.port)
    stolen = sibling.named("plain.test DS")
    assert stolen is not None
    raw = tuple(
        each.model_copy(update={"data": stolen}) if each.name == "good.test DS" else each for each in output.raw
    )
    facts = read(probe, output.model_copy(update={"raw": raw}), about, served.anchors)
    assert facts.chain.seen == TrustChain(state=TrustState.BOGUS, anchor=".", at="test", flaw=ChainFlaw.NO_DENIAL)
    assert evaluate(facts)[0] is Outcome.INCONCLUSIVE


def test_too_many_iterations_prove_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """NSEC3 above the bound is not computed."""
    about = subject(probe, "dns:plain.three")
    output = scan(probe, about, served.port)
    monkeypatch.setattr(denial, "ITERATIONS", 4)
    assert evaluate(read(probe, output, about, served.anchors)) == (Outcome.INCONCLUSIVE, Cause.PROTOCOL_ERROR)


def test_work_is_bounded_whatever_the_zone_sends(served: Served) -> None:
    """Keys that share a tag and signatures that fit none make a validator work no more than so much."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    wire = output.named("good.test SOA")
    assert wire is not None
    message = dns.message.from_wire(wire)
    (signatures,) = (each for each in message.answer if each.rdtype == dns.rdatatype.RRSIG)
    signature = signatures[0]
    signatures.clear()
    for number in range(200):
        signatures.add(signature.replace(signature=bytes([number]) * 64))
    forged = message.to_wire(max_size=65535)
    raw = tuple(
        each.model_copy(update={"data": forged}) if each.name == "good.test SOA" else each for each in output.raw
    )
    facts = read(probe, output.model_copy(update={"raw": raw}), about, served.anchors)
    assert evaluate(facts) == (Outcome.INCONCLUSIVE, Cause.PROTOCOL_ERROR)


def test_the_budget_of_validations_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that needs more signature checks than are granted is left open."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    monkeypatch.setattr(dnssec, "VALIDATIONS", 3)
    assert evaluate(read(probe, output, about, served.anchors)) == (Outcome.INCONCLUSIVE, Cause.PROTOCOL_ERROR)


def test_a_name_of_too_many_labels_is_not_followed(served: Served) -> None:
    """The number of questions does not grow with the name without bound."""
    facts = see(probe, f"dns:{'a.' * 40}good.test", served.port, served.anchors)
    assert facts.chain.unseen is Cause.PROTOCOL_ERROR


def test_the_facts_of_a_zone_are_written_down(served: Served) -> None:
    """Start of authority, name servers with addresses, delegation signers and keys stand in the observation."""
    facts = see(probe, "dns:good.test", served.port, served.anchors)
    assert (facts.soa.value.primary, facts.soa.value.serial) == ("ns1.test", 7)
    assert [(each.name, each.ipv4.value, each.ipv6.value) for each in facts.servers.value] == [
        ("ns1.test", ("127.0.0.1",), ()),
        ("ns2.test", ("127.0.0.2",), ()),
    ]
    assert {key.flags for key in facts.keys.value} == {256, 257}
    assert {each.key_tag for each in facts.ds.value} <= {each.key_tag for each in facts.keys.value}


def test_the_zones_name_servers_come_to_light(served: Served) -> None:
    """Each name server is an subject of its own, as infrastructure, with the zone it is to be asked about."""
    output = scan(probe, subject(probe, "dns:good.test"), served.port, name_server_port=5353)
    assert [(each.uri, each.infrastructure) for each in output.discovered] == [
        ("ns://ns1.test:5353/good.test", True),
        ("ns://ns2.test:5353/good.test", True),
    ]
