"""What is asked of the store: pages of systems, the history of one, sums, and lists for export."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from inspector.declare.follow_up import FollowUpAction, FollowUpEntry, Responsible
from inspector.follow_up.items import FollowUpItem, SeenFinding, items_of
from inspector.follow_up.records import FollowUpRecord, FollowUpSealed
from inspector.model.csv_text import csv_of
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.store.history import FindingState
from inspector.store.schema import (
    Base,
    EventRow,
    FindingRow,
    FollowUpRow,
    InspectionRow,
    InventoryRow,
    NotCountedRow,
    SystemRow,
)

#: By what systems can be counted.
DIMENSIONS = ("organisation", "level", "group")
#: The columns of sums after those of the dimensions: systems that were inspected, that the inventory lists and are not
#: retired, those of them that were never inspected, and inspected ones that no list has (None: without an inventory).
SUMS = ("systems", "listed", "not_inspected", "not_listed", "systems_open_must", "open", "open_must", "open_severe")
_OF_INVENTORY = SUMS[1:4]


@dataclass(frozen=True, slots=True)
class SystemHistory:
    """A system: its inspections, the oldest first, its findings by id, and the events of each inspection, by its id."""

    system: SystemRow
    inspections: tuple[InspectionRow, ...]
    findings: dict[str, FindingRow]
    events: dict[int, tuple[EventRow, ...]]


def page(engine: sa.Engine, *, number: int = 1, size: int = 50) -> list[dict[str, Any]]:
    """A page of systems, those with the most open mandatory failures first; columns as in the export of systems."""
    order = (SystemRow.open_must.desc(), SystemRow.open.desc(), SystemRow.id.desc())
    inspected = SystemRow.is_inspected.is_(True)
    chosen = sa.select(SystemRow.id).where(inspected).order_by(*order).offset((number - 1) * size).limit(size)
    statement = _SYSTEMS.where(SystemRow.id.in_(chosen), InspectionRow.is_newest.is_(True)).order_by(*order)
    with engine.connect() as connection:
        return [dict(each) for each in connection.execute(statement).mappings()]


def history(engine: sa.Engine, name: str) -> SystemHistory:
    """The history of a system by its key, or by its id where one organisation alone has it. Raises UsageError."""
    with sa.orm.Session(engine, expire_on_commit=False) as session:
        system = _system(session, name)
        inspections = session.scalars(
            sa.select(InspectionRow).where(InspectionRow.system_id == system.id).order_by(InspectionRow.begun)
        ).all()
        findings = session.scalars(sa.select(FindingRow).where(FindingRow.system_id == system.id)).all()
        events: dict[int, list[EventRow]] = {}
        for each in session.scalars(sa.select(EventRow).where(EventRow.system_id == system.id).order_by(EventRow.id)):
            events.setdefault(each.inspection_id, []).append(each)
        return SystemHistory(
            system,
            tuple(inspections),
            {each.id: each for each in findings},
            {number: tuple(found) for number, found in events.items()},
        )


def _system(session: sa.orm.Session, name: str) -> SystemRow:
    exact = session.scalar(sa.select(SystemRow).where(SystemRow.key == name))
    if exact is not None:
        return exact
    earlier = sa.select(InspectionRow.system_id).where(InspectionRow.declared == name).distinct()
    formerly = session.scalars(sa.select(SystemRow).where(SystemRow.id.in_(earlier))).all()
    if len(formerly) == 1:
        return formerly[0]
    ending = SystemRow.key.endswith(f"/{name}", autoescape=True)
    found = session.scalars(sa.select(SystemRow).where(ending).order_by(SystemRow.key).limit(6)).all()
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.key for each in found)
        raise UsageError(
            FormattedMessage("{name}: several organisations have a system with this id", name=name),
            remedy=FormattedMessage("write one of {known}", known=names),
        )
    raise UsageError(
        FormattedMessage("{name}: the store has no such system", name=name),
        remedy="write ORGANISATION/ID as 'inspector store export systems' lists it; new inspections are taken with "
        "'inspector store ingest'",
    )


def findings_of(engine: sa.Engine, system: str) -> list[FindingRow]:
    """The findings of a system by its key; none where it was not inspected."""
    with sa.orm.Session(engine, expire_on_commit=False) as session:
        statement = sa.select(FindingRow).join(SystemRow, SystemRow.id == FindingRow.system_id)
        return list(session.scalars(statement.where(SystemRow.key == system).order_by(FindingRow.id)))


def newest_capture(engine: sa.Engine, system: str) -> str | None:
    """The head digest of the newest inspection of a system by its key; None where it was not inspected."""
    statement = sa.select(InspectionRow.capture).join(SystemRow, _BY_SYSTEM)
    with engine.connect() as connection:
        return connection.scalar(statement.where(SystemRow.key == system, InspectionRow.is_newest.is_(True)))


def follow_up(engine: sa.Engine, system: str | None = None) -> list[FollowUpItem]:
    """What was demanded, of one system or all, and what became of it, by system and finding."""
    wanted = sa.true() if system is None else FollowUpRow.system == system
    with sa.orm.Session(engine, expire_on_commit=False) as session:
        rows_of = sa.select(FollowUpRow).where(wanted).order_by(FollowUpRow.number)
        records = list(map(_record, session.scalars(rows_of)))
        keys = sa.select(FollowUpRow.system).where(wanted).distinct()
        rows = session.execute(
            sa.select(SystemRow.key, FindingRow).join_from(FindingRow, SystemRow).where(SystemRow.key.in_(keys))
        )
        seen = {(key, row.id): _seen(row) for key, row in rows}
    return items_of(records, seen)


def _record(row: FollowUpRow) -> FollowUpRecord:
    responsible = None
    if row.responsible is not None and row.email is not None:
        responsible = Responsible(name=row.responsible, email=row.email)
    entry = FollowUpEntry(
        action=FollowUpAction(row.action),
        system=row.system,
        findings=tuple(row.findings),
        by=row.author,
        due=None if row.due is None else date.fromisoformat(row.due),
        responsible=responsible,
        document=row.document,
        note=row.note,
    )
    return FollowUpRecord(row.file, row.digest, FollowUpSealed(number=row.number, at=row.at, entry=entry))


def _seen(row: FindingRow) -> SeenFinding:
    return SeenFinding(
        requirement=row.requirement,
        check=row.check,
        subject=row.subject,
        severity=row.severity,
        state=row.state,
        is_open=row.is_open,
        is_fixed=row.state == FindingState.FIXED.value,
        last_seen=row.last_seen,
        changed=row.changed,
    )


def sums(engine: sa.Engine, by: Sequence[str]) -> list[dict[str, Any]]:
    """Counts of systems and of the open failures of their newest inspections by dimensions, in their order."""
    inspected, listed = SystemRow.is_inspected.is_(True), SystemRow.is_listed.is_(True)
    counted = {
        "systems": inspected,
        "listed": sa.and_(listed, SystemRow.is_retired.is_(False)),
        "not_inspected": sa.and_(listed, SystemRow.is_retired.is_(False), sa.not_(inspected)),
        "not_listed": sa.and_(inspected, sa.not_(listed)),
        "systems_open_must": SystemRow.open_must > 0,
    }
    statement = sa.select(
        *(getattr(SystemRow, each) for each in by),
        *(sa.func.sum(sa.case((condition, 1), else_=0)).label(name) for name, condition in counted.items()),
        *(sa.func.sum(getattr(SystemRow, each)).label(each) for each in SUMS[5:]),
        # In the order of the index, which the rows are read from.
    ).group_by(*(getattr(SystemRow, each) for each in _INDEXED if each in by))
    with engine.connect() as connection:
        rows = [dict(each) for each in connection.execute(statement).mappings()]
        if not has_inventory(connection):
            rows = [row | dict.fromkeys(_OF_INVENTORY) for row in rows]
    return sorted(rows, key=lambda row: [(row[each] is not None, row[each]) for each in by])


_INDEXED = ("level", "organisation", "group")


def has_inventory(connection: sa.Connection) -> bool:
    """Whether the archive of the store has an inventory."""
    return connection.scalar(sa.select(InventoryRow.digest)) is not None


# --- Export -----------------------------------------------------------------------------------------------------------


def _columns(table: type[Base], *without: str) -> list[Any]:
    return [each for each in sa.inspect(table).columns if each.name not in without]


_OF_INSPECTION = _columns(InspectionRow, *("id", "system_id", "name", "owner", "is_newest", "assessments", "rules"))
_SYSTEM = (SystemRow.key.label("system"), SystemRow.organisation, SystemRow.name, SystemRow.owner)
_LISTED = (SystemRow.group, SystemRow.is_listed, SystemRow.is_retired, SystemRow.listed_level, SystemRow.unlisted_since)
_OF_FINDING = _columns(FindingRow, "system_id", "rules", "addresses", "rests_on", "capture")
_BY_SYSTEM = InspectionRow.system_id == SystemRow.id
_SYSTEMS = sa.select(*_SYSTEM, *_LISTED, *_OF_INSPECTION).join(InspectionRow, _BY_SYSTEM)
_INSPECTIONS = sa.select(*_SYSTEM, *_OF_INSPECTION).join(InspectionRow, _BY_SYSTEM)
_NEWEST = _SYSTEMS.where(InspectionRow.is_newest.is_(True)).order_by(SystemRow.key)

#: What can be exported, each with its rows in an order that does not depend on when they were made.
LISTS: Mapping[str, sa.Select[*tuple[Any, ...]]] = {
    "systems": _NEWEST,
    "not-inspected": sa.select(*_SYSTEM, SystemRow.group, SystemRow.listed_level, SystemRow.unlisted_since)
    .where(SystemRow.is_listed.is_(True), SystemRow.is_retired.is_(False), SystemRow.is_inspected.is_(False))
    .order_by(SystemRow.key),
    "not-listed": _NEWEST.where(SystemRow.is_listed.is_(False)),
    "inspections": _INSPECTIONS.order_by(SystemRow.key, InspectionRow.begun, InspectionRow.folder),
    "findings": sa.select(*_SYSTEM[:2], InspectionRow.level, *_OF_FINDING)
    .join(FindingRow, FindingRow.system_id == SystemRow.id)
    .join(InspectionRow, sa.and_(_BY_SYSTEM, InspectionRow.is_newest.is_(True)))
    .order_by(SystemRow.key, FindingRow.requirement, FindingRow.subject, FindingRow.id),
    "events": sa.select(
        SystemRow.key.label("system"),
        InspectionRow.begun,
        InspectionRow.inspection,
        EventRow.finding,
        FindingRow.requirement,
        FindingRow.subject,
        EventRow.state,
        EventRow.reason,
    )
    .join(EventRow, EventRow.system_id == SystemRow.id)
    .join(InspectionRow, InspectionRow.id == EventRow.inspection_id)
    .join(FindingRow, sa.and_(FindingRow.system_id == SystemRow.id, FindingRow.id == EventRow.finding))
    .order_by(SystemRow.key, InspectionRow.begun, InspectionRow.folder, EventRow.finding, EventRow.id),
    "follow-up": sa.select(*_columns(FollowUpRow)).order_by(FollowUpRow.number),
    "not-counted": sa.select(NotCountedRow.folder, NotCountedRow.cause, NotCountedRow.detail).order_by(
        NotCountedRow.folder
    ),
}
#: The lists that an archive without an inventory cannot give.
OF_INVENTORY = ("not-inspected", "not-listed")
FORMATS = ("csv", "json")


def export(engine: sa.Engine, what: str, form: str, states: Sequence[str] = ()) -> bytes:
    """A list as CSV (UTF-8) or JSON; ``states`` leaves out findings and events in others. Raises UsageError."""
    statement = LISTS[what]
    if states:
        column = EventRow.state if what == "events" else FindingRow.state
        statement = statement.where(column.in_(states))
    with engine.connect() as connection:
        if what in OF_INVENTORY and not has_inventory(connection):
            raise UsageError(
                "the archive of the store has no inventory",
                remedy="import lists with 'inspector inventory import', then take them with 'inspector store ingest'",
            )
        result = connection.execute(statement)
        names = list(result.keys())
        rows = [[_plain(value) for value in row] for row in result]
    return rows_as(form, names, rows)


def rows_as(form: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV, no cell of which is a formula, or as JSON: an object for each."""
    if form == "json":
        values = [dict(zip(names, row, strict=True)) for row in rows]
        return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()
    return csv_of(names, ([_cell(value) for value in row] for row in rows))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _cell(value: Any) -> Any:
    """A value of a cell: the texts of a list one after the other, nothing for None."""
    if isinstance(value, list):
        return " ".join(each for each in value if each)
    return "" if value is None else value
