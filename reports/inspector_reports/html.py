"""html: the report for people, one file without scripts or external resources, for screen, print and phone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from inspector import (
    BilingualText,
    Cause,
    ClauseRef,
    CommonCause,
    Deadline,
    Decision,
    FailedScan,
    Finding,
    Force,
    Language,
    LedgerTotal,
    MeasureStatus,
    Obligation,
    Outcome,
    Overlay,
    ProductRemedies,
    RegimeChange,
    Renderer,
    RequirementCounts,
    Severity,
    StatementKind,
    Tenancy,
    Value,
    View,
    escape_control,
    open_overlays,
    truncate,
    with_u_labels,
)
from inspector_reports import overview
from inspector_reports.groups import (
    Group,
    Mark,
    NumberedEvidence,
    bar_segments,
    mark_of,
    number_causes,
    number_evidence,
    outcome_and_force,
    part,
)

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from jinja2.runtime import Macro

_HERE = "inspector_reports"
#: The maximum length of any text in a report, in characters.
MAX_CHARACTERS = 2000


def render(views: Sequence[View], language: Language) -> bytes:
    """The HTML report of the view; this format takes exactly one."""
    (view,) = views
    return (_template().render(_context(view, language)) + "\n").encode()


def _finalizer() -> Callable[[object], object]:
    from markupsafe import Markup

    def finalize(value: object) -> object:
        """The output of a template expression: control characters escaped, truncated; autoescaping follows."""
        if value is None:
            return ""
        if isinstance(value, str) and not isinstance(value, Markup):
            return truncate(escape_control(value), MAX_CHARACTERS)
        return value

    return finalize


@cache
def _template() -> Template:
    return environment().get_template("report.html.j2")


@cache
def environment() -> Environment:
    """The templates of the reports, which escape whatever they show."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_HERE),
        autoescape=True,
        finalize=_finalizer(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_u_labels"] = with_u_labels
    return environment


@cache
def style() -> Any:
    """The style sheet of the reports."""
    from markupsafe import Markup

    return Markup(files(_HERE).joinpath("static", "report.css").read_text(encoding="utf-8"))  # noqa: S704  (ours)


def _context(view: View, language: Language) -> dict[str, Any]:
    numbered = number_evidence(view.evidence)
    causes = number_causes(view)
    found = overview.problems(view, language)
    counts = RequirementCounts.of(view.assessment.findings)
    page = TemplateFunctions(view, language, numbered)
    parts = (
        part("A", view.binding, causes, view, language),
        part("B", view.recommended, causes, view, language),
    )
    return {
        "view": view,
        "inspection": view.inspection,
        "system": view.inspection.system,
        "assessment": view.assessment,
        "coverage": view.assessment.coverage,
        "translator": view.translator(language),
        "page": page,
        "_": page.text,
        "lang": language.value,
        "style": style(),
        "parts": parts,
        "causes": causes,
        "bar_segments": bar_segments,
        "problems": found,
        "worst": overview.worst(found, view, language),
        "conclusion": overview.conclusion(view, found, language),
        "counts": counts,
        "severities": [(each, counts.by_severity[each]) for each in reversed(Severity) if counts.by_severity[each]],
        "exposure": overview.ransomware_exposure(view),
        "servers": overview.servers(view, language),
        "server_of": partial(overview.server_of, view),
        "decided": _decided(view),
        "unchecked_documents": _unchecked_documents(view),
        "evidence_list": tuple(numbered.values()),
        "ended": max((each.ended for each in view.evidence.values()), default=view.inspection.begun),
        "Mark": Mark,
        "Outcome": Outcome,
    }


def _decided(view: View) -> int:
    """The number of requirements with a verdict for at least one subject."""
    verdicts = (Outcome.PASS, Outcome.FAIL, Outcome.NOT_APPLICABLE)
    return len({each.requirement for each in view.assessment.findings if each.outcome in verdicts})


def _unchecked_documents(view: View) -> list[str]:
    """The documents of the clauses of failures that were not checked against the original."""
    failing = (each for each in view.assessment.findings if each.outcome is Outcome.FAIL)
    return sorted({clause.document for each in failing for clause in each.clauses if clause.confidence != "H"})


@dataclass(frozen=True, slots=True)
class ServerRemedies:
    """The remedies of one product for ``count`` problems of a server; ``named``: the server says that it is this."""

    remedies: ProductRemedies
    count: int
    named: bool


@dataclass(frozen=True, slots=True)
class TemplateFunctions:
    """The functions that the templates call, in one language."""

    view: View
    language: Language
    numbered: Mapping[str, NumberedEvidence]
    _cells: dict[tuple[str, Hashable], str] = field(default_factory=dict)

    def about(self, macro: Macro, finding: Finding) -> str:
        """The output of ``macro`` for the subject of a finding, rendered once per subject."""
        return self._once(macro, finding, (finding.subject, finding.address, finding.attributed_to))

    def result(self, macro: Macro, finding: Finding) -> str:
        """The output of ``macro`` for the result of a finding, rendered once per result."""
        due = finding.requirement if finding.not_yet_due else None
        seen = (finding.outcome, finding.force, finding.cause, finding.confirmed, due, self.known(finding))
        return self._once(macro, finding, seen)

    def seen(self, macro: Macro, finding: Finding) -> str:
        """The output of ``macro`` for the observation of a finding, rendered once per observation."""
        values = (repr(finding.measured), repr(finding.threshold), finding.facts, finding.declared_status)
        message = (finding.message.model_dump_json(), finding.statements, finding.excused)
        return self._once(macro, finding, (finding.check, finding.outcome, *message, *values))

    def trail(self, macro: Macro, finding: Finding) -> str:
        """The output of ``macro`` for the evidence of a finding, rendered once per list of evidence."""
        return self._once(macro, finding, finding.evidence)

    def _once(self, macro: Macro, finding: Finding, key: Hashable) -> str:
        if (macro.name, key) not in self._cells:
            self._cells[macro.name, key] = macro(self, self.view.translator(self.language), finding)
        return self._cells[macro.name, key]

    MOST_SERVERS = overview.MOST_SERVERS

    def brief_message(self, finding: Finding) -> str:
        """The message of a finding, long lists cut."""
        return self.view.translator(self.language).message(overview.brief(finding))

    def first_step(self, finding: Finding) -> str:
        """The first sentence of the remediation of a finding's check."""
        return overview.first_sentence(self.view.translator(self.language).check(finding.check, "remediation"))

    def short_notes(self, finding: Finding) -> list[str]:
        """What a reader must know beside a failure, in a few words each."""
        notes = []
        if finding.not_yet_due:
            notes.append(self.text("not yet due: from {day}", day=self.due(finding)))
        if finding.confirmed is False:
            notes.append(self.text("not confirmed by a second scan"))
        if finding.attributed_to:
            text = "Host: {tenancy}; attributed to its provider"
            notes.append(self.text(text, tenancy=self.tenancy(finding)))
        notes.extend(self.statement(each.kind, each.decision) for each in finding.statements)
        return notes

    def remedies(self, server: overview.Server) -> list[ServerRemedies]:
        """The remedies for the problems of a server, by product; those that it names itself are to be shown."""
        named = overview.software_at(self.view, server.name)
        failures = [each for problem in server.problems for each in problem.findings]
        found = self.view.remedies(failures)
        return [
            ServerRemedies(each, sum(problem.first.check in each.checks for problem in server.problems), one)
            for each in found
            for one in (each.product in named or len(found) == 1,)
        ]

    def text(self, text: str, **values: Value) -> str:
        """A text of the report, translated."""
        return self.view.translator(self.language).text(text, _HERE, **values)

    def source(self, text: str) -> str:
        """The source of a regime's fact, translated; a citation without translation is unchanged."""
        return self.view.translator(self.language).term(text, "inspector_profiles")

    def either(self, text: BilingualText) -> str:
        """The bilingual text in the language of the report."""
        return text.vi if self.language is Language.VI else text.en

    def clause(self, clause: ClauseRef) -> str:
        """The title of a clause, as summarised by the regime."""
        return clause.title_vi if self.language is Language.VI else clause.title_en

    def mark(self, finding: Finding) -> Mark:
        """The mark of a finding."""
        return mark_of(finding)

    def meaning(self, mark: Mark) -> str:
        """The label of a mark."""
        if mark is Mark.FOLLOWS:
            return self.text("not seen, follows from a common cause")
        return self.view.translator(self.language).outcome_label(*outcome_and_force(mark))

    def known(self, finding: Finding) -> bool:
        """Whether a finding is a failure that the baseline contains."""
        return self.view.is_known(finding)

    def cause(self, cause: CommonCause) -> str:
        """What was not seen of which subject, and why."""
        return self.view.cause_text(cause, self.language)

    def values(self, finding: Finding) -> list[tuple[str, str, int]]:
        """What was measured and the threshold, unless the message says it: name, text, members if they are many."""
        said = list(finding.message.values.values())
        found = []
        measured, threshold = self.text("measured"), self.text("threshold")
        for name, value in ((measured, finding.measured), (threshold, finding.threshold)):
            members = len(value) if isinstance(value, tuple) else 0
            long = members if members > overview.MOST_MEMBERS + 1 else 0
            if value is not None and (long or value not in said):
                found.append((name, self._value(value, finding), long))
        return found

    def _value(self, value: Value, finding: Finding) -> str:
        return self.view.translator(self.language).value(value, self.view.registry.package_of(finding.check))

    def status(self, finding: Finding) -> str:
        """The declared status of the measures of a finding, translated."""
        known = set(MeasureStatus)
        translator = self.view.translator(self.language)
        declared = (finding.declared_status or "").split(", ")
        return ", ".join(translator.term(MeasureStatus(each)) if each in known else each for each in declared)

    def tenancy(self, finding: Finding) -> str:
        """The tenancy of the host to which a finding is attributed, translated."""
        value = finding.attributed_to or ""
        return self.view.translator(self.language).term(Tenancy(value)) if value in set(Tenancy) else value

    def statement(self, kind: str, decision: str) -> str:
        """The kind of a statement and the decision about it, translated."""
        translator = self.view.translator(self.language)
        label = translator.term(StatementKind(kind)) if kind in set(StatementKind) else kind
        decided = translator.term(Decision(decision)) if decision in set(Decision) else decision
        return f"{label} ({decided})"

    def cited(self, finding: Finding) -> list[NumberedEvidence]:
        """The numbered evidence of a finding."""
        found = [self.numbered[each.evidence] for each in finding.evidence if each.evidence in self.numbered]
        return sorted(found, key=lambda each: each.number)

    def due(self, finding: Finding) -> str:
        """The due date of a finding's requirement; empty when it has none."""
        row = self.view.requirement(finding)
        return self.view.translator(self.language).day(row.due_from) if row is not None and row.due_from else ""

    def strength(self, text: str | None) -> str:
        """Force, obligation and severity of a requirement, translated; "not required" where there is none."""
        translator = self.view.translator(self.language)
        if text is None:
            return self.text("not required")
        force, obligation, severity = text.split("/")
        return " · ".join(
            (
                translator.term(Force(force)),
                translator.term(Obligation(obligation)),
                translator.term(Severity(severity)),
            )
        )

    def changes(self) -> list[tuple[str, RegimeChange, list[str]]]:
        """The changes of the next regime: title, change, and its clauses as document and number."""
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

    def open_overlays(self) -> tuple[Overlay, ...]:
        """The overlays that may apply, but for facts that are not stated."""
        regime, inspection = self.view.regime, self.view.inspection
        return open_overlays(regime, inspection.system, self.view.assessment.as_of) if regime is not None else ()

    def deadlines(self) -> list[Deadline]:
        """The terms and frequencies of the regime at the assessed level."""
        regime, level = self.view.regime, self.view.assessment.level
        return [each for each in regime.deadlines if level in each.levels] if regime is not None else []

    def grounds(self, deadline: Deadline) -> list[str]:
        """The clauses of a deadline at the assessed level, as document and number."""
        level = self.view.assessment.level
        clauses = self.view.regime.clauses if self.view.regime is not None else ()
        known = {each.id: each for each in clauses if level in each.levels}
        return [f"{known[each].document} · {known[each].number}" for each in deadline.clauses if each in known]

    def when(self, deadline: Deadline) -> str:
        """The day, the span or the interval of a deadline."""
        return self.view.translator(self.language).deadline(deadline)

    def dossier(self) -> dict[str, str]:
        """What the declaration says of the dossier by field, empty where nothing is stated."""
        system = self.view.inspection.system
        approval, appraisal, regulation = system.approval, system.appraisal, system.regulation
        return {
            "approving_body": self._joined(approval.by, approval.body) if approval else "",
            "appraisal": self._joined(appraisal.by, appraisal.body, appraisal.opinion, appraisal.date)
            if appraisal
            else "",
            "regulation": self._joined(regulation.number, regulation.date, regulation.by) if regulation else "",
            "expected_approval": self._joined(approval.expected) if approval else "",
            "expected_plan": self._joined(system.plan_expected),
            "in_operation_from": self._joined(system.in_operation_from),
            "specialised_unit": self._joined(system.specialised_unit),
            "provider": self._joined(system.provider),
            "inspections": self._listed(system.inspections, lambda each: (each.kind, each.date, each.by)),
            "changes": self._listed(system.changes, lambda each: (each.date, each.description)),
            "risk_assessed": self._joined(system.risk_assessed),
            "yearly_reports": self._listed(system.yearly_reports, lambda each: (str(each.year), each.sent)),
            "incident_contact": self._joined(system.incident_contact_filed),
        }

    def _joined(self, *parts: str | Enum | date | None) -> str:
        """The stated parts as one text: terms and days in the language of the report, names as they are."""
        translator = self.view.translator(self.language)
        texts = []
        for each in parts:
            if isinstance(each, date):
                texts.append(translator.day(each))
            elif each in ("never", "none"):
                texts.append(self.text("none"))
            elif each:
                texts.append(translator.term(each) if isinstance(each, Enum) else each)
        return ", ".join(texts)

    def _listed(self, items: Sequence[Any] | None, parts: Callable[[Any], Iterable[str | Enum | date | None]]) -> str:
        """The stated items as one text; an empty list states that there is none."""
        return "" if items is None else "; ".join(self._joined(*parts(each)) for each in items) or self.text("none")

    def missed(self) -> list[tuple[Cause, list[FailedScan]]]:
        """The failed scans by cause, the most frequent cause first."""
        by_cause: dict[Cause, list[FailedScan]] = defaultdict(list)
        for each in self.view.assessment.coverage.missed:
            by_cause[each.cause].append(each)
        return sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0]))

    def headings(self, requirements: Iterable[str]) -> list[str]:
        """The titles of requirements, sorted."""
        return sorted({self.view.heading(each, self.language) for each in requirements})

    def missing_plugins(self) -> list[str]:
        """Optional plugins that are not installed, and whose requirements were not selected."""
        assessed = self.view.assessment
        missing = set(assessed.coverage.not_installed)
        return sorted({row.plugin for row in assessed.requirements if row.id in missing and row.plugin})

    def sums(self, rows: Sequence[LedgerTotal]) -> tuple[int, int, int, int]:
        """The totals of connections, queries, bytes sent and bytes received."""
        return (
            sum(each.connections for each in rows),
            sum(each.questions for each in rows),
            sum(each.sent for each in rows),
            sum(each.received for each in rows),
        )

    def failing(self, groups: Iterable[Group]) -> list[Group]:
        """The groups with a failure, most severe first, without those of force info."""
        failing = (each for each in groups if each.failed and each.first.force is not Force.INFO)
        return sorted(failing, key=lambda each: -each.first.severity.rank)


HTML = Renderer("html", ".html", "text/html", render, localised=True)
