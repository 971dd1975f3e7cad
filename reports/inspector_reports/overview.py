"""Page one: the verdict in a sentence, the worst problems with what to do first, and what exposes to ransomware."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from inspector import (
    RANSOMWARE,
    SYSTEM,
    BadUri,
    Finding,
    Force,
    Language,
    Obligation,
    Outcome,
    PathExposure,
    Severity,
    View,
    exposure_of,
    needs_action,
    parse_uri,
    urgency,
)
from inspector_reports.causes import cause_sentence

_HERE = "inspector_reports"
#: How many problems page one shows, and how many servers and members of a list each names.
MOST_PROBLEMS = 5
MOST_SERVERS = 3
MOST_MEMBERS = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """A requirement that fails, with its failures.

    ``places`` are the hosts or zones concerned, or at one server the services; ``also`` the titles of failing
    requirements that the same remedy meets.
    """

    title: str
    findings: tuple[Finding, ...]
    places: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def first(self) -> Finding:
        """The failure that stands for all."""
        return self.findings[0]


def problems(view: View, language: Language) -> tuple[Problem, ...]:
    """The failing requirements, the most urgent first."""
    by_requirement: dict[str, list[Finding]] = {}
    for each in filter(needs_action, view.assessment.findings):
        by_requirement.setdefault(each.requirement, []).append(each)
    found = _problems(view, by_requirement.values(), language, 0)
    entries = {each.id for each in view.assessment.requirements if RANSOMWARE in each.tags}

    def order(each: Problem) -> tuple[tuple[int, int, bool], bool, str]:
        return (urgency(each.first), each.first.requirement not in entries, each.first.requirement)

    return tuple(sorted(found, key=order))


def worst(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems in their order, those with one certificate as one, because a new certificate solves them all."""
    first: dict[tuple[str, ...], Problem] = {}
    for each in found:
        key = (
            ("certificate", *each.places) if each.first.check.startswith("certificate-") else (each.first.requirement,)
        )
        known = first.setdefault(key, each)
        if known is not each:
            first[key] = replace(known, also=(*known.also, each.title))
    return tuple(first.values())


def server_of(view: View, finding: Finding) -> str:
    """The host or zone that a finding is about; empty for the whole system."""
    return _place(view, finding)[0]


def _place(view: View, finding: Finding) -> tuple[str, str]:
    """The host or zone that a finding is about, and the service of it: scheme, port and path where there are any."""
    if finding.subject == SYSTEM.uri:
        return "", ""
    try:
        uri = parse_uri(finding.subject, view.registry.schemes)
    except BadUri:
        return finding.subject, finding.subject
    service = uri.scheme.name if uri.port in (None, uri.scheme.port) else f"{uri.scheme.name}:{uri.port}"
    return uri.host, service if uri.path in ("", "/") else f"{service}{uri.path}"


@dataclass(frozen=True, slots=True)
class SeverityRow:
    """The number of failing requirements of one severity: those that must be met, and those that are recommended."""

    severity: Severity
    must: int
    should: int


def severity_rows(found: Iterable[Problem]) -> tuple[SeverityRow, ...]:
    """The failing requirements by severity, the most severe first; severities without any are left out."""
    counted = Counter((each.first.severity, each.first.obligation) for each in found)
    rows = (
        SeverityRow(severity, counted[severity, Obligation.MUST], counted[severity, Obligation.SHOULD])
        for severity in sorted(Severity, key=lambda each: -each.rank)
    )
    return tuple(each for each in rows if each.must or each.should)


