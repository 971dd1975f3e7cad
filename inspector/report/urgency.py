"""Which failures call for action, and in which order."""

from __future__ import annotations

from inspector.model.finding import Finding, Force, Obligation
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


def urgency(finding: Finding) -> tuple[int, int, bool]:
    """The rank of a failure: by severity, then by force, then by obligation; the smallest is the most urgent."""
    return (-finding.severity.rank, _FORCES.index(finding.force), finding.obligation is not Obligation.MUST)
