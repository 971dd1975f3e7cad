"""html: the report for people, one file that fetches nothing and runs nothing, on screen, on document, on a phone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from inspector import Cause, Language, Outcome, Renderer
from inspector.declare.statement import Decision, StatementKind
from inspector.model.base import Value
from inspector.model.declared import MeasureStatus, Tenancy
from inspector.model.escaping import escape_control, truncate
from inspector.model.finding import ClauseRef, Finding, Force, Obligation, Severity
from inspector.record.assessment import FailedScan
from inspector.regime.regime import Change, Text
from inspector.report.ledger_totals import LedgerTotal
from inspector.report.view import View
from inspector_reports.groups import Exhibit, Group, Mark, exhibits, mark_of, meant, part, slices

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from jinja2.runtime import Macro

_HERE = "inspector_reports"
#: The most characters of any one text in a report.
CHARACTERS = 2000


def render(views: Sequence[View], language: Language) -> bytes:
    """The report of the one view that this format is given."""
    (view,) = views
    return (_template().render(_context(view, language)) + "\n").encode()


def _finalizer() -> Callable[[object], object]:
    from markupsafe import Markup

    def finalize(value: object) -> object:
        """What a template writes: text without anything hidden in it, and never endless; autoescaping comes after."""
        if value is None:
            return ""
        if isinstance(value, str) and not isinstance(value, Markup):
            return truncate(escape_control(value), CHARACTERS)
        return value

    return finalize


@cache
def _template() -> Template:
    return _environment().get_template("report.html.j2")


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(_HERE),
        autoescape=True,
        finalize=_finalizer(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> Any:
    from markupsafe import Markup

    return Markup(files(_HERE).joinpath("static", "report.css").read_text(encoding="utf-8"))  # noqa: S704  (ours)


def _context(view: View, language: Language) -> dict[str, Any]:
    numbered = exhibits(view.evidence)
    parts = (part("A", view.binding, view, language), part("B", view.recommended, view, language))
    return {
        "view": view,
        "inspection": view.inspection,
        "system": view.inspection.system,
        "assessment": view.assessment,
        "coverage": view.assessment.coverage,
        "words": view.translator(language),
        "told": Told(view, language, numbered),
        "lang": language.value,
        "style": _style(),
        "parts": parts,
        "slices": slices,
        "exhibits": tuple(numbered.values()),
        "ended": max((each.ended for each in view.evidence.values()), default=view.inspection.begun),
        "Mark": Mark,
        "Outcome": Outcome,
    }


@dataclass(frozen=True, slots=True)
class Told:
    """What the templates ask for, in one language."""

    view: View
    language: Language
    numbered: Mapping[str, Exhibit]
    _cells: dict[tuple[str, Hashable], str] = field(default_factory=dict)

    def about(self, macro: Macro, finding: Finding) -> str:
        """What ``macro`` writes of what a finding is about, written once for all findings about the same."""
        return self._once(macro, finding, (finding.subject, finding.address, finding.attributed_to))

    def result(self, macro: Macro, finding: Finding) -> str:
        """What ``macro`` writes of what became of a finding, written once for all of which the same became."""
        due = finding.requirement if finding.not_yet_due else None
        return self._once(macro, finding, (finding.outcome, finding.force, finding.cause, finding.confirmed, due))

    def seen(self, macro: Macro, finding: Finding) -> str:
        """What ``macro`` writes of what a finding saw, written once for all findings that saw the same."""
        values = (repr(finding.measured), repr(finding.threshold), finding.facts, finding.declared_status)
        said = (finding.message.model_dump_json(), finding.statements, finding.excused)
        return self._once(macro, finding, (finding.check, finding.outcome, *said, *values))

    def trail(self, macro: Macro, finding: Finding) -> str:
        """What ``macro`` writes of the evidence behind a finding, written once for all findings on the same."""
        return self._once(macro, finding, finding.evidence)

    def _once(self, macro: Macro, finding: Finding, key: Hashable) -> str:
        if (macro.name, key) not in self._cells:
            self._cells[macro.name, key] = macro(self, self.view.translator(self.language), finding)
        return self._cells[macro.name, key]

    def __call__(self, text: str, **values: Value) -> str:
        """A text of the report."""
        return self.view.translator(self.language).say(text, _HERE, **values)

    def source(self, text: str) -> str:
        """Where a fact of the regime comes from; a citation that is the same in both languages stays as it is."""
        return self.view.translator(self.language).word(text, "inspector_profiles")

    def either(self, text: Text) -> str:
        """The side of a bilingual text that this report is written in."""
        return text.vi if self.language is Language.VI else text.en

    def clause(self, clause: ClauseRef) -> str:
        """A clause's title in our words."""
        return clause.title_vi if self.language is Language.VI else clause.title_en

    def mark(self, finding: Finding) -> Mark:
        """How a finding is marked."""
        return mark_of(finding)

    def meaning(self, mark: Mark) -> str:
        """What a mark stands for."""
        return self.view.translator(self.language).called(*meant(mark))

    def measured(self, value: Value | None, finding: Finding) -> str:
        """A measured value or threshold."""
        return self.view.translator(self.language).value(value, self.view.registry.package_of(finding.check))

    def status(self, finding: Finding) -> str:
        """The declared status of the measures behind a finding."""
        known = set(MeasureStatus)
        words = self.view.translator(self.language)
        told = (finding.declared_status or "").split(", ")
        return ", ".join(words.word(MeasureStatus(each)) if each in known else each for each in told)

    def tenancy(self, finding: Finding) -> str:
        """Whose host a finding is attributed to."""
        value = finding.attributed_to or ""
        return self.view.translator(self.language).word(Tenancy(value)) if value in set(Tenancy) else value

    def statement(self, kind: str, decision: str) -> str:
        """What a statement says, and what was decided about it."""
        words = self.view.translator(self.language)
        said = words.word(StatementKind(kind)) if kind in set(StatementKind) else kind
        ruled = words.word(Decision(decision)) if decision in set(Decision) else decision
        return f"{said} ({ruled})"

    def cited(self, finding: Finding) -> list[Exhibit]:
        """The numbered evidence that a finding rests on."""
        found = [self.numbered[each.evidence] for each in finding.evidence if each.evidence in self.numbered]
        return sorted(found, key=lambda each: each.number)

    def due(self, finding: Finding) -> str:
        """The day from which a failure counts."""
        row = self.view.requirement(finding)
        return self.view.translator(self.language).day(row.due_from) if row is not None and row.due_from else ""

    def strength(self, text: str | None) -> str:
        """Force, obligation and severity of a row; a dash where there is no row."""
        words = self.view.translator(self.language)
        if text is None:
            return self("not required")
        force, obligation, severity = text.split("/")
        return " · ".join(
            (words.word(Force(force)), words.word(Obligation(obligation)), words.word(Severity(severity)))
        )

    def changes(self) -> list[tuple[str, Change, list[str]]]:
        """What the next regime changes: title, change, and its clauses as document and number."""
        following = self.view.inspection.next_regime
        known = {each.id: each for each in following.clauses} if following is not None else {}
        return [
            (
                self.either(change.title) if change.title else self.view.heading(change.requirement, self.language),
                change,
                [f"{known[each].document} · {known[each].number}" for each in change.clauses if each in known],
            )
            for change in self.view.assessment.changes
        ]

    def missed(self) -> list[tuple[Cause, list[FailedScan]]]:
        """The scans that saw nothing, by cause."""
        by_cause: dict[Cause, list[FailedScan]] = defaultdict(list)
        for each in self.view.assessment.coverage.missed:
            by_cause[each.cause].append(each)
        return sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0]))

    def headings(self, requirements: Iterable[str]) -> list[str]:
        """Titles of rows."""
        return sorted({self.view.heading(each, self.language) for each in requirements})

    def missing_plugins(self) -> list[str]:
        """Optional plugins that are not installed, and whose requirements were not selected."""
        assessed = self.view.assessment
        missing = set(assessed.coverage.not_installed)
        return sorted({row.plugin for row in assessed.requirements if row.id in missing and row.plugin})

    def sums(self, rows: Sequence[LedgerTotal]) -> tuple[int, int, int, int]:
        """Connections, questions, bytes sent and bytes received in all."""
        return (
            sum(each.connections for each in rows),
            sum(each.questions for each in rows),
            sum(each.sent for each in rows),
            sum(each.received for each in rows),
        )

    def failing(self, groups: Iterable[Group]) -> list[Group]:
        """Groups with a failure, the gravest first; what is only worth knowing needs no attention."""
        failing = (each for each in groups if each.failed and each.first.force is not Force.INFO)
        return sorted(failing, key=lambda each: -each.first.severity.rank)


HTML = Renderer("html", ".html", "text/html", render, localised=True)