class Tone(StrEnum):
    """How the verdict is shown."""

    BAD = "bad"
    UNCLEAR = "unclear"
    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The verdict on the system in one sentence, and what it says of what was not seen."""

    tone: Tone
    sentence: str
    unseen: tuple[str, ...]


def conclusion(view: View, found: Sequence[Problem], language: Language) -> Conclusion:
    """The verdict on the system. It never says that a level is met."""
    translator = view.translator(language)
    coverage = view.assessment.coverage
    unseen = tuple(f"{cause_sentence(view, each, language)}." for each in view.causes())
    alone = {
        each.requirement
        for each in view.assessment.findings
        if each.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR) and each.follows_from is None
    }
    if alone:
        counted = translator.text("Requirements without a conclusion: {count}.", _HERE, count=len(alone))
        if unseen:
            counted = translator.text(
                "Requirements without a conclusion for other causes: {count}.", _HERE, count=len(alone)
            )
        unseen = (*unseen, counted)
    if found:
        return Conclusion(Tone.BAD, _failing(view, found, language), unseen)
    if coverage.asked and not coverage.seen:
        nothing = translator.text("Nothing could be seen, so nothing is concluded.", _HERE)
        return Conclusion(Tone.UNCLEAR, nothing, unseen)
    if unseen:
        partly = translator.text("No failure was observed, but not everything could be seen.", _HERE)
        return Conclusion(Tone.UNCLEAR, partly, unseen)
    return Conclusion(Tone.CALM, translator.text("No observation contradicts a requirement.", _HERE), ())


def _failing(view: View, found: Sequence[Problem], language: Language) -> str:
    translator = view.translator(language)
    must = sum(each.first.obligation is Obligation.MUST for each in found)
    count = len(found)
    if must:
        if count == 1:
            return translator.text("One requirement fails, a mandatory one.", _HERE)
        return translator.text("{count} requirements fail, {must} of them mandatory.", _HERE, count=count, must=must)
    if count == 1:
        return translator.text("One recommendation is not followed.", _HERE)
    return translator.text("{count} recommendations are not followed.", _HERE, count=count)


def ransomware_exposure(view: View) -> tuple[PathExposure, ...]:
    """What was seen of each way in for ransomware; nothing where no requirement of the regime is about any."""
    return exposure_of(view.assessment)


# --- By server --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    """One host or zone, or the system as a whole (an empty name), with what fails there and what was not seen."""

    number: int
    name: str
    addresses: tuple[str, ...]
    problems: tuple[Problem, ...]
    unseen: Mapping[str, int]
    hints: int


def servers(view: View, language: Language) -> tuple[Server, ...]:
    """The servers with something to do or not seen, the worst first, the system as a whole at its rank."""
    by_server: dict[str, list[Finding]] = {}
    for each in view.assessment.findings:
        by_server.setdefault(server_of(view, each), []).append(each)
    found = []
    for name, findings in by_server.items():
        failing = _at_server(view, findings, language)
        unseen = Counter(
            view.translator(language).term(each.cause)
            for each in findings
            if each.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR) and each.cause is not None
        )
        hints = sum(each.outcome is Outcome.FAIL and each.force is Force.INFO for each in findings)
        if failing or unseen:
            addresses = tuple(sorted({each.address for each in findings if each.address}))
            found.append(Server(0, name, addresses, failing, unseen, hints))
    ordered = sorted(found, key=lambda each: (not each.problems, _rank(each), each.name))
    return tuple(
        Server(number, each.name, each.addresses, each.problems, each.unseen, each.hints)
        for number, each in enumerate(ordered, start=1)
    )


def _rank(server: Server) -> tuple[tuple[int, int, bool], int]:
    return (urgency(server.problems[0].first), -len(server.problems)) if server.problems else ((0, 0, False), 0)


def _at_server(view: View, findings: Iterable[Finding], language: Language) -> tuple[Problem, ...]:
    by_requirement: dict[str, list[Finding]] = {}
    for each in findings:
        if each.outcome is Outcome.FAIL and each.force is not Force.INFO:
            by_requirement.setdefault(each.requirement, []).append(each)
    found = _problems(view, by_requirement.values(), language, 1)
    return tuple(sorted(found, key=lambda each: (urgency(each.first), each.first.requirement)))


def _problems(view: View, failures: Iterable[Sequence[Finding]], language: Language, place: int) -> Iterator[Problem]:
    """The problems of failures of one requirement each; ``place`` 0: by server, 1: by service."""
    for each in failures:
        ranked = tuple(sorted(each, key=urgency))
        places = dict.fromkeys(_place(view, one)[place] for one in ranked)
        yield Problem(view.title(ranked[0], language), ranked, tuple(places))


def brief(finding: Finding) -> Finding:
    """The finding with the first members of long lists in its message, and the number of the others."""
    values = {
        name: (*value[:MOST_MEMBERS], f"… (+{len(value) - MOST_MEMBERS})")
        if isinstance(value, tuple) and len(value) > MOST_MEMBERS + 1
        else value
        for name, value in finding.message.values.items()
    }
    return finding.model_copy(update={"message": finding.message.model_copy(update={"values": values})})


#: The end of a sentence, or of a part of one that stands for itself: not in code, and not the dot of *e.g.*
_END = re.compile(r"(?:`[^`]*`|[^`])+?(?:(?<!e\.g)[.](?=\s|\Z)|;(?=\s))", re.DOTALL)


def first_sentence(text: str) -> str:
    """The first sentence of a text, or its first part where a semicolon ends one, with a full stop."""
    found = _END.match(text)
    sentence = found[0].rstrip(";.") + "." if found else text
    return f"{sentence[:1].upper()}{sentence[1:]}"


# --- Software ---------------------------------------------------------------------------------------------------------

_MARKS = {
    "nginx": re.compile(r"\b(nginx|openresty)\b", re.IGNORECASE),
    "apache": re.compile(r"\bApache\b(?!-Coyote)"),
    "haproxy": re.compile(r"\bhaproxy\b", re.IGNORECASE),
    "iis": re.compile(r"\bMicrosoft-IIS\b"),
    "postfix": re.compile(r"\bPostfix\b"),
    "dovecot": re.compile(r"\bDovecot\b"),
}


def software_at(view: View, server: str) -> frozenset[str]:
    """The products that a server names in headers and banners; what it says of itself may be wrong."""
    said = [
        text
        for each in view.evidence.values()
        if each.facts is not None and each.subject.host == server
        for text in _announcements(each.facts)
    ]
    return frozenset(product for product, mark in _MARKS.items() if any(map(mark.search, said)))


def _announcements(facts: object) -> Iterable[str]:
    """The texts of a banner or of a header named server, at any depth of facts."""
    if isinstance(facts, Mapping):
        if facts.get("name") == "server" and isinstance(facts.get("value"), str):
            yield facts["value"]
        for name, value in facts.items():
            if name in ("text", "greeting") and isinstance(value, str):
                yield value
            else:
                yield from _announcements(value)
    elif isinstance(facts, list | tuple):
        for each in facts:
            yield from _announcements(each)
