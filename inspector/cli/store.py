"""``inspector store``: an index over an archive of inspections, the state of every failure, and its history."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from inspector.cli import terminal
from inspector.cli.exit_code import CLEAN
from inspector.cli.inputs import check_choice, parse_dimensions, read_settings
from inspector.cli.language import _, current, translated
from inspector.cli.output import print_or_write
from inspector.fleet.gc_tuning import COLLECT_AFTER, reduced_gc
from inspector.model.domain_name import with_u_labels
from inspector.model.errors import UsageError
from inspector.model.escaping import escape_control
from inspector.model.finding import Severity
from inspector.model.subject import SYSTEM
from inspector.regime.regime import day_of
from inspector.registry.registry import installed
from inspector.report.messages import Translator, dated
from inspector.store import queries
from inspector.store.archive import NotCounted
from inspector.store.database import FILE, location_of, opened
from inspector.store.history import FindingState
from inspector.store.ingest import Ingested, ingest, rebuild
from inspector.tables.store import trusted_signers

if TYPE_CHECKING:
    from inspector.declare.settings import Settings
    from inspector.store.schema import FindingRow, InspectionRow

#: The exit code where something of the archive is not counted.
PARTIAL = 1
#: So many of what is not counted, and of findings in one state, are printed.
_MOST = 20


@contextmanager
def _store(settings: Settings, store: str | None, *, create: bool = False) -> Iterator[sa.Engine]:
    with opened(location_of(store) if store else settings.output / FILE, create=create) as engine:
        yield engine


def rebuild_store(archive: Path, store: str | None, settings: Path | None) -> int:
    """Make the store again from an archive. 0: everything counts, 1: something does not. Raises InspectorError."""
    own = read_settings(settings)
    with _store(own, store, create=True) as engine, reduced_gc():
        made = rebuild(engine, archive, installed(), trusted_signers(own), _progress())
        return _print_ingested(engine, made)


def ingest_new(archive: Path | None, store: str | None, settings: Path | None) -> int:
    """Take what is new in the archive. 0: everything counts, 1: something does not. Raises InspectorError."""
    own = read_settings(settings)
    with _store(own, store, create=True) as engine, reduced_gc():
        made = ingest(engine, archive or own.output, installed(), trusted_signers(own), _progress())
        return _print_ingested(engine, made)


def _progress() -> Callable[[int], None]:
    def progress(number: int) -> None:
        if number % COLLECT_AFTER == 0:
            gc.collect()
        if number % 500 == 0:
            terminal.print_note(_("{count} inspections read", count=number))

    return progress


def _print_ingested(engine: sa.Engine, made: Ingested) -> int:
    terminal.print_result(
        _("Inspections that count: {count} taken, {known} known before", count=made.counted, known=made.known)
    )
    if made.rejudged:
        terminal.print_result(_("Assessed again under the rules of a later inspection: {count}", count=made.rejudged))
    if not made.not_counted:
        return CLEAN
    translator = _translator()
    counts = ", ".join(
        f"{translator.term(cause)}: {made.not_counted[cause]}" for cause in NotCounted if made.not_counted[cause]
    )
    terminal.print_result(_("Not counted: {counts}", counts=counts))
    with engine.connect() as connection:
        for folder, cause, detail in connection.execute(queries.LISTS["not-counted"].limit(_MOST)):
            said = translator.term(NotCounted(cause))
            first = translated(detail.splitlines()[0]) if detail else ""
            text = f"{folder}: {said}" + (f" ({first})" if first else "")
            terminal.print_result(f"  {escape_control(text, keep='')}")
    if made.not_counted[NotCounted.UNKNOWN_SIGNER]:
        terminal.print_note(_("if you know whose keys they are, add them to trusted_signers in your settings"))
    left = sum(made.not_counted.values()) - _MOST
    if left > 0:
        terminal.print_result("  " + _("and {count} more; 'inspector store export not-counted' lists all", count=left))
    return PARTIAL


def _translator() -> Translator:
    return Translator(installed(), current())


# --- Lists ------------------------------------------------------------------------------------------------------------


def export(
    what: str, *, form: str, states: Sequence[str], output: Path | None, store: str | None, settings: Path | None
) -> int:
    """Print or write a list of the store. Raises InspectorError."""
    check_choice("export", what, tuple(queries.LISTS))
    check_choice("--format", form, queries.FORMATS)
    for each in states:
        check_choice("--state", each, tuple(FindingState))
    if states and what not in ("findings", "events"):
        raise UsageError("--state is for findings and events", remedy="leave it out")
    with _store(read_settings(settings), store) as engine:
        print_or_write(queries.export(engine, what, form, states), output)
    return CLEAN


def print_sums(*, by: str, form: str | None, output: Path | None, store: str | None, settings: Path | None) -> int:
    """Print or write counts of systems and of their open failures. Raises InspectorError."""
    if form is not None:
        check_choice("--format", form, queries.FORMATS)
    dimensions = parse_dimensions(by, queries.DIMENSIONS) or queries.DIMENSIONS
    with _store(read_settings(settings), store) as engine:
        rows = queries.sums(engine, dimensions)
    names = (*dimensions, *queries.SUMS)
    if form is not None or output is not None:
        print_or_write(queries.rows_as(form or "csv", names, [[row[name] for name in names] for row in rows]), output)
        return CLEAN
    if not rows:
        terminal.print_result(_("The store has no inspections"))
    for row in rows:
        where = ", ".join(_shown(name, row[name]) for name in dimensions)
        text = _(
            "{where}: {systems} systems, {must} of them with mandatory requirements that fail; {open} open failures, "
            "{severe} of them high or critical",
            where=where,
            systems=row["systems"],
            must=row["systems_open_must"],
            open=row["open"],
            severe=row["open_severe"],
        )
        if row["listed"] is not None:
            text += "; " + _(
                "{listed} in the inventory, {never} of them never inspected; {unlisted} inspected in no list",
                listed=row["listed"],
                never=row["not_inspected"],
                unlisted=row["not_listed"],
            )
        terminal.print_result(escape_control(text, keep=""))
    return CLEAN


def _shown(dimension: str, value: str | int | None) -> str:
    """The value of a dimension in words."""
    if dimension == "level":
        return _("level {level}", level=value) if value is not None else _("level unknown")
    return str(value) or "-"


# --- The history of a system ------------------------------------------------------------------------------------------


def print_history(name: str, *, form: str, store: str | None, settings: Path | None) -> int:
    """Print the inspections of a system and the state of its findings. Raises InspectorError."""
    check_choice("--format", form, ("text", "json"))
    with _store(read_settings(settings), store) as engine:
        found = queries.history(engine, name)
    if form == "json":
        terminal.print_result(queries.rows_as("json", ("history",), [[_json(found)]]).decode().removesuffix("\n"))
        return CLEAN
    for line in _lines(found):
        terminal.print_result(escape_control(line, keep=""))
    return CLEAN


_INSPECTION = ("inspection", "declared", "folder", "level", "regime", "begun", "open", "open_must", "failed")
_FINDING = ("id", "requirement", "subject", "failing", "severity", "obligation", "state", "reason", "is_open")


def _json(found: queries.SystemHistory) -> dict[str, Any]:
    """The history for programs: inspections with their events, and findings."""
    return {
        "system": found.system.key,
        "name": found.system.name,
        "inspections": [
            _fields(each, (*_INSPECTION, *_states()))
            | {"events": [_fields(event, ("finding", "state", "reason")) for event in found.events.get(each.id, ())]}
            for each in found.inspections
        ],
        "findings": [
            _fields(each, (*_FINDING, "first_seen", "last_seen", "changed"))
            for each in _ordered(found.findings.values())
        ],
    }


def _states() -> tuple[str, ...]:
    return tuple(each.value.replace("-", "_") for each in FindingState)


def _fields(row: object, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in values.items()}


def _ordered(rows: Any) -> list[FindingRow]:
    return sorted(rows, key=lambda each: (-Severity(each.severity).rank, each.requirement, each.subject))


def _lines(found: queries.SystemHistory) -> Iterator[str]:
    translator = _translator()
    yield f"{found.system.key}: {found.system.name}"
    if not found.inspections:
        yield _("never inspected")
    for each in found.inspections:
        line = _inspection_line(each, translator)
        yield line if each.declared == found.system.key else line + _(" (declared as {key})", key=each.declared)
    for state in FindingState:
        rows = _ordered(row for row in found.findings.values() if row.state == state.value)
        if rows:
            yield f"{translator.term(state)}: {len(rows)}"
        for row in rows[:_MOST]:
            yield f"  {_finding_line(row, translator)}"
        if len(rows) > _MOST:
            yield "  " + _("and {count} more", count=len(rows) - _MOST)


def _inspection_line(row: InspectionRow, translator: Translator) -> str:
    counts = {state: getattr(row, state.value.replace("-", "_")) for state in FindingState}
    text = ", ".join(f"{translator.term(state)} {count}" for state, count in counts.items() if count)
    return _(
        "{day}: level {level}, {open} open failures ({must} mandatory); {changes}",
        day=_day(row.begun),
        level=row.level,
        open=row.open,
        must=row.open_must,
        changes=text or _("no failure before or now"),
    )


def _finding_line(row: FindingRow, translator: Translator) -> str:
    subject = with_u_labels(row.subject) if row.subject != SYSTEM.uri else _("the whole system")
    at = ", ".join(each for each in row.failing if each)
    title = translator.check(row.check, "title") or row.requirement
    where = f"{subject} {at}" if at else subject
    text = f"{translator.term(Severity(row.severity))}: {where} – {title}"
    since = _("since {first}, last seen {last}", first=_day(row.first_seen), last=_day(row.last_seen))
    if not row.is_open:
        since = _("from {first} to {last}", first=_day(row.first_seen), last=_day(row.changed))
    reason = f"; {translator.term(_reason(row.reason))}" if row.reason else ""
    return f"{text} ({since}{reason})"


def _reason(text: str) -> Any:
    from inspector.compare.difference import ChangeReason

    return ChangeReason(text)


def _day(instant: datetime) -> str:
    return dated(day_of(instant).isoformat(), current())
