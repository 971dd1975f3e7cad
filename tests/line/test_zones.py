"""Zones with planted faults in a private internet: the whole line reports all of them, and nothing else."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inspector import ParseContext
from inspector_dns import inspector_probes
from inspector_dns.dnssec import nonexistent
from inspector_dns.observations import ChainFlaw
from tests.agreement.environment import program
from tests.line.harness import PACE, Line, RunResult, authorisation, document, system
from tests.plugins.inspector_dns.internet import (
    RESOLVER,
    ROOT,
    TOP,
    TOP_SIX,
    WEB,
    ZONES,
    Internet,
    PlantedZone,
    internet,
)

#: The checks of zones; those of documents and of mail are not compared.
CHECKS = (
    "cds-consistent",
    "delegation-consistent",
    "dnssec-algorithms-strong",
    "dnssec-denial-valid",
    "dnssec-keys-agree",
    "dnssec-signatures-fresh",
    "dnssec-valid",
    "glue-consistent",
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
    return run(running, tmp_path_factory.mktemp("zones"), resolvers=[RESOLVER])


@pytest.fixture(scope="module")
def iterated(running: Internet, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """The same run without a resolver, from the root server down."""
    return run(running, tmp_path_factory.mktemp("iterated"), root_servers=[ROOT])


@pytest.fixture(scope="module")
def dual(running: Internet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By host below ``dual.vn``, what is said of its connections over IPv6."""
    line = Line(tmp_path_factory.mktemp("dual"))
    systems = [system(f"http://{name}.dual.vn/", id=name) for name in WEB[1]]
    declaration = document(
        line.folder / "declaration.yaml", {"organisation": {"code": "T-1", "name": "Cơ quan"}, "systems": systems}
    )
    granted = document(line.folder / "authorisation.yaml", authorisation(covers={"names": ["*.vn"]}))
    only = ("--only", "ipv6-answers")
    result = line.spawn("run", declaration, "-a", granted, *only, wrap=running.wrap, env=PACE, resolvers=[RESOLVER])
    return {each["subject"].removeprefix("host:").removesuffix(".dual.vn"): each for each in result.findings}


def run(running: Internet, folder: Path, **settings: list[str]) -> RunResult:
    """A run over all zones with these settings of names."""
    line = Line(folder)
    systems = [system(f"dns:{zone.name}", id=zone.name.replace(".", "-"), level=5) for zone in ZONES]
    declaration = document(
        line.folder / "declaration.yaml", {"organisation": {"code": "T-1", "name": "Cơ quan"}, "systems": systems}
    )
    granted = document(
        line.folder / "authorisation.yaml",
        authorisation(covers={"names": ["*.vn"], "blocks": ["11.0.0.0/8", "2a0b::/16"]}, intrusiveness="intrusive"),
    )
    only = [word for check in CHECKS for word in ("--only", check)]
    anchors = list(running.anchors)
    return line.spawn(
        "run", declaration, "-a", granted, *only, wrap=running.wrap, env=PACE, dnssec_anchors=anchors, **settings
    )


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


@pytest.mark.parametrize("planted", ZONES, ids=lambda zone: zone.name)
def test_resolution_from_the_root_leads_to_the_same_findings(
    inspected: RunResult, iterated: RunResult, planted: PlantedZone
) -> None:
    """Without a resolver every check says the same, with the same values."""
    ours, by_resolver = (
        {
            each["check"]: (each["outcome"], each["cause"], each["message"]["id"], each["measured"])
            for each in run.findings
            if each["subject"] == f"dns:{planted.name}" and each["check"] not in planted.either
        }
        for run in (iterated, inspected)
    )
    assert ours == by_resolver


def test_resolution_from_the_root_asks_no_resolver(iterated: RunResult) -> None:
    """The root, the top-level domain and the zones' own servers are asked; the higher, the more seldom."""
    asked = Counter(each.address for each in iterated.ledger if each.probe == "zone" for _ in range(each.questions))
    assert RESOLVER not in {each.address for each in iterated.ledger}
    assert 0 < asked[ROOT] < sum(asked[address] for address in (*TOP, TOP_SIX))


