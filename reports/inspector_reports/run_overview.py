"""The overview of a run over several systems: HTML for people, CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from inspector import (
    Cause,
    Language,
    RequirementRow,
    RunOverview,
    RunRenderer,
    RunState,
    Severity,
    SystemRow,
    Translator,
    display_json,
    escape_control,
    escape_formula,
    truncate,
)
from inspector_reports.html import MAX_CHARACTERS, environment, style

_HERE = "inspector_reports"
#: How many failing requirements the page shows before it folds the rest.
SHOWN_REQUIREMENTS = 20


class _NoContributions:
    """A registry without contributions: the overview holds its titles itself."""

    checks: Mapping[str, object] = {}
    schemes: Mapping[str, object] = {}
    kinds: Mapping[str, object] = {}

    def package_of(self, _check: str) -> str:
        return _HERE


@dataclass(frozen=True, slots=True)
class LevelRow:
    """The systems of one level: how many, how many with failures that must not be, and how many otherwise."""

    level: int
    systems: int
    must: int
    severe: int
    undecided: int


def level_rows(overview: RunOverview) -> tuple[LevelRow, ...]:
    """The assessed systems by level, from 5 down."""
    by_level: dict[int, list[SystemRow]] = {}
    for each in overview.assessed:
        by_level.setdefault(each.level or 0, []).append(each)
    return tuple(
        LevelRow(
            level=level,
            systems=len(rows),
            must=sum(each.must > 0 for each in rows),
            severe=sum(each.failing.critical + each.failing.high > 0 for each in rows),
            undecided=sum(each.undecided_must > 0 for each in rows),
        )
        for level, rows in sorted(by_level.items(), reverse=True)
    )


@dataclass(frozen=True, slots=True)
class MissedRow:
    """The scans without an observation for one cause: how many, and of which systems, those with most first."""

    cause: Cause
    scans: int
    systems: tuple[tuple[str, int], ...]


def missed_rows(overview: RunOverview) -> tuple[MissedRow, ...]:
    """The scans without an observation by cause, the most frequent first."""
    found: dict[Cause, Counter[str]] = {}
    for each in overview.assessed:
        for cause, count in each.missed.items():
            found.setdefault(cause, Counter())[each.system] = count
    rows = (MissedRow(cause, counts.total(), tuple(counts.most_common())) for cause, counts in found.items())
    return tuple(sorted(rows, key=lambda row: (-row.scans, row.cause)))


class RunFunctions:
    """What the template of the overview calls, in one language."""

    def __init__(self, overview: RunOverview, language: Language) -> None:
        self.language = language
        self.translator = Translator(_NoContributions(), language)  # type: ignore[arg-type]  # nothing to look up
        self._titles = {each.requirement: each for each in overview.requirements}

    def text(self, text: str, **values: int | str) -> str:
        """A text of the overview, translated."""
        return self.translator.text(text, _HERE, **values)

    def title(self, row: RequirementRow) -> str:
        """The title of a requirement."""
        return row.title.vi if self.language is Language.VI else row.title.en

    def worst(self, row: SystemRow) -> str:
        """The titles of the worst failures of a system."""
        return "; ".join(dict.fromkeys(self.title(self._titles[each]) for each in row.worst if each in self._titles))

    def state(self, state: RunState) -> str:
        """What became of an inspection."""
        return {
            RunState.ASSESSED: self.text("assessed"),
            RunState.NOT_ASSESSED: self.text("sealed, not assessed"),
            RunState.INTERRUPTED: self.text("not finished"),
            RunState.FAILED: self.text("could not be inspected"),
            RunState.UNREADABLE: self.text("the bundle cannot be read"),
        }[state]

    def link(self, row: SystemRow) -> str:
        """The address of a system's report, relative to the overview; empty where there is none."""
        path = row.report.get(self.language, "")
        return f"./{quote(path)}" if path else ""

    def report_command(self, overview: RunOverview) -> str:
        """The command that writes the reports of the worst system without one; empty where all have theirs."""
        missing = next((each for each in overview.assessed if each.folder and not self.link(each)), None)
        if missing is None:
            return ""
        return shlex.join(("inspector", "report", f"./{missing.folder}", "--to", f"./reports/{missing.system}"))


def render_html(overview: RunOverview, language: Language) -> bytes:
    """The overview as one page without scripts or external resources."""
    page = RunFunctions(overview, language)
    rows = overview.assessed
    made = (
        environment()
        .get_template("run.html.j2")
        .render(
            overview=overview,
            page=page,
            _=page.text,
            translator=page.translator,
            lang=language.value,
            style=style(),
            totals=overview.totals,
            levels=level_rows(overview),
            missed=missed_rows(overview),
            days=sorted({page.translator.day(each.began) for each in rows if each.began}),
            causes=Counter(page.state(each.state) for each in overview.others),
            severities=[each for each in reversed(Severity) if each is not Severity.INFO],
            shown=SHOWN_REQUIREMENTS,
        )
    )
    return (made + "\n").encode()


_COLUMNS = (
    *("system", "name", "owner", "level", "regime", "state", "detail", "began", "as_of"),
    *("critical", "high", "medium", "low", "mandatory_failing", "undecided", "undecided_mandatory"),
    *("scans_seen", "scans_planned", "scans_missed", "worst", "ransomware", "shared_with", "folder", "inspection"),
)


def render_csv(overview: RunOverview, _language: Language) -> bytes:
    """The systems as CSV in UTF-8 with a mark of its encoding, one line each; no cell is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    shared = _shared_with(overview)
    for each in overview.systems:
        cells = (
            *(each.system, each.name, each.owner, each.level, each.regime, each.state.value, each.detail),
            *(each.began and each.began.isoformat(), each.as_of and each.as_of.isoformat()),
            *(each.failing.critical, each.failing.high, each.failing.medium, each.failing.low),
            *(each.must, each.undecided, each.undecided_must, each.scans_seen, each.scans_planned),
            " ".join(f"{cause.value}:{count}" for cause, count in each.missed.items()),
            *(" ".join(each.worst), " ".join(each.ways_in), shared.get(each.system, ""), each.folder, each.inspection),
        )
        writer.writerow(_cell(cell) for cell in cells)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _shared_with(overview: RunOverview) -> dict[str, str]:
    """By system: each identity that it shares with systems of other owners, and with which; ``CHECK FACT: SYSTEMS``."""
    found: dict[str, list[str]] = {}
    for each in overview.shared:
        for system in each.systems:
            others = " ".join(other for other in each.systems if other != system)
            found.setdefault(system, []).append(f"{each.check} {each.fact}: {others}")
    return {system: "; ".join(texts) for system, texts in found.items()}


def _cell(value: object) -> object:
    """A value as a cell: without control characters, and with an apostrophe where a spreadsheet would see a formula."""
    if not isinstance(value, str):
        return value
    return escape_formula(truncate(escape_control(value, keep=""), MAX_CHARACTERS))


def render_json(overview: RunOverview, _language: Language) -> bytes:
    """The overview as JSON."""
    return display_json({**overview.model_dump(mode="json"), "totals": overview.totals.model_dump(mode="json")})


RUN_HTML = RunRenderer("html", ".html", "text/html", render_html, localised=True)
RUN_CSV = RunRenderer("csv", ".csv", "text/csv", render_csv)
RUN_JSON = RunRenderer("json", ".json", "application/json", render_json)
