"""Statistics of a snapshot on a day: counts by organisation, level, kind and group, as Directive 09/CT-TTg asks.

docs/inventory.md defines each column. What a list does not say is *unknown*: it is counted as such, never as *no*.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from inspector.inventory.organisation import Organisations
from inspector.inventory.snapshot import Snapshot
from inspector.inventory.system import InventorySystem
from inspector.model.base import Model
from inspector.model.csv_text import csv_of
from inspector.model.declared import ApprovalStatus, PlanStatus
from inspector.model.errors import UsageError

#: By what systems can be counted.
DIMENSIONS = ("organisation", "level", "kind", "group")
#: The value that stands for all of a dimension.
ALL = {"organisation": "*", "level": "all", "kind": "*", "group": "*"}
UNKNOWN = "unknown"


class Counts(Model):
    """The counts of some systems; each is defined in docs/inventory.md."""

    systems: int = 0
    dossier: int = 0
    appraised: int = 0
    approved: int = 0
    approved_unproven: int = 0
    plan_full: int = 0
    plan_partial: int = 0
    plan_not_started: int = 0
    plan_unknown: int = 0
    inspected_before_use: int = 0
    inspected_periodic: int = 0
    late_approval: int = 0
    late_plan: int = 0


COLUMNS = tuple(Counts.model_fields)


class StatisticsRow(Model):
    """Counts of the systems with these values; ``*`` and ``all`` stand for all."""

    organisation: str = "*"
    level: str = "all"
    kind: str = "*"
    group: str = "*"
    counts: Counts


class Statistics(Model):
    """Statistics of a snapshot (by its digest) on a day. ``by`` are the dimensions that its rows differ in."""

    snapshot: str
    as_of: dt.date
    by: tuple[str, ...]
    rows: tuple[StatisticsRow, ...]


_APPRAISED = (ApprovalStatus.APPRAISED, ApprovalStatus.APPROVED)
_PLANS = {PlanStatus.FULL: "plan_full", PlanStatus.PARTIAL: "plan_partial", PlanStatus.NOT_STARTED: "plan_not_started"}


def columns_of(system: InventorySystem, as_of: dt.date) -> Iterator[str]:
    """The columns that count a system which is not retired."""
    approval, plan, inspected = system.approval, system.plan, system.inspected
    yield "systems"
    if approval.status is ApprovalStatus.SUBMITTED or approval.status in _APPRAISED:
        yield "dossier"
    if approval.status in _APPRAISED:
        yield "appraised"
    if approval.status is ApprovalStatus.APPROVED:
        yield "approved" if approval.is_proven else "approved_unproven"
        if approval.is_proven and inspected.periodic:
            yield "inspected_periodic"
    elif approval.status is not None and approval.expected is not None and approval.expected < as_of:
        yield "late_approval"
    yield _PLANS[plan.status] if plan.status is not None else "plan_unknown"
    if plan.status not in (None, PlanStatus.FULL) and plan.expected is not None and plan.expected < as_of:
        yield "late_plan"
    if inspected.before_use:
        yield "inspected_before_use"


def statistics(snapshot: Snapshot, by: Sequence[str], as_of: dt.date) -> Statistics:
    """The counts of a snapshot's systems on a day, with a row for all and one for each value of each dimension.

    Every combination of the values that occur has its row, also with nothing in it; levels are always 1 to 5.
    """
    values = _values(snapshot.organisations, as_of)
    tallies: dict[tuple[str, ...], dict[str, int]] = {}
    found: dict[str, set[str]] = {each: set() for each in by}
    for system in snapshot.systems:
        own = [values[each](system) for each in by]
        for name, value in zip(by, own, strict=True):
            found[name].add(value)
        if system.is_retired:
            continue
        columns = tuple(columns_of(system, as_of))
        for key in product(*((ALL[name], value) for name, value in zip(by, own, strict=True))):
            tally = tallies.setdefault(key, {})
            for column in columns:
                tally[column] = tally.get(column, 0) + 1
    rows = (
        StatisticsRow(counts=Counts(**tallies.get(key, {})), **dict(zip(by, key, strict=True)))
        for key in product(*([ALL[name], *_ordered(name, found[name])] for name in by))
    )
    return Statistics(snapshot=snapshot.digest, as_of=as_of, by=tuple(by), rows=tuple(rows))


def _values(organisations: Organisations, as_of: dt.date) -> dict[str, Callable[[InventorySystem], str]]:
    """The value of each dimension of a system; an organisation that ended is its successor."""
    current: dict[str, str] = {}

    def organisation(system: InventorySystem) -> str:
        if system.organisation not in current:
            current[system.organisation] = organisations.current(system.organisation, as_of)
        return current[system.organisation]

    return {
        "organisation": organisation,
        "level": lambda system: str(system.level) if system.level else UNKNOWN,
        "kind": lambda system: system.kind.value if system.kind else UNKNOWN,
        "group": lambda system: organisations.group(organisation(system)).value,
    }


def _ordered(name: str, found: Iterable[str]) -> list[str]:
    return [str(each) for each in range(1, 6)] if name == "level" else sorted(found)


def share(part: int, whole: int) -> str:
    """A share with both its numbers: ``12/30 (40.0%)``; without anything, no percentage."""
    return f"{part}/{whole} ({part / whole:.1%})" if whole else f"{part}/{whole}"


# --- Formats --------------------------------------------------------------------------------------------------------


def headings(by: Sequence[str]) -> list[str]:
    """The columns of a table: organisation and level always, kind and group where they are asked for."""
    return [*(name for name in DIMENSIONS if name in by or name in ("organisation", "level")), *COLUMNS]


def cells(row: StatisticsRow, by: Sequence[str]) -> list[Any]:
    """The cells of a row in the order of ``headings``; counts are numbers."""
    return [getattr(row, name) if name in DIMENSIONS else getattr(row.counts, name) for name in headings(by)]


def as_csv(found: Statistics) -> bytes:
    """The statistics as CSV in UTF-8, without byte order mark; no cell is a formula."""
    return csv_of(headings(found.by), (cells(row, found.by) for row in found.rows))


def as_json(found: Statistics) -> bytes:
    """The statistics as JSON: the snapshot's digest, the day, and one object for each row."""
    rows = [dict(zip(headings(found.by), cells(row, found.by), strict=True)) for row in found.rows]
    value = {"snapshot": found.snapshot, "as_of": found.as_of.isoformat(), "by": list(found.by), "rows": rows}
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def as_xlsx(found: Statistics) -> bytes:
    """The statistics as a workbook: texts are strings, counts numbers. Raises UsageError without XlsxWriter."""
    try:
        from xlsxwriter import Workbook
    except ImportError:
        raise UsageError(
            "the format xlsx needs the package xlsxwriter", remedy="install level-inspector[xlsx], or write csv"
        ) from None

    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(file, options) as workbook:
        # The time of its making would make equal statistics unequal files.
        workbook.set_properties({"created": dt.datetime(found.as_of.year, found.as_of.month, found.as_of.day)})  # noqa: DTZ001  (XlsxWriter takes no zone)
        bold = workbook.add_format({"bold": True})
        sheet = workbook.add_worksheet("statistics")
        for column, name in enumerate(headings(found.by)):
            sheet.write_string(0, column, name, bold)
        for index, row in enumerate(found.rows, start=1):
            for column, cell in enumerate(cells(row, found.by)):
                if isinstance(cell, str):
                    sheet.write_string(index, column, cell)
                else:
                    sheet.write_number(index, column, cell)
        sheet.freeze_panes(1, 0)
        about = workbook.add_worksheet("about")
        for index, pair in enumerate((("snapshot", found.snapshot), ("as_of", found.as_of.isoformat()))):
            for column, text in enumerate(pair):
                about.write_string(index, column, text)
    return file.getvalue()


FORMATS: dict[str, Callable[[Statistics], bytes]] = {"csv": as_csv, "json": as_json, "xlsx": as_xlsx}