def test_the_parent_is_asked_over_tcp(inspected: RunResult) -> None:
    """Over UDP glue may be missing without a sign, and would count as missing at the parent."""
    asked = [each for each in inspected.ledger if each.probe == "delegation" and each.address in TOP]
    assert {each.protocol for each in asked} == {"tcp"}
    assert {each.address for each in asked} == set(TOP)


def test_what_is_confirmed_is_asked_anew(inspected: RunResult) -> None:
    """A second scan takes no reply of another scan: its own questions are as many as its replies."""
    count = 0
    for bundle in inspected.bundles:
        ledger = bundle.ledger()
        for _, evidence in bundle.evidence():
            if evidence.probe != "zone" or evidence.scan == 1:
                continue
            asked = [each for each in ledger if (each.probe, each.subject) == ("zone", evidence.subject.uri)]
            within = [each for each in asked if evidence.began <= each.at <= evidence.ended]
            assert not any(each.shared for each in within)
            assert len(within) >= len(evidence.raw) > 0
            count += 1
    assert count


def test_zones_of_a_run_share_their_questions(inspected: RunResult) -> None:
    """The keys of the root and of the top-level domain are asked for a few times only."""
    shared = sum(each.questions for each in inspected.ledger if each.shared and each.probe == "zone")
    assert shared >= 3 * len(ZONES)


@pytest.mark.parametrize(("host", "outcome"), [("answering", "pass"), ("refusing", "fail"), ("silent", "fail")])
def test_ipv6_that_nobody_answers_fails(dual: dict[str, dict[str, Any]], host: str, outcome: str) -> None:
    """IPv4 accepts at each of the hosts; name servers of the top-level domain answer over IPv6."""
    assert (dual[host]["outcome"], dual[host]["measured"]) == (outcome, [f"[{WEB[1][host]}]:80"])


# --- Other validators -------------------------------------------------------------------------------------------------

#: By what delv prints: the state of the zone, or of its denial.
_DELV = {
    "fully validated": "secure",
    "unsigned": "insecure",
    "resolution failed": "bogus",
}
_DELV_AT_ONCE = 8
#: Where the verdict differs from BIND's and Unbound's, and why.
EXPLAINED = {
    "sha1.vn": "both still implement RSASHA1, which RFC 9905 §2 tells operators of validators to treat as insecure",
    "exotic.vn": "both take unknown algorithms for insecure (RFC 4035 §5.2); that we cannot validate decides nothing",
    "optout.vn": "Unbound does not set AD where an opt-out span covers the name (RFC 5155 §9.2), BIND does",
}


def questions() -> list[tuple[str, str]]:
    """By zone, the SOA record and the name that nobody made."""
    return [(zone.name, name) for zone in ZONES for name in (f"{zone.name} SOA", f"{nonexistent(zone.name)} A")]


