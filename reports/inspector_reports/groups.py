"""Groups the findings of a report by part, outcome and requirement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from inspector import CauseGroup, Evidence, Finding, Force, Language, Outcome, Requirement, View


class Mark(StrEnum):
    """The mark of a finding: its outcome, and for a failure the force of its requirement."""

    BINDING = "binding"
    SIGNS = "signs"
    RECOMMENDED = "recommended"
    HINT = "hint"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    FOLLOWS = "follows"
    PASS = "pass"
    NOT_APPLICABLE = "not-applicable"
    NOT_OBSERVABLE = "not-observable"

    @property
    def symbol(self) -> str:
        """A symbol that distinguishes the marks without colour."""
        return _SYMBOLS[self]


_SYMBOLS = {
    Mark.BINDING: "✕",
    Mark.SIGNS: "▲",
    Mark.RECOMMENDED: "◆",
    Mark.HINT: "i",
    Mark.ERROR: "!",
    Mark.INCONCLUSIVE: "?",
    Mark.FOLLOWS: "↳",
    Mark.PASS: "✓",
    Mark.NOT_APPLICABLE: "–",
    Mark.NOT_OBSERVABLE: "○",
}
_BY_OUTCOME = {outcome: Mark(outcome.value) for outcome in Outcome if outcome is not Outcome.FAIL}
_BY_FORCE = {
    Force.BINDING: Mark.BINDING,
    Force.CLAUSE_EVIDENCE: Mark.SIGNS,
    Force.BASELINE: Mark.RECOMMENDED,
    Force.INFO: Mark.HINT,
}


def mark_of(finding: Finding) -> Mark:
    """The mark of a finding."""
    if finding.follows_from is not None:
        return Mark.FOLLOWS
    return _BY_FORCE[finding.force] if finding.outcome is Outcome.FAIL else _BY_OUTCOME[finding.outcome]


def outcome_and_force(mark: Mark) -> tuple[Outcome, Force]:
    """The outcome and force of a mark other than ``FOLLOWS``; the force is meaningful for failures only."""
    force = next((force for force, each in _BY_FORCE.items() if each is mark), None)
    return (Outcome.FAIL, force) if force is not None else (Outcome(mark.value), Force.INFO)


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one requirement, most severe first."""

    title: str
    requirement: Requirement | None
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The most severe finding, which determines the position of the group."""
        return self.findings[0]

    @property
    def failed(self) -> int:
        """The number of failed findings."""
        return sum(each.outcome is Outcome.FAIL for each in self.findings)


@dataclass(frozen=True, slots=True)
class NumberedCause:
    """A common cause with the number by which the report cites it, and what follows from it."""

    number: int
    group: CauseGroup
    followers: tuple[Finding, ...]


def number_causes(view: View) -> tuple[NumberedCause, ...]:
    """The common causes of an assessment, numbered from 1."""
    return tuple(NumberedCause(number, each, each.followers) for number, each in enumerate(view.causes(), start=1))


@dataclass(frozen=True, slots=True)
class ReportPart:
    """One part of a report, with ``groups`` by the outcome of their most severe finding.

    What follows from a common cause stands in ``causes``, and in no group.
    """

    letter: str
    findings: tuple[Finding, ...]
    groups: Mapping[Outcome, Sequence[Group]]
    causes: Sequence[NumberedCause]
    marks: Mapping[Mark, int]

    def of(self, *outcomes: Outcome) -> list[Group]:
        """The groups whose most severe finding has one of these outcomes."""
        return [group for outcome in outcomes for group in self.groups.get(outcome, ())]

    def count(self, mark: Mark) -> int:
        """The number of findings with this mark."""
        return self.marks.get(mark, 0)


def part(
    letter: str, findings: Sequence[Finding], causes: Iterable[NumberedCause], view: View, language: Language
) -> ReportPart:
    """The part with these findings, which must be sorted by severity, most severe first."""
    by_requirement: dict[str, list[Finding]] = {}
    for finding in (each for each in findings if each.follows_from is None):
        by_requirement.setdefault(finding.requirement, []).append(finding)
    groups: dict[Outcome, list[Group]] = {}
    for each in by_requirement.values():
        group = Group(view.title(each[0], language), view.requirement(each[0]), tuple(each))
        groups.setdefault(each[0].outcome, []).append(group)
    here = tuple(replace(each, followers=_followers(findings, each)) for each in causes)
    found = tuple(each for each in here if each.followers)
    return ReportPart(letter, tuple(findings), groups, found, Counter(map(mark_of, findings)))


def _followers(findings: Iterable[Finding], cause: NumberedCause) -> tuple[Finding, ...]:
    return tuple(each for each in findings if each.follows_from == cause.group.cause)


@dataclass(frozen=True, slots=True)
class NumberedEvidence:
    """Evidence with the number by which the report cites it."""

    number: int
    digest: str
    evidence: Evidence


def number_evidence(evidence: Mapping[str, Evidence]) -> dict[str, NumberedEvidence]:
    """The evidence by digest, numbered in the order of subject, probe and scan."""
    ordered = sorted(
        evidence.items(), key=lambda item: (item[1].subject.key, item[1].probe, item[1].scan, item[1].began, item[0])
    )
    return {digest: NumberedEvidence(number, digest, each) for number, (digest, each) in enumerate(ordered, start=1)}


@dataclass(frozen=True, slots=True)
class BarSegment:
    """A segment of a bar chart: ``start`` and ``width`` in thousandths of the bar."""

    mark: Mark
    start: float
    width: float


def bar_segments(part: ReportPart) -> tuple[BarSegment, ...]:
    """The bar chart of a part's findings by mark; empty when it has none."""
    counts = [(mark, part.count(mark)) for mark in Mark]
    total = sum(count for _, count in counts)
    segments, start = [], 0
    for mark, count in counts:
        if count:
            segments.append(BarSegment(mark, round(1000 * start / total, 2), round(1000 * count / total, 2)))
        start += count
    return tuple(segments)
