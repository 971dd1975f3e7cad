"""The exit code: 0 nothing fails, 1 something does, 3 something could not be seen (2 is misuse)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from inspector.cli.arguments import RunArguments
from inspector.model.base import Cause
from inspector.model.errors import UsageError
from inspector.model.finding import Finding, Obligation, Severity
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Evidence
from inspector.model.regular_file import read_regular
from inspector.model.verdict import Outcome
from inspector.report.declared_vs_seen import has_port_states
from inspector.report.view import View

CLEAN, FAILING, MISUSE, UNSEEN = 0, 1, 2, 3
#: The most bytes of a baseline.
_MOST_BYTES = 256 * 2**20


class Threshold:
    """Which findings count: ``must`` (what the regime obliges), or a severity and everything above it."""

    def __init__(self, text: str = "must") -> None:
        self.severity: Severity | None = None
        if text != Obligation.MUST.value:
            try:
                self.severity = Severity(text)
            except ValueError:
                known = ", ".join(["must", *(each.value for each in Severity)])
                raise UsageError(
                    FormattedMessage("--fail-on {text} is not known", text=text),
                    remedy=FormattedMessage("write one of {known}", known=known),
                ) from None

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
    what was not selected, where the inspection was bounded by ``--within``, nor what the declaration may leave out and
    does. A question that was never asked counts.
    """
    code = CLEAN
    for finding in findings:
        if not threshold.reached(finding):
            continue
        if finding.outcome is Outcome.FAIL:
            if not (finding.excused or finding.not_yet_due or finding.id in baseline):
                return FAILING
        elif finding.cause is Cause.NOT_STATED or (within and finding.cause is Cause.NOT_SELECTED):
            continue
        elif finding.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR):
            code = UNSEEN
    return code


def is_blind(view: View) -> bool:
    """Whether no endpoint answered: no scan gave an observation, or no connection to a target received a byte.

    A sweep that observed the ports of a host has an answer, also where all are closed; a system without planned scans
    needs none.
    """
    coverage = view.assessment.coverage
    if coverage.asked and not coverage.seen:
        return True
    if any(each.facts is not None and _is_sweep(view, each) for each in view.evidence.values()):
        return False
    connected = [each for each in view.ledger.targets if each.connections]
    return bool(connected) and not any(each.received for each in connected)


def _is_sweep(view: View, evidence: Evidence) -> bool:
    kind = view.registry.kinds.get(evidence.kind)
    return kind is not None and has_port_states(kind)


@dataclass(frozen=True, slots=True)
class ExitRule:
    """From which findings the exit code of an assessment follows."""

    threshold: Threshold
    baseline: frozenset[str]

    @classmethod
    def of(cls, arguments: RunArguments) -> ExitRule:
        """The rule of ``--fail-on`` and ``--baseline``. Raises UsageError."""
        return cls(
            Threshold(arguments.fail_on), load_baseline(arguments.baseline) if arguments.baseline else frozenset()
        )

    def code(self, view: View) -> int:
        """The exit code of an assessment."""
        within = view.inspection.plan.selection.within_seconds is not None
        code = exit_code(view.assessment.findings, self.threshold, self.baseline, within=within)
        return UNSEEN if code == CLEAN and not within and is_blind(view) else code


def worst(codes: Iterable[int]) -> int:
    """The exit code of several systems together: a failure outweighs what was not seen."""
    return max(codes, key=(CLEAN, UNSEEN, FAILING, MISUSE).index, default=CLEAN)


def load_baseline(path: Path) -> frozenset[str]:
    """The ids of the findings that failed in an earlier ``findings.json``. Raises UsageError."""
    try:
        content = json.loads(read_regular(path, _MOST_BYTES))
        findings = content["findings"] if isinstance(content, dict) else content
        return frozenset(each["id"] for each in findings if each["outcome"] == Outcome.FAIL.value)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            FormattedMessage("{path}: no findings can be read: {reason}", path=path, reason=error),
            remedy="give a findings.json of an earlier assessment",
        ) from None
