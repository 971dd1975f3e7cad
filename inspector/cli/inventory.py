"""``inspector inventory``: lists of systems to a sealed snapshot, and statistics and declarations of it."""

from __future__ import annotations

import datetime as dt
import gc
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector import __version__
from inspector.cli import terminal
from inspector.cli.exit_code import CLEAN, MISUSE
from inspector.cli.inputs import check_choice, parse_dimensions, read_settings
from inspector.cli.language import _, current, translated
from inspector.cli.output import print_or_write
from inspector.declare.settings import Settings
from inspector.inventory import snapshot as snapshots
from inspector.inventory.columns import load_map
from inspector.inventory.declarations import declarations
from inspector.inventory.due import PROMISE, DueItem, State, as_csv, as_json, due
from inspector.inventory.imports import Imported, ImportRequest, import_lists
from inspector.inventory.notes import Note, Severity
from inspector.inventory.snapshot import Snapshot
from inspector.inventory.statistics import ALL, COLUMNS, DIMENSIONS, FORMATS, Statistics, headings, share, statistics
from inspector.model.base import now
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.language import Language
from inspector.model.subject import Scheme
from inspector.pipeline.reporting import write_private
from inspector.regime.loader import load_all
from inspector.seal.signing import SigningKey
from inspector.tables.store import trusted_signers

if TYPE_CHECKING:
    from inspector.report.messages import Translator

#: The exit code where lists were refused and others imported.
PARTIAL = 1
#: So many notes of each kind are printed; all are in --format json and in the snapshot.
_MOST_NOTES = 20


def parse_day(text: str, option: str) -> dt.date:
    """A day of the command line. Raises UsageError."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            FormattedMessage("{option} {value}: not a date", option=option, value=text),
            remedy="write it as 2026-12-14",
        ) from None


def folder_of(settings: Settings, inventory: Path | None) -> Path:
    """The folder of the snapshots: ``--inventory``, else ``inventory`` in the output folder."""
    return inventory or settings.output / snapshots.FOLDER


def open_snapshot(settings: Path | None, inventory: Path | None, name: str | None) -> Snapshot:
    """The snapshot whose digest begins with ``name``, or the newest. Raises InspectorError."""
    own = read_settings(settings)
    return snapshots.read(folder_of(own, inventory), name, trusted_signers(own))


def import_files(
    files: Iterable[Path],
    *,
    organisations: Path | None,
    organisation: str | None,
    as_of: str,
    columns: Path | None,
    accept_partial: bool,
    form: str,
    inventory: Path | None,
    settings: Path | None,
) -> int:
    """Import lists and seal a snapshot. 0: all taken, 1: some lists refused, 2: nothing taken, nothing sealed.

    Raises InspectorError.
    """
    check_choice("--format", form, ("text", "json"))
    own = read_settings(settings)
    key = SigningKey.load_or_create(own.signing_key)
    folder = folder_of(own, inventory)
    previous = snapshots.read_newest(folder, trusted_signers(own))
    request = ImportRequest(
        files=tuple(files),
        as_of=parse_day(as_of, "--as-of"),
        organisations=organisations,
        organisation=organisation,
        own=load_map(columns, "systems") if columns else None,
        accept_partial=accept_partial,
    )
    with _without_collection():
        found = import_lists(request, previous, _schemes)
    digest = None
    if not found.is_empty:
        digest = snapshots.write(
            folder,
            as_of=request.as_of,
            imported=now(),
            version=__version__,
            organisations=found.organisations,
            systems=found.systems,
            sources=found.sources,
            notes=found.notes,
            key=key,
            previous=previous,
        )
    if form == "json":
        _print_json(found, digest)
    else:
        _print_import(found, digest)
    if digest is None:
        return MISUSE
    return PARTIAL if found.refused else CLEAN


@contextmanager
def _without_collection() -> Iterator[None]:
    """No search for cycles meanwhile: of an import's many objects all are kept, and a quarter of its time was that."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _schemes() -> Mapping[str, Scheme]:
    from inspector.registry.registry import installed

    return installed().schemes


