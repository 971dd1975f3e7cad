"""What the exit code says: 0 clean, 1 something fails, 3 something could not be seen (2 is misuse)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from inspector.model.base import Cause
from inspector.model.errors import UsageError
from inspector.model.finding import Finding, Obligation, Severity
from inspector.model.verdict import Outcome

CLEAN, FAILING, MISUSE, UNSEEN = 0, 1, 2, 3


class Threshold:
    """From when a finding counts: ``must`` (what the regime obliges), or a severity and everything graver."""

    def __init__(self, text: str = "must") -> None:
        self.severity: Severity | None = None
        if text != Obligation.MUST.value:
            try:
                self.severity = Severity(text)
            except ValueError:
                known = ", ".join(["must", *(each.value for each in Severity)])
                raise UsageError(f"--fail-on {text} is not known", remedy=f"write one of {known}") from None

    def reached(self, finding: Finding) -> bool:
        """Whether the finding counts."""
        if self.severity is None:
            return finding.obligation is Obligation.MUST
        return finding.severity.rank >= self.severity.rank


def exit_code(
    findings: Iterable[Finding], threshold: Threshold, baseline: Collection[str] = (), *, within: bool = False
) -> int:
    """The exit code of these findings.

    A failure that was in the baseline, is excused by an accepted statement, or is not yet due does not count; nor does
    what was not selected, where the inspection was bounded by ``--within``. A question that was never asked counts.
    """
    code = CLEAN
    for finding in findings:
        if not threshold.reached(finding):
            continue
        if finding.outcome is Outcome.FAIL:
            if not (finding.excused or finding.not_yet_due or finding.id in baseline):
                return FAILING
        elif within and finding.cause is Cause.NOT_SELECTED:
            continue
        elif finding.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR):
            code = UNSEEN
    return code


def gravest(codes: Iterable[int]) -> int:
    """The exit code of several systems together: a failure outweighs what was not seen."""
    return max(codes, key=(CLEAN, UNSEEN, FAILING, MISUSE).index, default=CLEAN)


def baseline_of(path: Path) -> frozenset[str]:
    """The ids of the findings that failed in an earlier ``findings.json``. Raises UsageError."""
    try:
        told = json.loads(path.read_bytes())
        findings = told["findings"] if isinstance(told, dict) else told
        return frozenset(each["id"] for each in findings if each["outcome"] == Outcome.FAIL.value)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: no findings can be read: {error}", remedy="give a findings.json of an earlier assessment"
        ) from None
