"""html: what changed between two inspections, one page for all systems, in the manner of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inspector import (
    SYSTEM,
    ChangedFinding,
    DifferenceView,
    FindingChange,
    Language,
    Side,
    SystemDifference,
    Value,
    with_u_labels,
)
from inspector_reports.html import environment, style

_HERE = "inspector_reports"
#: Symbols that distinguish the changes without colour.
_SYMBOLS = {
    FindingChange.NEW: "+",
    FindingChange.STILL: "=",
    FindingChange.NOT_SEEN_AGAIN: "?",
    FindingChange.BY_THE_RULES: "§",
    FindingChange.FIXED: "✓",
}
#: The colour of a change, as that of a mark of the report.
_MARKS = {
    FindingChange.NEW: "binding",
    FindingChange.STILL: "signs",
    FindingChange.NOT_SEEN_AGAIN: "inconclusive",
    FindingChange.BY_THE_RULES: "hint",
    FindingChange.FIXED: "pass",
}


def render_difference(view: DifferenceView, language: Language) -> bytes:
    """The page in one language."""
    page = DifferenceFunctions(view, language)
    context: dict[str, Any] = {
        "view": view,
        "page": page,
        "translator": view.translator(language),
        "_": page.text,
        "lang": language.value,
        "style": style(),
        "counts": view.counts(),
    }
    return (environment().get_template("difference.html.j2").render(context) + "\n").encode()


@dataclass(frozen=True, slots=True)
class DifferenceFunctions:
    """The functions that the template calls, in one language."""

    view: DifferenceView
    language: Language

    def text(self, text: str, **values: Value) -> str:
        """A text of the report, translated."""
        return self.view.translator(self.language).text(text, _HERE, **values)

    def symbol(self, change: FindingChange) -> str:
        """The symbol of a change."""
        return _SYMBOLS[change]

    def colour(self, change: FindingChange) -> str:
        """The class of a change in the style sheet."""
        return _MARKS[change]

    def title(self, changed: ChangedFinding) -> str:
        """The title of a finding's requirement."""
        return self.view.title(changed.finding, self.language)

    def subject(self, changed: ChangedFinding) -> str:
        """What a finding is about."""
        if changed.finding.subject == SYSTEM.uri:
            return self.text("the whole system")
        return with_u_labels(changed.finding.subject)

    def said(self, changed: ChangedFinding) -> str:
        """What fails now, or what failed before."""
        translator = self.view.translator(self.language)
        message = translator.message(changed.finding)
        return message if changed.fails else translator.composed("before: {message}", _HERE, message=message)

    def reason(self, changed: ChangedFinding) -> str:
        """Why a finding was not seen again, or is changed by the rules; empty for the other changes."""
        return self.view.explanation(changed, self.language)

    def inspected(self, side: Side | None) -> str:
        """When a side was inspected and under which rules it is judged here."""
        if side is None:
            return self.text("not inspected")
        translator = self.view.translator(self.language)
        when = translator.instant(side.begun) if side.begun else self.text("at a time that the file does not state")
        if side.regime is None or side.as_of is None or side.level is None:
            return when
        return translator.composed(
            "{when}, judged under {regime} as of {day}, level {level}",
            _HERE,
            when=when,
            regime=translator.value(side.regime),
            day=translator.day(side.as_of),
            level=str(side.level),
        )

    def changed(self, difference: SystemDifference) -> list[tuple[FindingChange, tuple[ChangedFinding, ...]]]:
        """The findings by change, without changes that no finding has."""
        return [(change, found) for change in FindingChange if (found := difference.of(change))]
