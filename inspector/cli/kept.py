"""What a run keeps of each system: its summary, made where it is assessed, and sent as JSON from a worker process."""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter

from inspector.cli.exit_code import ExitRule, Threshold
from inspector.cli.language import current, use
from inspector.cli.summary import InspectionSummary
from inspector.model.base import Model
from inspector.model.language import Language
from inspector.pipeline.reporting import WrittenAssessment


class KeptOptions(Model):
    """How a summary is made: what counts for its exit code, and its language."""

    fail_on: str
    baseline: tuple[str, ...]
    language: Language

    @classmethod
    def of(cls, fail_on: str, rule: ExitRule) -> KeptOptions:
        """The options of this command."""
        return cls(fail_on=fail_on, baseline=tuple(sorted(rule.baseline)), language=current())


def summarise(written: WrittenAssessment, options: bytes) -> bytes:
    """The summary of an assessment; an ``inspector.fleet.jobs.Summarise``."""
    given = KeptOptions.parse(options)
    use(given.language)
    rule = ExitRule(Threshold(given.fail_on), frozenset(given.baseline))
    return _adapter().dump_json(InspectionSummary.of(written, rule))


def summary_of(data: bytes) -> InspectionSummary:
    """The summary that ``summarise`` made."""
    return _adapter().validate_json(data)


@cache
def _adapter() -> TypeAdapter[InspectionSummary]:
    return TypeAdapter(InspectionSummary)


#: The name of ``summarise``, by which a worker process finds it.
SUMMARISE = f"{__name__}:{summarise.__name__}"
