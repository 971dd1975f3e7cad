"""The findings as a table, one row each, for spreadsheets: every cell is one line of plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector import Finding, Language, Outcome, Translator, View, truncate, with_u_labels
from inspector_reports.causes import followed_cause
from inspector_reports.plain_text import one_line
from inspector_reports.standings import reason_of

_HERE = "inspector_reports"
#: The most characters of one cell; Excel takes 32,767.
CHARACTERS = 8000


def headings(translator: Translator) -> tuple[str, ...]:
    """The headings of the columns."""
    return (
        translator.text("System", _HERE),
        translator.text("Level", _HERE),
        translator.text("Severity", _HERE),
        translator.text("Obligation", _HERE),
        translator.text("Result", _HERE),
        translator.text("Requirement", _HERE),
        translator.text("Subject", _HERE),
        translator.text("Address", _HERE),
        translator.text("Observation", _HERE),
        translator.text("Cause", _HERE),
        translator.text("Remediation", _HERE),
        translator.text("Clauses", _HERE),
        translator.text("Does not count because", _HERE),
        translator.text("Confirmed", _HERE),
        translator.text("Seen at", _HERE),
        translator.text("Requirement id", _HERE),
        translator.text("Check", _HERE),
        translator.text("Finding", _HERE),
    )


#: Widths of the columns, in characters.
WIDTHS = (14, 8, 12, 14, 22, 40, 34, 18, 60, 18, 60, 36, 24, 12, 26, 30, 30, 36)


def rows(views: Sequence[View], language: Language) -> Iterator[tuple[str, ...]]:
    """One row for each finding, failures first within a system."""
    for view in views:
        for finding in (*view.binding, *view.recommended):
            yield tuple(_cell(text) for text in _row(view, finding, language))


def _cell(text: str) -> str:
    return truncate(one_line(" ".join(text.split("\n"))), CHARACTERS)


def _row(view: View, finding: Finding, language: Language) -> tuple[str, ...]:
    translator = view.translator(language)
    failed = finding.outcome is Outcome.FAIL
    whole = translator.text("the whole system", _HERE)
    confirmed = {True: translator.text("confirmed", _HERE), False: translator.text("not confirmed", _HERE)}
    return (
        view.inspection.system.id,
        str(view.assessment.level),
        translator.term(finding.severity),
        translator.term(finding.obligation),
        translator.verdict(finding),
        view.title(finding, language),
        whole if finding.subject == "system:" else with_u_labels(finding.subject),
        finding.address or "",
        followed_cause(view, finding, language) or translator.message(finding),
        translator.term(finding.cause) if finding.cause else "",
        translator.check(finding.check, "remediation") if failed else "",
        "; ".join(f"{each.document} {each.number}" for each in finding.clauses),
        reason_of(view, finding, language),
        confirmed[finding.confirmed] if finding.confirmed is not None else "",
        translator.instant(finding.seen_at) if finding.seen_at else "",
        finding.requirement,
        finding.check,
        finding.id,
    )
