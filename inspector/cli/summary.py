"""What is printed of assessments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inspector.cli.exit_code import ExitRule
from inspector.cli.language import _, current, translated
from inspector.model.domain_name import with_u_labels
from inspector.model.escaping import escape_control
from inspector.model.finding import Finding
from inspector.model.subject import SYSTEM
from inspector.model.verdict import Outcome
from inspector.pipeline.reporting import WrittenAssessment, view
from inspector.record.plan import VantageLimit
from inspector.registry.registry import Registry
from inspector.report.view import CauseGroup, View
from inspector.seal import Bundle


@dataclass(frozen=True, slots=True)
class InspectionSummary:
    """What is printed of an assessment; the assessment itself is on the disk, and no longer in memory.

    ``folder`` is the assessment's, ``failures`` one line per failing finding, ``causes`` one per common cause,
    ``followers`` the number of findings that follow from them, ``limits`` one per limit of the vantage, ``code`` the
    exit code.
    """

    system: str
    level: int
    regime: str
    counts: Mapping[Outcome, int]
    failures: tuple[str, ...]
    causes: tuple[str, ...]
    limits: tuple[str, ...]
    followers: int
    folder: Path
    code: int

    @classmethod
    def of(cls, written: WrittenAssessment, rule: ExitRule) -> InspectionSummary:
        """The summary of an assessment that was written."""
        made, folder = written
        translator = made.translator(current())
        return cls(
            system=made.inspection.system.id,
            level=made.assessment.level,
            regime=made.assessment.regime,
            counts=made.counts(),
            failures=tuple(
                escape_control(
                    f"{translator.term(each.severity)}: {_subject(each)} – {made.title(each, current())}: "
                    f"{translator.message(each)}",
                    keep="",
                )
                for each in (*made.binding, *made.recommended)
                if each.outcome is Outcome.FAIL
            ),
            causes=tuple(_cause_line(made, each) for each in made.causes()),
            limits=tuple(limit_line(each) for each in made.inspection.plan.limits),
            followers=len(made.followers),
            folder=folder,
            code=rule.code(made),
        )

    def view(self, registry: Registry) -> View:
        """The assessment, read back."""
        bundle = Bundle.open(self.folder.parents[1])
        return view(bundle, bundle.assessment(self.folder.name).assessment, registry)


def limit_line(limit: VantageLimit) -> str:
    """A limit of the vantage, with the addresses or names that it concerns."""
    return escape_control(f"{translated(limit.detail)}: {with_u_labels(', '.join(limit.addresses))}", keep="")


def _cause_line(made: View, group: CauseGroup) -> str:
    """A common cause, and how many requirements could not be inspected for it."""
    text = _(
        "{reason}; requirements that could not be inspected because of it: {count}",
        reason=made.cause_text(group.cause, current()),
        count=len(group.followers),
    )
    return escape_control(text, keep="")


def _subject(finding: Finding) -> str:
    """What a finding is about, among those of several systems: the subject with its address, or the system's id."""
    subject = finding.system if finding.subject == SYSTEM.uri else finding.subject
    return with_u_labels(f"{subject} {finding.address}" if finding.address else subject)
