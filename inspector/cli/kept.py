"""What a run keeps of each system: its summary, made where it is assessed, and sent as JSON from a worker process."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache

from pydantic import TypeAdapter

from inspector.cli.exit_code import ExitRule, Threshold
from inspector.cli.language import current, use
from inspector.cli.summary import InspectionSummary
from inspector.compare.baseline import Baseline, KnownFailure
from inspector.model.base import Model
from inspector.model.language import Language
from inspector.pipeline.reporting import WrittenAssessment
from inspector.pipeline.run_overview import system_of
from inspector.report.view import View


class KeptOptions(Model):
    """How a summary is made: what counts for its exit code, its language, and whether it has every finding."""

    fail_on: str | None
    baseline: tuple[KnownFailure, ...] | None
    language: Language
    verbose: bool = False

    @classmethod
    def of(cls, rule: ExitRule, *, verbose: bool) -> KeptOptions:
        """The options of this command."""
        fail_on = None if rule.threshold is None else rule.threshold.text
        baseline = None if rule.baseline is None else rule.baseline.failures
        return cls(fail_on=fail_on, baseline=baseline, language=current(), verbose=verbose)

    def rule(self) -> ExitRule:
        """From which findings the exit code follows."""
        threshold = None if self.fail_on is None else Threshold(self.fail_on)
        return ExitRule(threshold, None if self.baseline is None else Baseline(self.baseline))


def summarise(written: WrittenAssessment, options: bytes) -> bytes:
    """The summary of an assessment; an ``inspector.fleet.jobs.Summarise``."""
    given = _options(options)
    use(given.language)
    summary = InspectionSummary.of(written, given.rule(), verbose=given.verbose)
    return _adapter().dump_json(replace(summary, row=system_of(written).model_dump_json()))


def marked(made: View, options: bytes) -> View:
    """The view with what its findings do to the exit code; an ``inspector.fleet.jobs.Mark``."""
    return _options(options).rule().marked(made)


def summary_of(data: bytes) -> InspectionSummary:
    """The summary that ``summarise`` made."""
    return _adapter().validate_json(data)


@lru_cache(maxsize=2)
def _options(data: bytes) -> KeptOptions:
    return KeptOptions.parse(data)


@cache
def _adapter() -> TypeAdapter[InspectionSummary]:
    return TypeAdapter(InspectionSummary)


#: The names of functions, by which a worker process finds them.
SUMMARISE = f"{__name__}:{summarise.__name__}"
MARK = f"{__name__}:{marked.__name__}"
