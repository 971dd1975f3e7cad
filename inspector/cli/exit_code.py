"""The exit code: 0 nothing fails, 1 something does, 3 something could not be seen (2 is misuse)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from inspector.cli.arguments import RunArguments
from inspector.cli.baseline import load_baseline
from inspector.compare.baseline import Baseline
from inspector.model.base import Cause
from inspector.model.errors import UsageError
from inspector.model.finding import Finding, Force, Obligation, Severity
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Evidence
from inspector.model.verdict import Outcome
from inspector.report.declared_vs_seen import has_port_states, transport_of
from inspector.report.standing import Standing
from inspector.report.urgency import needs_action
from inspector.report.view import View

CLEAN, FAILING, MISUSE, UNSEEN = 0, 1, 2, 3
NO_BASELINE = Baseline()
#: Why failures that were seen do not count.
SPARED = frozenset({Standing.BASELINE, Standing.EXCUSED, Standing.NOT_YET_DUE})
#: The tag of the quick selection for pipelines.
SMOKE = "smoke"


class Threshold:
    """Which findings count: ``must`` (what the regime obliges), a severity and everything above it, or both."""

    def __init__(self, text: str = "must") -> None:
        self.text = text
        self.must = False
        self.severity: Severity | None = None
        for name in text.split(","):
            if name == Obligation.MUST.value:
                self.must = True
            elif self.severity is None and name in set(Severity):
                self.severity = Severity(name)
            else:
                known = ", ".join(["must", *(each.value for each in Severity)])
                raise UsageError(
                    FormattedMessage("--fail-on {text} is not known", text=text),
                    remedy=FormattedMessage("write one of {known}, or must with a severity, as must,high", known=known),
                ) from None

    def reached(self, finding: Finding) -> bool:
        """Whether the finding counts."""
        if self.must and finding.obligation is Obligation.MUST:
            return True
        return self.severity is not None and finding.severity.rank >= self.severity.rank


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
    """Whether no endpoint answered: none has an address, no scan gave an observation, or no connection to a target
    received a byte.

    A sweep that observed the TCP ports of a host has an answer, also where all are closed; a system without planned
    scans needs none.
    """
    coverage = view.assessment.coverage
    if (coverage.asked and not coverage.seen) or view.inspection.plan.reaches_nothing:
        return True
    if any(each.facts is not None and _is_sweep(view, each) for each in view.evidence.values()):
        return False
    connected = [each for each in view.ledger.targets if each.connections]
    return bool(connected) and not any(each.received for each in connected)


def _is_bounded(view: View) -> bool:
    """Whether ``--within`` ended the inspection."""
    return view.inspection.plan.selection.within_seconds is not None


def _is_sweep(view: View, evidence: Evidence) -> bool:
    kind = view.registry.kinds.get(evidence.kind)
    return kind is not None and has_port_states(kind) and transport_of(kind) == "tcp"


@dataclass(frozen=True, slots=True)
class Reckoning:
    """An exit code and what it follows from.

    ``counted`` are the numbers of requirements by what their findings do to it, ``below`` those of the failing ones
    that the threshold leaves out, by severity; ``blind``: no endpoint answered.
    """

    code: int
    threshold: str
    counted: Counter[Standing]
    below: Counter[Severity]
    blind: bool


@dataclass(frozen=True, slots=True)
class ExitRule:
    """From which findings the exit code of an assessment follows; ``threshold`` None: what fits the inspection."""

    threshold: Threshold | None
    baseline: Baseline | None = None

    @classmethod
    def of(cls, arguments: RunArguments) -> ExitRule:
        """The rule of ``--fail-on`` and ``--baseline``. Raises UsageError."""
        threshold = Threshold(arguments.fail_on) if arguments.fail_on else None
        return cls(threshold, load_baseline(arguments.baseline) if arguments.baseline else None)

    def marked(self, view: View) -> View:
        """The view with what its findings do to the exit code, for the formats that show it."""
        blind = not _is_bounded(view) and is_blind(view)
        return replace(view, standings=self.standings(view), blind=blind, baseline=self.baseline)

    def threshold_of(self, view: View) -> Threshold:
        """The given threshold, or else ``must``; without documents, and for the smoke selection, also what is high."""
        if self.threshold is not None:
            return self.threshold
        inspection = view.inspection
        has_documents = bool(inspection.endpoint_locations)
        return Threshold("must" if has_documents and SMOKE not in inspection.plan.selection.tags else "must,high")

    def standings(self, view: View) -> tuple[Standing, ...]:
        """What each finding of an assessment does to its exit code, in the order of the findings."""
        threshold, known, within = self.threshold_of(view), self.baseline or NO_BASELINE, _is_bounded(view)
        return tuple(standing(each, threshold, known, within=within) for each in view.assessment.findings)

    def reckon(self, view: View) -> Reckoning:
        """The exit code of an assessment, with its reasons."""
        found = list(zip(view.assessment.findings, self.standings(view), strict=True))
        # What was only information never was among the failing requirements that something spares.
        told = [each for each in found if each[1] not in SPARED or each[0].force is not Force.INFO]
        counted = Counter(standing for standing, _id in {(each[1], each[0].requirement) for each in told})
        code = FAILING if counted[Standing.FAILS] else UNSEEN if counted[Standing.UNSEEN] else CLEAN
        blind = not _is_bounded(view) and is_blind(view)
        lenient = {
            (each.requirement, each.severity)
            for each, standing in found
            if standing is Standing.BELOW and needs_action(each)
        }
        below = Counter(severity for _requirement, severity in lenient)
        code = UNSEEN if code == CLEAN and blind else code
        return Reckoning(code, self.threshold_of(view).text, counted, below, blind)

    def code(self, view: View) -> int:
        """The exit code of an assessment."""
        return self.reckon(view).code


def worst(codes: Iterable[int]) -> int:
    """The exit code of several systems together: a failure outweighs what was not seen."""
    return max(codes, key=(CLEAN, UNSEEN, FAILING, MISUSE).index, default=CLEAN)
