"""DNSSEC validation of zones signed by BIND, compared with BIND's own validator."""

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
    # BIND implements RSA/SHA-1 unless its configuration disables it, as RFC 9905 §2 demands of operators.
    ("sha1.test", TrustState.INSECURE, "sha1.test", ChainFlaw.OBSOLETE, Outcome.FAIL, SECURE),
    ("sha1-nsec3.test", TrustState.INSECURE, "sha1-nsec3.test", ChainFlaw.OBSOLETE, Outcome.FAIL, SECURE),
    ("md5.test", TrustState.INSECURE, "md5.test", ChainFlaw.OBSOLETE, Outcome.FAIL, INSECURE),
    ("gost.test", TrustState.INSECURE, "gost.test", ChainFlaw.OBSOLETE, Outcome.FAIL, INSECURE),
    ("gost-digest.test", TrustState.INSECURE, "gost-digest.test", ChainFlaw.OBSOLETE, Outcome.FAIL, INSECURE),
    ("both.test", TrustState.SECURE, "both.test", None, Outcome.PASS, SECURE),
    # RFC 9905 is about the algorithms; a SHA-1 digest of a key of another algorithm still validates (RFC 9904 table 3).
    ("sha1-digest.test", TrustState.SECURE, "sha1-digest.test", None, Outcome.PASS, SECURE),
    ("moving.test", TrustState.SECURE, "moving.test", None, Outcome.PASS, SECURE),
    ("expired.test", TrustState.BOGUS, "expired.test", ChainFlaw.EXPIRED, Outcome.FAIL, BOGUS),
    ("future.test", TrustState.BOGUS, "future.test", ChainFlaw.NOT_YET_VALID, Outcome.FAIL, BOGUS),
    ("changed.test", TrustState.BOGUS, "changed.test", ChainFlaw.INVALID, Outcome.FAIL, BOGUS),
    ("wrongds.test", TrustState.BOGUS, "wrongds.test", ChainFlaw.NO_KEY, Outcome.FAIL, BOGUS),
    ("stripped.test", TrustState.BOGUS, "stripped.test", ChainFlaw.NO_KEY, Outcome.FAIL, BOGUS),
]


def delv(served: Served, name: str, rdtype: str) -> str:
    """The output of BIND's validator for a name, with the same anchor and server."""
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


@pytest.mark.parametrize(("name", "state", "at", "flaw", "outcome", "_output"), ZONES, ids=[row[0] for row in ZONES])
def test_the_state_of_a_zone_follows_from_its_signatures(
    served: Served, name: str, state: TrustState, at: str, flaw: ChainFlaw | None, outcome: Outcome, _output: str
) -> None:
    """Secure passes; proven unsigned and bogus fail, with the reason; also through a resolver."""
    for server in (served.port, served.resolver):
        facts = see(probe, f"dns:{name}", server, served.anchors)
        assert facts.chain.seen == TrustChain(state=state, anchor=".", at=at, flaw=flaw)
        assert evaluate(facts)[0] is outcome


@pytest.mark.parametrize(("name", "_state", "_at", "_flaw", "_outcome", "output"), ZONES, ids=[row[0] for row in ZONES])
def test_bind_validates_the_same(
    served: Served, name: str, _state: TrustState, _at: str, _flaw: ChainFlaw | None, _outcome: Outcome, output: str
) -> None:
    """BIND's validator reaches the same state for the SOA and NS records."""
    outputs = [delv(served, name, rdtype) for rdtype in ("SOA", "NS")]
    assert any(output in each for each in outputs) if output == BOGUS else all(output in each for each in outputs)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("servfail.test", Cause.PROTOCOL_ERROR),
        ("halfdead.test", Cause.PROTOCOL_ERROR),
        ("exotic.test", Cause.TOOL_MISSING),
        ("exotic-and-dsa.test", Cause.TOOL_MISSING),
        ("www.good.test", Cause.AMBIGUOUS),
        ("nowhere.test", Cause.AMBIGUOUS),
    ],
)
def test_what_was_not_seen_is_neither_signed_nor_unsigned(served: Served, name: str, cause: Cause) -> None:
    """SERVFAIL, an unsupported algorithm and a name that is not a zone apex are inconclusive."""
    assert evaluate(see(probe, f"dns:{name}", served.port, served.anchors)) == (Outcome.INCONCLUSIVE, cause)


def test_the_nearest_anchor_is_used(served: Served) -> None:
    """With an anchor for a zone's parent, neither the root nor its anchors matter."""
    wrong_root = served.zone_set.anchors("good.three")[0].replace("good.three.", ".")
    anchors = (*served.zone_set.anchors("test"), wrong_root)
    facts = see(probe, "dns:good.test", served.port, anchors)
    assert facts.chain.seen == TrustChain(state=TrustState.SECURE, anchor="test", at="good.test")


def test_an_anchor_may_be_the_key_itself(served: Served) -> None:
    """An anchor may be a DNSKEY record instead of a DS record."""
    (line, *_) = (each for each in (served.folder / "keys-.").glob("*.key") if "257" in each.read_text())
    anchors = tuple(each for each in Path(line).read_text().splitlines() if not each.startswith(";"))
    assert see(probe, "dns:good.test", served.port, anchors).chain.seen.state is TrustState.SECURE