@pytest.fixture(scope="module")
def by_unbound(running: Internet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By question, the state that Unbound finds: SERVFAIL is bogus where it answers with the CD bit."""
    answers = []
    for flag in ("+nocdflag", "+cdflag"):
        batch = tmp_path_factory.mktemp("dig") / "batch"
        batch.write_text("".join(f"{question} +dnssec {flag}\n" for _, question in questions()))
        words = [program("dig"), f"@{RESOLVER}", "+noall", "+comments", "+time=20", "+tries=1", "-f", str(batch)]
        done = subprocess.run([*running.wrap, *words], capture_output=True, text=True, check=True)
        answers.append(re.findall(r"status: (\w+).*\n;; flags: ([a-z ]+);", done.stdout))
    return {
        question: ("bogus" if unchecked[0] != "SERVFAIL" else "unseen")
        if checked[0] == "SERVFAIL"
        else ("secure" if " ad" in checked[1] else "insecure")
        for (_, question), checked, unchecked in zip(questions(), *answers, strict=True)
    }


@pytest.fixture(scope="module")
def by_delv(running: Internet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By question, the state that BIND's validator finds."""
    tag, algorithm, kind, *digest = running.anchors[0].partition(" DS ")[2].split()
    anchors = tmp_path_factory.mktemp("delv") / "anchors"
    anchors.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{"".join(digest)}"; }};\n')
    delv = [*running.wrap, program("delv"), f"@{RESOLVER}", "-a", str(anchors), "+root=."]

    def said_of(question: str) -> str:
        return subprocess.run(
            [*delv, *question.split()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        ).stdout

    asked = [question for _, question in questions()]
    with ThreadPoolExecutor(_DELV_AT_ONCE) as pool:  # it mostly waits for the zones that do not answer
        said = dict(zip(asked, pool.map(said_of, asked), strict=True))
    return {
        question: next((state for words, state in _DELV.items() if words in text), text)
        for question, text in said.items()
    }


def finding(inspected: RunResult, check: str, zone: str) -> dict[str, Any]:
    """The finding of this check about this zone."""
    [found] = [each for each in inspected.findings if (each["check"], each["subject"]) == (check, f"dns:{zone}")]
    return found


def state_of(inspected: RunResult, zone: str) -> str:
    """The state that the verdict of dnssec-valid tells."""
    found = finding(inspected, "dnssec-valid", zone)
    if found["outcome"] == "inconclusive":
        return "unseen"
    if found["outcome"] == "pass":
        return "secure"
    return "bogus" if found["message"]["id"].startswith("does not validate") else "insecure"


def denial_of(inspected: RunResult, zone: str) -> str:
    """The state of the zone's denial that the verdict of dnssec-denial-valid tells."""
    found = finding(inspected, "dnssec-denial-valid", zone)
    if found["outcome"] != "fail":
        return {"pass": "secure", "not-applicable": state_of(inspected, zone)}.get(found["outcome"], "unseen")
    return "insecure" if found["measured"] == ChainFlaw.ITERATIONS.value else "bogus"


# The state of a zone whose servers have different keys depends on which of them a resolver asks.
@pytest.mark.parametrize("planted", [each for each in ZONES if not each.second_keys], ids=lambda zone: zone.name)
def test_states_are_those_of_bind_and_unbound(
    inspected: RunResult, by_delv: dict[str, str], by_unbound: dict[str, str], planted: PlantedZone
) -> None:
    """The state of a zone and of its denial are what two other validators find; differences are explained."""
    name = planted.name
    ours = (state_of(inspected, name), denial_of(inspected, name))
    asked = (f"{name} SOA", f"{nonexistent(name)} A")
    others = [tuple(found[question] for question in asked) for found in (by_delv, by_unbound)]
    if others[1] == ("unseen", "unseen"):  # delv does not tell bogus from unresolvable
        others[0] = others[1]
    if name == "manyiterations.vn" and others[0] == ("secure", "insecure"):
        others[0] = others[1]  # BIND validates up to 150 iterations of NSEC3 before 9.20, up to 50 since
    assert ([ours, ours] == others) is (name not in EXPLAINED), (ours, others)


def test_zones_are_judged_again_from_their_bundles(inspected: RunResult, running: Internet) -> None:
    """What the stored messages say, read again without a network, is what was recorded."""
    probe = next(each for each in inspector_probes() if each.name == "zone")
    count = 0
    for bundle in inspected.bundles:
        for _, evidence in bundle.evidence():
            if evidence.probe != probe.name or evidence.facts is None:
                continue
            context = ParseContext(evidence.subject, evidence.began, dnssec_anchors=running.anchors)
            again = probe.parse(bundle.output_of(evidence), context)
            assert again.model_dump(mode="json") == evidence.facts, evidence.subject.uri
            count += 1
    assert count >= len(ZONES) - 3  # of those that nobody serves nothing was seen