def _print_json(found: Imported, digest: str | None) -> None:
    value = {
        "snapshot": digest,
        "systems": len(found.systems),
        "lists": [
            {
                "file": each.file,
                "organisation": each.organisation or None,
                "taken": each in found.taken,
                "systems": len(each.records),
                "refused": len(each.refused),
            }
            for each in (*found.taken, *found.refused)
        ],
        "notes": [_note(each) for each in found.notes],
    }
    terminal.print_result(json.dumps(value, ensure_ascii=False, indent=2))


def _note(note: Note) -> dict[str, Any]:
    """A note in English: JSON is the same in every language."""
    return {
        "severity": note.severity.value,
        "code": note.code,
        "file": note.file,
        "at": note.at,
        "system": note.system,
        "what": note.text,
        "remedy": note.advice,
    }


def _print_import(found: Imported, digest: str | None) -> None:
    for severity in Severity:
        notes = [each for each in found.notes if each.severity is severity]
        for each in notes[:_MOST_NOTES]:
            terminal.print_note(_line(each))
        if len(notes) > _MOST_NOTES:
            terminal.print_note(
                _(
                    "… and {count} more of this kind; --format json prints all",
                    count=len(notes) - _MOST_NOTES,
                )
            )
    for taken in found.taken:
        text = _(
            "{file}: systems of {organisation}: {count}",
            file=taken.file,
            count=len(taken.records),
            organisation=taken.organisation,
        )
        refused = _("; rows refused: {count}", count=len(taken.refused)) if taken.refused else ""
        terminal.print_result(text + refused)
    for each_list in found.refused:
        terminal.print_result(_("{file}: refused, nothing of it was taken", file=each_list.file))
    if digest is None:
        terminal.print_result(_("Nothing was imported"))
        return
    terminal.print_result(_("Systems in the inventory: {count}", count=len(found.systems)))
    terminal.print_result(_("Snapshot: {digest}", digest=digest))


def _line(note: Note) -> str:
    labels = {Severity.FAULT: _("fault"), Severity.WARNING: _("warning"), Severity.NOTICE: _("notice")}
    place = ":".join(each for each in (note.file, note.at) if each) or note.system or "-"
    text = translated(note.text)
    advice = f"; {translated(note.advice)}" if note.advice else ""
    return f"{place}: {labels[note.severity]}: {text}{advice}"


# --- Statistics -----------------------------------------------------------------------------------------------------


def print_statistics(
    *,
    by: str,
    as_of: str | None,
    form: str | None,
    output: Path | None,
    snapshot: str | None,
    inventory: Path | None,
    settings: Path | None,
) -> int:
    """Print or write statistics of a snapshot. Raises InspectorError."""
    if form is not None:
        check_choice("--format", form, tuple(FORMATS))
    if form == "xlsx" and output is None:
        raise UsageError("an xlsx file cannot be printed", remedy="name the file with --output")
    dimensions = parse_dimensions(by, DIMENSIONS)
    found = open_snapshot(settings, inventory, snapshot)
    made = statistics(found, dimensions, parse_day(as_of, "--as-of") if as_of else found.as_of)
    if form is None:
        _print_shares(made)
        return CLEAN
    print_or_write(FORMATS[form](made), output)
    return CLEAN


#: The headings of the dimensions.
_DIMENSIONS = {"organisation": "Organisation", "level": "Level", "kind": "Kind", "group": "Group"}


def _share(part: int, whole: int) -> str:
    """A share as the language writes it."""
    return share(part, whole).replace(".", "," if current() is Language.VI else ".")


def _print_shares(made: Statistics) -> None:
    """Print a table of counts, each share with both its numbers; what has no system is in the files alone."""
    terminal.print_result(_("Snapshot {digest}, as of {day}", digest=made.snapshot[:12], day=made.as_of.isoformat()))
    names = [each for each in headings(made.by) if each not in COLUMNS]
    counted = ("systems", "approved", "without proof", "plan in full", "plan unknown", "inspected")
    late = "late (approval, plan)"
    shown = terminal.table(None, *(_(_DIMENSIONS[each]) for each in names), *(_(each) for each in (*counted, late)))
    for row in made.rows:
        counts = row.counts
        if not counts.systems and any(getattr(row, name) != ALL[name] for name in names):
            continue
        terminal.add_row(
            shown,
            *(_("all") if getattr(row, name) == ALL[name] else getattr(row, name) for name in names),
            str(counts.systems),
            _share(counts.approved, counts.systems),
            str(counts.approved_unproven),
            _share(counts.plan_full, counts.systems),
            str(counts.plan_unknown),
            _share(counts.inspected_periodic, counts.approved),
            f"{counts.late_approval}, {counts.late_plan}",
        )
    terminal.print_table(shown)


