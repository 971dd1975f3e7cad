"""Findings in the order of a report: by part, by what became of the requirement, by requirement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inspector import Language, Outcome
from inspector.model.finding import Finding, Force
from inspector.model.observation import Evidence
from inspector.regime.regime import Requirement
from inspector.report.view import View


class Mark(StrEnum):
    """How a finding is marked: its outcome, a failure also by the force of its requirement."""

    BINDING = "binding"
    SIGNS = "signs"
    RECOMMENDED = "recommended"
    HINT = "hint"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"
    PASS = "pass"
    NOT_APPLICABLE = "not-applicable"
    NOT_OBSERVABLE = "not-observable"

    @property
    def sign(self) -> str:
        """A sign that tells the marks apart without their colour."""
        return _SIGNS[self]


_SIGNS = {
    Mark.BINDING: "✕",
    Mark.SIGNS: "▲",
    Mark.RECOMMENDED: "◆",
    Mark.HINT: "i",
    Mark.ERROR: "!",
    Mark.INCONCLUSIVE: "?",
    Mark.PASS: "✓",
    Mark.NOT_APPLICABLE: "–",
    Mark.NOT_OBSERVABLE: "○",
}
_OTHERWISE = {outcome: Mark(outcome.value) for outcome in Outcome if outcome is not Outcome.FAIL}
_FAILED = {
    Force.BINDING: Mark.BINDING,
    Force.CLAUSE_EVIDENCE: Mark.SIGNS,
    Force.BASELINE: Mark.RECOMMENDED,
    Force.INFO: Mark.HINT,
}


def mark_of(finding: Finding) -> Mark:
    """The mark of a finding."""
    return _FAILED[finding.force] if finding.outcome is Outcome.FAIL else _OTHERWISE[finding.outcome]


def meant(mark: Mark) -> tuple[Outcome, Force]:
    """What a mark stands for; the force matters for failures alone."""
    force = next((force for force, each in _FAILED.items() if each is mark), None)
    return (Outcome.FAIL, force) if force is not None else (Outcome(mark.value), Force.INFO)


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one requirement, the gravest first."""

    title: str
    requirement: Requirement | None
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The gravest finding, which places the group."""
        return self.findings[0]

    @property
    def failed(self) -> int:
        """How many of them fail."""
        return sum(each.outcome is Outcome.FAIL for each in self.findings)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a report: ``groups`` by the outcome of each group's gravest finding."""

    letter: str
    findings: tuple[Finding, ...]
    groups: Mapping[Outcome, Sequence[Group]]
    marks: Mapping[Mark, int]

    def of(self, *outcomes: Outcome) -> list[Group]:
        """The groups whose gravest finding has one of these outcomes."""
        return [group for outcome in outcomes for group in self.groups.get(outcome, ())]

    def count(self, mark: Mark) -> int:
        """How many findings have this mark."""
        return self.marks.get(mark, 0)


def part(letter: str, findings: Sequence[Finding], view: View, language: Language) -> Part:
    """A part of these findings, which come gravest first."""
    by_requirement: dict[str, list[Finding]] = {}
    for finding in findings:
        by_requirement.setdefault(finding.requirement, []).append(finding)
    groups: dict[Outcome, list[Group]] = {}
    for each in by_requirement.values():
        group = Group(view.title(each[0], language), view.requirement(each[0]), tuple(each))
        groups.setdefault(each[0].outcome, []).append(group)
    return Part(letter, tuple(findings), groups, Counter(map(mark_of, findings)))


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of evidence with the number under which the report cites it."""

    number: int
    digest: str
    evidence: Evidence


def exhibits(evidence: Mapping[str, Evidence]) -> dict[str, Exhibit]:
    """The evidence by digest, numbered in the order of subjects, probes and looks."""
    ordered = sorted(
        evidence.items(), key=lambda item: (item[1].subject.key, item[1].probe, item[1].scan, item[1].began, item[0])
    )
    return {digest: Exhibit(number, digest, each) for number, (digest, each) in enumerate(ordered, start=1)}


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice of a bar: ``start`` and ``width`` in thousandths of its length."""

    mark: Mark
    start: float
    width: float


def slices(part: Part) -> tuple[Slice, ...]:
    """The bar of a part's findings; empty when it has none."""
    counts = [(mark, part.count(mark)) for mark in Mark]
    total = sum(count for _, count in counts)
    made, start = [], 0
    for mark, count in counts:
        if count:
            made.append(Slice(mark, round(1000 * start / total, 2), round(1000 * count / total, 2)))
        start += count
    return tuple(made)
