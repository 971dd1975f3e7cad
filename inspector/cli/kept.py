"""What a run keeps of each system: its summary, made where it is assessed, and sent as JSON from a worker process."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from inspector.cli.arguments import RunArguments
from inspector.cli.exit_code import ExitRule
from inspector.cli.language import current, use
from inspector.cli.summary import InspectionSummary
from inspector.model.base import Model
from inspector.model.language import Language
from inspector.pipeline.reporting import WrittenAssessment
from inspector.report.view import View


class KeptOptions(Model):
    """How a summary is made: what counts for its exit code, whether every finding is told, and its language."""

    fail_on: str | None
    baseline: Path | None
    verbose: bool
    language: Language

    @classmethod
    def of(cls, arguments: RunArguments) -> KeptOptions:
        """The options of this command."""
        baseline = arguments.baseline and arguments.baseline.absolute()
        return cls(fail_on=arguments.fail_on, baseline=baseline, verbose=arguments.verbose, language=current())


@lru_cache(maxsize=1)
def _rule(options: bytes) -> tuple[ExitRule, KeptOptions]:
    given = KeptOptions.parse(options)
    return ExitRule.of(RunArguments(fail_on=given.fail_on, baseline=given.baseline)), given


def summarise(written: WrittenAssessment, options: bytes) -> bytes:
    """The summary of an assessment; an ``inspector.fleet.jobs.Summarise``."""
    rule, given = _rule(options)
    use(given.language)
    return _adapter().dump_json(InspectionSummary.of(written, rule, verbose=given.verbose))


def mark(view: View, options: bytes) -> View:
    """The view with what its findings do to the exit code; an ``inspector.fleet.jobs.Mark``."""
    return _rule(options)[0].marked(view)


def summary_of(data: bytes) -> InspectionSummary:
    """The summary that ``summarise`` made."""
    return _adapter().validate_json(data)


@cache
def _adapter() -> TypeAdapter[InspectionSummary]:
    return TypeAdapter(InspectionSummary)


#: The names of both functions, by which a worker process finds them.
SUMMARISE = f"{__name__}:{summarise.__name__}"
MARK = f"{__name__}:{mark.__name__}"
