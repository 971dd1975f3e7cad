"""The exit code: 0 nothing fails, 1 something does, 3 something could not be seen (2 is misuse)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from inspector.cli.arguments import RunArguments
from inspector.cli.baseline import load_baseline
from inspector.compare.baseline import Baseline
from inspector.model.base import Cause
from inspector.model.errors import UsageError
from inspector.model.finding import Finding, Obligation, Severity
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Evidence
from inspector.model.verdict import Outcome
from inspector.report.declared_vs_seen import has_port_states
from inspector.report.standing import Standing
from inspector.report.view import View

CLEAN, FAILING, MISUSE, UNSEEN = 0, 1, 2, 3
NO_BASELINE = Baseline()


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


def standing(
    finding: Finding, threshold: Threshold, baseline: Baseline = NO_BASELINE, *, within: bool = False
) -> Standing:
    """What one finding does to the exit code.

    A failure that was in the baseline, is excused by an accepted statement, or is not yet due does not count; nor does
    what was not selected, where the inspection was bounded by ``--within``, nor what the declaration may leave out and
    does. A question that was never asked counts.
    """
    unseen = finding.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)
    if finding.outcome is not Outcome.FAIL and not unseen:
        return Standing.NOTHING
    if unseen and (finding.cause is Cause.NOT_STATED or (within and finding.cause is Cause.NOT_SELECTED)):
        return Standing.LEFT_OUT
    if finding.outcome is Outcome.FAIL:
        if finding.excused:
            return Standing.EXCUSED
        if finding.not_yet_due:
            return Standing.NOT_YET_DUE
        if finding in baseline:
            return Standing.BASELINE
    if not threshold.reached(finding):
        return Standing.BELOW
    return Standing.UNSEEN if unseen else Standing.FAILS


def exit_code(
    findings: Iterable[Finding], threshold: Threshold, baseline: Baseline = NO_BASELINE, *, within: bool = False
) -> int:
    """The exit code of these findings, by what each of them does to it."""
    found = {standing(each, threshold, baseline, within=within) for each in findings}
    return FAILING if Standing.FAILS in found else UNSEEN if Standing.UNSEEN in found else CLEAN


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
    baseline: Baseline | None = None

    @classmethod
    def of(cls, arguments: RunArguments) -> ExitRule:
        """The rule of ``--fail-on`` and ``--baseline``. Raises UsageError."""
        return cls(Threshold(arguments.fail_on), load_baseline(arguments.baseline) if arguments.baseline else None)

    def standings(self, view: View) -> tuple[Standing, ...]:
        """What each finding of an assessment does to its exit code, in the order of the findings."""
        known, within = self.baseline or NO_BASELINE, _is_bounded(view)
        return tuple(standing(each, self.threshold, known, within=within) for each in view.assessment.findings)

    def marked(self, view: View) -> View:
        """The view with what its findings do to the exit code, for the formats that show it."""
        blind = not _is_bounded(view) and is_blind(view)
        return replace(view, standings=self.standings(view), blind=blind, baseline=self.baseline)

    def code(self, view: View) -> int:
        """The exit code of an assessment."""
        found = set(self.standings(view))
        if Standing.FAILS in found:
            return FAILING
        blind = not _is_bounded(view) and is_blind(view)
        return UNSEEN if Standing.UNSEEN in found or blind else CLEAN


def _is_bounded(view: View) -> bool:
    """Whether ``--within`` ended the inspection."""
    return view.inspection.plan.selection.within_seconds is not None


def worst(codes: Iterable[int]) -> int:
    """The exit code of several systems together: a failure outweighs what was not seen."""
    return max(codes, key=(CLEAN, UNSEEN, FAILING, MISUSE).index, default=CLEAN)
