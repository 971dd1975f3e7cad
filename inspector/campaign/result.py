"""What a campaign keeps of the inspection of a system."""

from __future__ import annotations

from typing import Self

from pydantic import ValidationError

from inspector.model.base import Instant, Model
from inspector.model.errors import EngineError
from inspector.model.finding import Obligation
from inspector.model.verdict import Outcome
from inspector.pipeline.reporting import WrittenAssessment
from inspector.report.view import View


class UnitResult(Model):
    """A sealed inspection: where it is, its head digest, and how many findings have each outcome.

    ``failed_must`` counts the mandatory requirements that failed.
    """

    run: str
    system: str
    inspection: str
    capture: str
    assessment: str
    begun: Instant
    outcomes: dict[Outcome, int]
    failed_must: int

    @classmethod
    def parse(cls, data: bytes | str) -> Self:
        """The result that the journal has. Raises EngineError where that is damaged."""
        try:
            return super().parse(data)
        except ValidationError:
            raise EngineError(
                "the result of a system in the journal of campaigns is malformed",
                remedy="move the file away and start the campaign under a new id; "
                "sealed inspections are in the archive",
            ) from None


def summarise(written: WrittenAssessment, _options: bytes) -> bytes:
    """The result of an assessment; an ``inspector.fleet.jobs.Summarise``."""
    view = written.view
    must = sum(
        each.outcome is Outcome.FAIL and each.obligation is Obligation.MUST and not each.not_yet_due
        for each in view.assessment.findings
    )
    return UnitResult(
        run=view.inspection.run,
        system=view.inspection.system.id,
        inspection=view.inspection.id,
        capture=view.head,
        assessment=written.folder.name,
        begun=view.inspection.begun,
        outcomes=view.counts(),
        failed_must=must,
    ).canonical()


def unmarked(view: View, _options: bytes) -> View:
    """The view as it is: nothing of a campaign depends on an exit code; an ``inspector.fleet.jobs.Mark``."""
    return view


#: The names of functions, by which a worker process finds them.
SUMMARISE = f"{__name__}:{summarise.__name__}"
MARK = f"{__name__}:{unmarked.__name__}"