def test_a_wrong_anchor_is_not_a_fault_of_the_zone(served: Served) -> None:
    """An anchor that no key matches, or the built-in root's, makes the verdict inconclusive."""
    anchors = (served.zone_set.anchors("good.three")[0].replace("good.three.", "test."),)
    for given in (anchors, ()):
        facts = see(probe, "dns:test", served.port, given)
        assert facts.chain.seen.flaw is ChainFlaw.ANCHOR
        assert evaluate(facts) == (Outcome.INCONCLUSIVE, Cause.PROTOCOL_ERROR)


def test_without_an_anchor_above_the_zone_the_state_is_unseen(served: Served) -> None:
    """Anchors of other zones decide nothing."""
    facts = see(probe, "dns:good.test", served.port, served.zone_set.anchors("good.three"))
    assert evaluate(facts) == (Outcome.INCONCLUSIVE, Cause.NOT_SELECTED)


def test_an_anchor_that_cannot_be_parsed_is_an_error(served: Served) -> None:
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


def test_signatures_are_validated_as_of_the_time_of_the_scan(served: Served) -> None:
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
    """The capture with all records of these types removed from one reply."""

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
    """Without the parent's proof a zone is neither unsigned nor bogus."""
    about = subject(probe, f"dns:{name}")
    output = altered(scan(probe, about, served.port), question, *map(dns.rdatatype.from_text, types))
    assert evaluate(read(probe, output, about, served.anchors))[0] is Outcome.INCONCLUSIVE


def test_signatures_missing_in_the_zone_itself_make_it_bogus(served: Served) -> None:
    """A signed delegation to an unsigned zone is bogus."""
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
def test_a_query_without_a_response_leaves_the_state_unseen(served: Served, question: str) -> None:
    """A timeout anywhere in the chain never decides about the zone."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    raw = tuple(each for each in output.raw if each.name != question)
    gaps = (Gap(question=question, cause=Cause.TIMEOUT),)
    facts = read(probe, output.model_copy(update={"raw": raw, "gaps": gaps}), about, served.anchors)
    assert evaluate(facts) == (Outcome.INCONCLUSIVE, Cause.TIMEOUT)


def test_a_denial_of_another_zone_proves_nothing(served: Served) -> None:
    """A replayed proof about a sibling zone does not prove the absence of a DS record."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    sibling = scan(probe, subject(probe, "dns:plain.test"), served.port)
    replayed = sibling.named("plain.test DS")
    assert replayed is not None
    raw = tuple(
        each.model_copy(update={"data": replayed}) if each.name == "good.test DS" else each for each in output.raw
    )
    facts = read(probe, output.model_copy(update={"raw": raw}), about, served.anchors)
    assert facts.chain.seen == TrustChain(state=TrustState.BOGUS, anchor=".", at="test", flaw=ChainFlaw.NO_DENIAL)
    assert evaluate(facts)[0] is Outcome.INCONCLUSIVE


def test_too_many_iterations_prove_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """NSEC3 records above the limit are not evaluated: what is below counts as unsigned (RFC 9276 §3.2)."""
    about = subject(probe, "dns:plain.three")
    output = scan(probe, about, served.port)
    monkeypatch.setattr(denial, "ITERATIONS", 4)
    facts = read(probe, output, about, served.anchors)
    assert facts.chain.seen == TrustChain(
        state=TrustState.INSECURE, anchor=".", at="plain.three", flaw=ChainFlaw.ITERATIONS
    )


def test_work_is_bounded_whatever_the_zone_sends(served: Served) -> None:
    """Keys with equal tags and many invalid signatures cause a bounded number of verifications."""
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
    """A chain that needs more verifications than the limit is unseen."""
    about = subject(probe, "dns:good.test")
    output = scan(probe, about, served.port)
    monkeypatch.setattr(dnssec, "VALIDATIONS", 3)
    assert evaluate(read(probe, output, about, served.anchors)) == (Outcome.INCONCLUSIVE, Cause.PROTOCOL_ERROR)


def test_a_name_of_too_many_labels_is_not_followed(served: Served) -> None:
    """The number of queries is bounded for long names."""
    facts = see(probe, f"dns:{'a.' * 40}good.test", served.port, served.anchors)
    assert facts.chain.unseen is Cause.PROTOCOL_ERROR


def test_the_records_of_a_zone_are_in_the_observation(served: Served) -> None:
    """The observation has the SOA, the name servers with addresses, and the DS and DNSKEY records."""
    facts = see(probe, "dns:good.test", served.port, served.anchors)
    assert (facts.soa.value.primary, facts.soa.value.serial) == ("ns1.test", 7)
    assert [(each.name, each.ipv4.value, each.ipv6.value) for each in facts.servers.value] == [
        ("ns1.test", ("127.0.0.1",), ()),
        ("ns2.test", ("127.0.0.2",), ()),
    ]
    assert {key.flags for key in facts.keys.value} == {256, 257}
    assert {each.key_tag for each in facts.ds.value} <= {each.key_tag for each in facts.keys.value}


def test_the_name_servers_of_a_zone_are_discovered(served: Served) -> None:
    """Each name server is discovered as infrastructure, with the zone to query it for."""
    output = scan(probe, subject(probe, "dns:good.test"), served.port, name_server_port=5353)
    assert [(each.uri, each.infrastructure) for each in output.discovered] == [
        ("ns://ns1.test:5353/good.test", True),
        ("ns://ns2.test:5353/good.test", True),
    ]
