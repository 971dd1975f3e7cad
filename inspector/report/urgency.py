"""Which failures call for action, in which order, and how many requirements they are of.

Reports, overviews and the terminal count requirements by these functions, so that their numbers agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from inspector.model.finding import Finding, Force, Obligation, Severity
from inspector.model.verdict import Outcome

_FORCES = tuple(Force)


def needs_action(finding: Finding) -> bool:
    """Whether a finding is a failure to deal with: not mere information, not excused, and due."""
    return (
        finding.outcome is Outcome.FAIL
        and finding.force is not Force.INFO
        and not finding.excused
        and not finding.not_yet_due
    )


def urgency(finding: Finding) -> tuple[bool, int, int]:
    """The rank of a failure: what must hold first, then by severity, then by force; the smallest is the most urgent."""
    return (finding.obligation is not Obligation.MUST, -finding.severity.rank, _FORCES.index(finding.force))


def order_of(finding: Finding, entries: Collection[str]) -> tuple[tuple[bool, int, int], bool, str]:
    """The rank of a failing requirement: by urgency, then ``entries`` (requirements about ways in for ransomware)."""
    return (urgency(finding), finding.requirement not in entries, finding.requirement)


def failing_requirements(findings: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    """The failures that need action by the id of their requirement, the most urgent first."""
    found: dict[str, list[Finding]] = {}
    for each in filter(needs_action, findings):
        found.setdefault(each.requirement, []).append(each)
    return {requirement: tuple(sorted(failures, key=urgency)) for requirement, failures in found.items()}


def undecided_requirements(findings: Iterable[Finding]) -> dict[str, Obligation]:
    """The requirements without a conclusion for at least one subject, with their obligation."""
    unclear = (Outcome.INCONCLUSIVE, Outcome.ERROR)
    return {each.requirement: each.obligation for each in findings if each.outcome in unclear}


@dataclass(frozen=True, slots=True)
class RequirementCounts:
    """Numbers of requirements of one assessment, or of several.

    ``must`` and ``by_severity`` are of the ``failing`` ones; ``undecided`` have no conclusion for at least one subject,
    and may fail at another.
    """

    failing: int
    must: int
    by_severity: Mapping[Severity, int]
    undecided: int
    undecided_must: int

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> RequirementCounts:
        """The numbers of these findings of one assessment."""
        findings = tuple(findings)
        worst = [each[0] for each in failing_requirements(findings).values()]
        undecided = undecided_requirements(findings)
        return cls(
            failing=len(worst),
            must=sum(each.obligation is Obligation.MUST for each in worst),
            by_severity={severity: sum(each.severity is severity for each in worst) for severity in Severity},
            undecided=len(undecided),
            undecided_must=sum(each is Obligation.MUST for each in undecided.values()),
        )

    @property
    def rank(self) -> tuple[int, ...]:
        """The rank among assessments, the smallest is the worst: severe failures, mandatory ones, others, undecided."""
        found = self.by_severity
        severe = (-found[Severity.CRITICAL], -found[Severity.HIGH], -self.must)
        return (*severe, -found[Severity.MEDIUM], -found[Severity.LOW], -self.undecided)

    @classmethod
    def total(cls, several: Iterable[RequirementCounts]) -> RequirementCounts:
        """The sum over several assessments: a requirement counts in each."""
        several = tuple(several)
        return cls(
            failing=sum(each.failing for each in several),
            must=sum(each.must for each in several),
            by_severity={severity: sum(each.by_severity[severity] for each in several) for severity in Severity},
            undecided=sum(each.undecided for each in several),
            undecided_must=sum(each.undecided_must for each in several),
        )