def _check_organisation(code: str | None, found: Snapshot) -> None:
    """Raise UsageError where a snapshot has no organisation of this code."""
    if code is not None and code not in found.organisations.by_code:
        raise UsageError(
            FormattedMessage("--organisation {code}: there is no such organisation", code=code),
            remedy="write the code of one in the inventory",
        )


# --- Declarations ---------------------------------------------------------------------------------------------------


def export_declarations(
    folder: Path, *, organisation: str | None, snapshot: str | None, inventory: Path | None, settings: Path | None
) -> int:
    """Write a declaration for each owner; 1 where systems could not be declared. Raises InspectorError."""
    found = open_snapshot(settings, inventory, snapshot)
    _check_organisation(organisation, found)
    files, left, count = declarations(found, organisation)
    write_private({folder / name: data for name, data in files.items()}, remedy="choose another folder")
    for each in left[:_MOST_NOTES]:
        terminal.print_note(_("{key}: not declared: {why}", key=each.system.key, why=each.why))
    if len(left) > _MOST_NOTES:
        terminal.print_note(_("… and {count} more systems that are not declared", count=len(left) - _MOST_NOTES))
    terminal.print_result(
        _(
            "{folder}: declarations: {files}; systems: {count}, not declared: {left}",
            folder=folder,
            files=len(files),
            count=count,
            left=len(left),
        )
    )
    terminal.print_result(_("Snapshot: {digest}", digest=found.digest))
    return PARTIAL if left else CLEAN


# --- Dates ----------------------------------------------------------------------------------------------------------


def print_due(
    *,
    as_of: str | None,
    organisation: str | None,
    form: str | None,
    output: Path | None,
    snapshot: str | None,
    inventory: Path | None,
    settings: Path | None,
) -> int:
    """Print or write what is late, due and unknown, with its source. Raises InspectorError."""
    from inspector.registry.registry import installed
    from inspector.report.messages import Translator

    if form is not None:
        check_choice("--format", form, ("csv", "json"))
    found = open_snapshot(settings, inventory, snapshot)
    _check_organisation(organisation, found)
    registry = installed()
    day = parse_day(as_of, "--as-of") if as_of else found.as_of
    items = due(found, load_all(registry.profiles), day, below=organisation)
    if form is not None:
        print_or_write(as_csv(items) if form == "csv" else as_json(items, found, day), output)
        return CLEAN
    _print_due(items, Translator(registry, current()), found, day)
    return CLEAN


def _print_due(items: Iterable[DueItem], translator: Translator, found: Snapshot, day: dt.date) -> None:
    """Print one row for each day and deadline, with how many are late, due and unknown."""
    terminal.print_result(_("Snapshot {digest}, as of {day}", digest=found.digest[:12], day=day.isoformat()))
    shown = terminal.table(None, *map(_, ("Day", "What", "Late", "Due", "Unknown", "Source", "Confidence", "Status")))
    promised: Counter[State] = Counter()
    groups: dict[tuple[dt.date | None, str, str], list[DueItem]] = {}
    for item in items:
        if item.regime == PROMISE:
            promised[item.state] += 1
        else:
            groups.setdefault((item.day, item.deadline, item.regime), []).append(item)
    for (last, *_rest), group in groups.items():
        first, states = group[0], Counter(each.state for each in group)
        terminal.add_row(
            shown,
            translator.day(last) if last else "-",
            first.title.vi if translator.language is Language.VI else first.title.en,
            *(str(states[each]) for each in (State.LATE, State.DUE, State.UNKNOWN)),
            first.source,
            first.confidence,
            translator.term(first.status),
        )
    terminal.print_table(shown)
    terminal.print_result(
        _(
            "Promised days: {late} past and not kept, {due} to come, {unknown} unknown",
            late=promised[State.LATE],
            due=promised[State.DUE],
            unknown=promised[State.UNKNOWN],
        )
    )
