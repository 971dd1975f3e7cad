"""Page one: the verdict in a sentence, the worst problems with what to do first, and what exposes to ransomware."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from inspector import (
    SYSTEM,
    BadUri,
    Finding,
    Force,
    Language,
    Obligation,
    Outcome,
    PathExposure,
    View,
    entry_requirements,
    exposure_of,
    failing_requirements,
    order_of,
    parse_uri,
    undecided_requirements,
    urgency,
)
from inspector_reports.causes import cause_sentence

_HERE = "inspector_reports"
#: How many problems page one shows of mandatory requirements, of others and in all; how many servers and members of a
#: list each names.
MOST_PROBLEMS = 5
MOST_ROWS = 8
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

    @property
    def other_titles(self) -> tuple[str, ...]:
        """The titles in ``also`` that say something else than the problem's own."""
        return tuple(dict.fromkeys(each for each in self.also if each != self.title))


def problems(view: View, language: Language) -> tuple[Problem, ...]:
    """The failing requirements: those that must be met first, each the most urgent first."""
    found = _problems(view, failing_requirements(view.assessment.findings).values(), language, 0)
    entries = entry_requirements(view.assessment.requirements)
    return tuple(sorted(found, key=lambda each: order_of(each.first, entries)))


@dataclass(frozen=True, slots=True)
class Worst:
    """The problems of page one in their order: those of mandatory requirements, and the others."""

    mandatory: tuple[Problem, ...]
    recommended: tuple[Problem, ...]

    @property
    def shown_mandatory(self) -> tuple[Problem, ...]:
        """The first mandatory ones."""
        return self.mandatory[:MOST_PROBLEMS]

    @property
    def shown_recommended(self) -> tuple[Problem, ...]:
        """The first others, for which at least three places are kept."""
        return self.recommended[: max(3, min(MOST_PROBLEMS, MOST_ROWS - len(self.shown_mandatory)))]

    @property
    def left(self) -> int:
        """The number of failing requirements that page one does not show."""
        shown = {id(each) for each in (*self.shown_mandatory, *self.shown_recommended)}
        return sum(1 + len(each.also) for each in (*self.mandatory, *self.recommended) if id(each) not in shown)


def worst(found: Iterable[Problem], view: View, language: Language) -> Worst:
    """The problems in their order, those that one remedy solves as one.

    These are the problems with one certificate, because a new one solves them all, and requirements of one check that
    fail with the same message. The first of them stands for all, so that a mandatory one does.
    """
    first: dict[tuple[str, ...], Problem] = {}
    for each in found:
        message = view.translator(language).message(each.first)
        certificate = each.first.check.startswith("certificate-")
        key = ("certificate", *each.places) if certificate else (each.first.check, message, *each.places)
        known = first.setdefault(key, each)
        if known is not each:
            first[key] = replace(known, also=(*known.also, each.title))
    must = {key: each.first.obligation is Obligation.MUST for key, each in first.items()}
    return Worst(
        mandatory=tuple(each for key, each in first.items() if must[key]),
        recommended=tuple(each for key, each in first.items() if not must[key]),
    )


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
    alone = undecided_requirements(each for each in view.assessment.findings if each.follows_from is None)
    if alone:
        counted = translator.text("Undecided requirements: {count}.", _HERE, count=len(alone))
        if unseen:
            counted = translator.text("Requirements undecided for other causes: {count}.", _HERE, count=len(alone))
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


def _rank(server: Server) -> tuple[tuple[bool, int, int], int]:
    return (urgency(server.problems[0].first), -len(server.problems)) if server.problems else ((False, 0, 0), 0)


def _at_server(view: View, findings: Iterable[Finding], language: Language) -> tuple[Problem, ...]:
    by_requirement: dict[str, list[Finding]] = {}
    for each in findings:
        if each.outcome is Outcome.FAIL and each.force is not Force.INFO:
            by_requirement.setdefault(each.requirement, []).append(each)
    found = _problems(view, by_requirement.values(), language, 1)
    entries = entry_requirements(view.assessment.requirements)
    return tuple(sorted(found, key=lambda each: order_of(each.first, entries)))


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
