"""ARCHIVE → STORE: new inspections become rows, those of one system in the order of their beginning."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from inspector.compare.difference import ChangeReason
from inspector.declare.follow_up import FollowUpAction
from inspector.follow_up.records import FOLDER, FollowUpRecord
from inspector.follow_up.records import read as read_records
from inspector.inventory.snapshot import FOLDER as INVENTORY_FOLDER
from inspector.inventory.snapshot import UntrustedSnapshot
from inspector.inventory.system import InventorySystem
from inspector.model.errors import BundleError, UsageError
from inspector.model.finding import Force, Obligation, Severity
from inspector.model.formatted import FormattedMessage
from inspector.model.verdict import Outcome
from inspector.regime.regime import day_of
from inspector.registry.registry import Registry
from inspector.store.archive import (
    NotCounted,
    NotCountedError,
    Place,
    ReadInspection,
    check_archive,
    missing,
    places,
    read,
)
from inspector.store.history import FindingState, Previous, TrackedFinding, advance, agree_withdrawals, events
from inspector.store.inventory import DeclaredSystem, Inventory, SystemKeys, listed_keys, parts
from inspector.store.rejudge import Rejudging
from inspector.store.schema import (
    ArchiveRow,
    EventRow,
    FindingRow,
    FollowUpRow,
    InspectionRow,
    InventoryRow,
    NotCountedRow,
    SystemRow,
)

#: So many inspections are read before their rows are committed.
_BATCH = 32
#: Called with the number of inspections read so far.
OnProgress = Callable[[int], None]


@dataclass(slots=True)
class Ingested:
    """What an ingest did: inspections that count now, those that were known, captures assessed again."""

    counted: int = 0
    known: int = 0
    rejudged: int = 0
    not_counted: Counter[NotCounted] = field(default_factory=Counter)


def rebuild(
    engine: sa.Engine, archive: Path, registry: Registry, trusted: Collection[str], progress: OnProgress
) -> Ingested:
    """Empty the store and fill it from an archive; until that is done others see what was there. Raises UsageError."""
    check_archive(archive)
    with Session(engine) as session, session.begin():
        tables = (EventRow, FindingRow, InspectionRow, SystemRow, FollowUpRow, NotCountedRow, InventoryRow, ArchiveRow)
        for table in tables:
            session.execute(sa.delete(table))
        session.add(ArchiveRow(id=1, path=str(archive.resolve())))
        return _Importer(session, archive.resolve(), registry, trusted, progress).take_all(commits=False)


def ingest(
    engine: sa.Engine, archive: Path | None, registry: Registry, trusted: Collection[str], progress: OnProgress
) -> Ingested:
    """Take what is new in the archive of the store; ``archive`` names that of a store without one.

    What was taken stays so where the process ends early. Raises UsageError.
    """
    with Session(engine) as session:
        known = session.scalar(sa.select(ArchiveRow.path))
        whole = archive.resolve() if archive is not None else known and Path(known)
        if not whole:
            raise UsageError("the store has no archive yet", remedy="name it: inspector store ingest ARCHIVE")
        check_archive(whole)
        if known is None:
            session.add(ArchiveRow(id=1, path=str(whole)))
        elif Path(known) != whole:
            raise UsageError(
                FormattedMessage("the store is an index of another archive: {folder}", folder=known),
                remedy="rebuild it, or name another store with --store",
            )
        made = _Importer(session, whole, registry, trusted, progress).take_all(commits=True)
        session.commit()
        return made


def refresh_follow_up(engine: sa.Engine, registry: Registry, trusted: Collection[str]) -> Path:
    """Take the records of the follow-up of the store's archive, which is the result. Raises UsageError."""
    with Session(engine) as session, session.begin():
        known = session.scalar(sa.select(ArchiveRow.path))
        if known is None:
            raise UsageError("the store has no archive yet", remedy="fill it with 'inspector store ingest'")
        check_archive(Path(known))
        _Importer(session, Path(known), registry, trusted, lambda _number: None).take_follow_up()
        return Path(known)


@dataclass(slots=True)
class _Importer:
    """Takes inspections of one archive into one session."""

    session: Session
    archive: Path
    registry: Registry
    trusted: Collection[str]
    progress: OnProgress
    made: Ingested = field(default_factory=Ingested)
    _agreed: dict[str, list[tuple[datetime, frozenset[str]]]] = field(default_factory=dict)
    _records: list[FollowUpRecord] = field(default_factory=list)
    #: The keys of systems, by those that inspections declare.
    _keys: dict[str, str] = field(default_factory=dict)
    _inventory: Inventory = field(default_factory=Inventory.none)

    def take_all(self, *, commits: bool) -> Ingested:
        known = {
            folder: (count, capture)
            for folder, count, capture in self.session.execute(
                sa.select(InspectionRow.folder, InspectionRow.assessments, InspectionRow.capture)
            )
        }
        self.session.execute(sa.delete(NotCountedRow))
        self._read_keys()
        replays = self._read_follow_up()
        # The names of inspections begin with the time: few histories have to be made again.
        found_places = sorted(places(self.archive), key=lambda each: _order(each.name))
        for folder in sorted(known.keys() - {each.name for each in found_places}):
            self._forget(folder)
            del known[folder]
        counting = {capture: folder for folder, (_count, capture) in known.items()}
        batch: list[ReadInspection] = []
        for number, place in enumerate(found_places, start=1):
            count, capture = known.get(place.name, (None, None))
            if count == place.assessments:
                self.made.known += 1
                continue
            self.progress(number)
            if capture is not None:
                del counting[capture]
            found = self._read(place)
            other = None if found is None else counting.get(found.bundle.digest)
            # Of copies the first counts, in whatever order they came into the archive.
            if found is None or (other is not None and _order(other) < _order(place.name)):
                if found is not None:
                    self._refuse(place.name, NotCounted.DUPLICATE, "")
                if place.name in known:
                    self._forget(place.name)
                continue
            if other is not None:
                self._forget(other)
                del known[other]
            counting[found.bundle.digest] = place.name
            batch.append(found)
            if len(batch) >= _BATCH:
                self._take(batch)
                batch.clear()
                if commits:
                    self.session.commit()
        self._take(batch)
        self._finish(replays)
        counted = {folder.partition("/")[0] for folder in counting.values()}
        for folder, cause, detail in missing(self.archive, self.trusted, counted):
            self._refuse(folder, cause, detail)
        self.session.flush()
        counts = sa.select(NotCountedRow.cause, sa.func.count()).group_by(NotCountedRow.cause)
        self.made.not_counted.update({NotCounted(cause): count for cause, count in self.session.execute(counts)})
        return self.made

    # --- The follow-up -------------------------------------------------------------------------------------------

    def _read_follow_up(self) -> set[str]:
        """Read the records of the follow-up; the result are the systems of which a consent is new, or gone."""
        self._records, faults = read_records(self.archive, self.trusted)
        for fault in faults:
            self._refuse(fault.name, NotCounted(fault.cause), fault.detail)
        for each in self._records:
            if each.entry.action is FollowUpAction.AGREE:
                self._agreed.setdefault(each.entry.system, []).append((each.at, frozenset(each.entry.findings)))
        is_consent = FollowUpRow.action == FollowUpAction.AGREE.value
        known = self.session.execute(sa.select(FollowUpRow.digest, FollowUpRow.system).where(is_consent))
        before = {(digest, system) for digest, system in known}
        consents = (each for each in self._records if each.entry.action is FollowUpAction.AGREE)
        return {system for _, system in before ^ {(each.digest, self._key(each.entry.system)) for each in consents}}

    def take_follow_up(self) -> None:
        """Take the records of the follow-up alone."""
        self.session.execute(sa.delete(NotCountedRow).where(NotCountedRow.folder.startswith(f"{FOLDER}/")))
        self._read_keys()
        self._finish(self._read_follow_up())

    def _finish_follow_up(self, replays: Collection[str]) -> None:
        """Apply the consents, and replace the rows of the records, after everything else: whatever ends it, anew."""
        self._agree_all(replays)
        self.session.execute(sa.delete(FollowUpRow))
        if self._records:
            rows = [_record_columns(each) | {"system": self._key(each.entry.system)} for each in self._records]
            self.session.execute(sa.insert(FollowUpRow), rows)

    def _agree_all(self, replays: Collection[str]) -> None:
        """Apply the consents since the newest inspections; the history of ``replays`` is made again first."""
        again = {self._key(each) for each in replays}
        for key in sorted(again | {self._key(each) for each in self._agreed}):
            system = self.session.scalar(sa.select(SystemRow).where(SystemRow.key == key))
            if system is None:
                continue
            number = system.id
            if key in again:
                self._replay([number], without=None)
            self._agree(number, key, None)

    def _key(self, named: str) -> str:
        """The key that the store has for a system that a record or an inspection names."""
        return self._keys.get(named, named)

    def _agreed_of(self, key: str) -> list[tuple[datetime, frozenset[str]]]:
        """What somebody agreed to withdraw of a system, under whatever key, in the order of time."""
        found = [each for named, agreed in self._agreed.items() if self._key(named) == key for each in agreed]
        return sorted(found, key=lambda each: each[0])

    def _agree(self, system_id: int, key: str, until: datetime | None) -> None:
        """Close what somebody agreed to withdraw, of a system whose newest inspection is the last one before that."""
        for at, names in self._agreed_of(key):
            newest = self._newest(system_id) if until is None or at < until else None
            if newest is None or at < newest.begun:
                continue
            rows = {
                each.id: each
                for each in self.session.scalars(sa.select(FindingRow).where(FindingRow.system_id == system_id))
            }
            known = {name: tracked(row) for name, row in rows.items()}
            closed = agree_withdrawals(known, names, at)
            if not closed:
                continue
            system = self.session.get_one(SystemRow, system_id)
            for column, value in _open_counts({**known, **closed}.values()).items():
                setattr(newest, column, value)
                setattr(system, column, value)
            happened = [
                {
                    "system_id": system_id,
                    "inspection_id": newest.id,
                    "finding": each.id,
                    "state": each.state.value,
                    "reason": each.reason and each.reason.value,
                }
                for each in closed.values()
            ]
            self.session.execute(sa.insert(EventRow), happened)
            self._store(system_id, rows, closed.values())

    def _read(self, place: Place) -> ReadInspection | None:
        try:
            return read(self.archive, place, self.trusted)
        except NotCountedError as error:
            self._refuse(place.name, error.cause, error.detail)
            return None

    def _read_keys(self) -> None:
        """Read the inventory of the archive; none, and listed as not counted, where it cannot be relied upon."""
        self._keys = {declared: key for declared, key in self.session.execute(_DECLARED_KEYS)}  # noqa: C416  (rows)
        try:
            found = Inventory.of(self.archive, self.trusted)
            if found.snapshot is not None:
                self._keys = listed_keys(found.snapshot.systems) | self._keys
            self._inventory = found
        except BundleError as error:
            cause = NotCounted.UNKNOWN_SIGNER if isinstance(error, UntrustedSnapshot) else NotCounted.ALTERED
            self._refuse(INVENTORY_FOLDER, cause, error.message)

    def _refuse(self, folder: str, cause: NotCounted, detail: str) -> None:
        self.session.merge(NotCountedRow(folder=folder, cause=cause.value, detail=detail))

    def _forget(self, folder: str) -> None:
        """Leave out an inspection that counted and does not count any more, and make its system's history again."""
        row = self.session.scalar(sa.select(InspectionRow).where(InspectionRow.folder == folder))
        if row is not None:
            self._replay([row.system_id], without=row.id)

    def _take(self, batch: Iterable[ReadInspection]) -> None:
        """Make rows of inspections; where one is not the newest of its system, the system's history is made again."""
        for found in sorted(batch, key=_begun):
            self.made.counted += 1
            system = self._system_of(found)
            known = self.session.scalar(sa.select(InspectionRow.id).where(InspectionRow.folder == found.place.name))
            if known is not None:
                self._replay([system.id], known, found)
                continue
            newest = self._newest(system.id)
            if newest is not None and (newest.begun, newest.folder) > _begun(found):
                self._replay([system.id], None, found)
            else:
                self._add(system, newest, found)

    def _replay(self, systems: Sequence[int], without: int | None, *more: ReadInspection) -> None:
        """Make the history of systems again, without one of their inspections, and with others."""
        rows = self.session.scalars(sa.select(InspectionRow).where(InspectionRow.system_id.in_(systems)))
        again = [Place(each.folder, each.assessments) for each in rows if each.id != without]
        for table in (EventRow, FindingRow, InspectionRow):
            self.session.execute(sa.delete(table).where(table.system_id.in_(systems)))
        self.session.flush()
        self.session.expire_all()
        self._not_joined()
        inspections = [*more, *(found for each in again if (found := self._read(each)) is not None)]
        for found in sorted(inspections, key=_begun):
            system = self._system_of(found)
            self._add(system, self._newest(system.id), found)
        is_empty = ~sa.exists().where(InspectionRow.system_id == SystemRow.id)
        self.session.execute(sa.delete(SystemRow).where(SystemRow.id.in_(systems), is_empty))

    def _system_of(self, found: ReadInspection) -> SystemRow:
        key = self._key(found.key)
        row = self.session.scalar(sa.select(SystemRow).where(SystemRow.key == key))
        if row is None:
            row = SystemRow(key=key, organisation=parts(key)[0], name="", owner="")
            self.session.add(row)
            self.session.flush()
        return row

    def _newest(self, system_id: int, *, whole: bool = False) -> InspectionRow | None:
        """The newest inspection of a system; with ``whole`` the newest one that asked about everything."""
        wanted = InspectionRow.is_partial.is_(False) if whole else InspectionRow.is_newest.is_(True)
        return self.session.scalar(
            sa.select(InspectionRow)
            .where(InspectionRow.system_id == system_id, wanted)
            .order_by(InspectionRow.begun.desc(), InspectionRow.folder.desc())
            .limit(1)
        )

    def _add(self, system: SystemRow, newest: InspectionRow | None, found: ReadInspection) -> None:
        """Add an inspection that is the newest of its system, and what it changes."""
        if self._agreed:
            self._agree(system.id, self._key(found.key), found.result.begun)
            system, newest = self._system_of(found), self._newest(system.id)
        rows = {
            each.id: each
            for each in self.session.scalars(sa.select(FindingRow).where(FindingRow.system_id == system.id))
        }
        before = {name: tracked(each) for name, each in rows.items()}
        whole = self._newest(system.id, whole=True) or newest
        previous = None if whole is None else Previous(whole.capture, whole.rules)
        again = Rejudging(self.archive, self.registry, found, self._folders(system.id), self.trusted)
        changed = advance(before, found.result, previous, again)
        self.made.rejudged += again.count
        if newest is not None:
            newest.is_newest = False
        declared = found.bundle.inspection.system
        columns = _columns(found, before | changed, changed)
        system.is_inspected, system.level = True, found.assessment.level
        system.name, system.owner = declared.name, declared.owner
        for name in _OPEN:
            setattr(system, name, columns[name])
        self._not_joined()
        inspection = InspectionRow(system_id=system.id, is_newest=True, **columns)
        self.session.add(inspection)
        self.session.flush()
        happened = [
            {
                "system_id": system.id,
                "inspection_id": inspection.id,
                "finding": each.finding,
                "state": each.state.value,
                "reason": each.reason and each.reason.value,
            }
            for each in events(before, changed)
        ]
        if happened:
            self.session.execute(sa.insert(EventRow), happened)
        self._store(system.id, rows, changed.values())

    def _folders(self, system_id: int) -> dict[str, str]:
        rows = self.session.execute(
            sa.select(InspectionRow.capture, InspectionRow.folder).where(InspectionRow.system_id == system_id)
        )
        return {each.capture: each.folder for each in rows}

    def _store(self, system_id: int, rows: dict[str, FindingRow], changed: Iterable[TrackedFinding]) -> None:
        new = []
        for each in changed:
            values = _values(each)
            if (row := rows.get(each.id)) is None:
                new.append({"system_id": system_id, "id": each.id, **values})
            else:
                for name, value in values.items():
                    setattr(row, name, value)
        if new:
            self.session.execute(sa.insert(FindingRow), new)
        self.session.flush()
        self.session.expunge_all()

    # --- The inventory ---

    def _finish(self, replays: Collection[str]) -> None:
        """Bring together what is one system by the inventory, apply the follow-up, and describe the systems."""
        keys = self._system_keys()
        if not self._is_joined(keys.day):
            self._keys = keys.by_key
            self._regroup()
        self._finish_follow_up(replays)
        if not self._is_joined(keys.day):
            self._describe(keys)
            self._not_joined()
            self.session.add(InventoryRow(id=1, digest=self._inventory.digest, day=keys.day))

    def _system_keys(self) -> SystemKeys:
        rows = self._identities()
        days = [day_of(each.begun) for each in rows]
        followed = {each.entry.system for each in self._records}
        return SystemKeys(
            list(_declared_systems(rows)), self._inventory.snapshot, max([self._inventory.as_of, *days]), followed
        )

    def _identities(self) -> list[_Identity]:
        return [_Identity(*each) for each in self.session.execute(_IDENTITIES)]

    def _is_joined(self, day: dt.date) -> bool:
        found = self.session.get(InventoryRow, 1)
        return found is not None and (found.digest, found.day) == (self._inventory.digest, day)

    def _not_joined(self) -> None:
        """Note that systems change: the next ingest brings them together even where this one ends early."""
        self.session.execute(sa.delete(InventoryRow))

    def _regroup(self) -> None:
        """Give each inspection to the system of its key; histories that are joined or parted are made again."""
        members: dict[str, set[int]] = {}
        holds: dict[int, set[str]] = {}
        for each in self._identities():
            key = self._keys[each.declared]
            members.setdefault(key, set()).add(each.system_id)
            holds.setdefault(each.system_id, set()).add(key)
        mixed = {each for systems in members.values() if len(systems) > 1 for each in systems}
        mixed |= {system for system, keys in holds.items() if len(keys) > 1}
        known = {number: key for number, key in self.session.execute(sa.select(SystemRow.id, SystemRow.key))}  # noqa: C416  (rows)
        wanted = {system: key for system, (key, *_) in holds.items() if system in mixed or known[system] != key}
        taken = set(wanted.values())
        self._delete([system for system, key in known.items() if system not in holds and key in taken])
        # In two steps, as one may get the key that another one gives up.
        self._rename({system: f"\n{system}" for system in wanted})
        self._rename({system: key for system, key in wanted.items() if system not in mixed})
        for group in _groups(members, holds, mixed):
            self._replay(sorted(group), None)

    def _delete(self, systems: Sequence[int]) -> None:
        """Remove the rows of systems that were not inspected."""
        for begin in range(0, len(systems), _MOST_PARAMETERS):
            portion = systems[begin : begin + _MOST_PARAMETERS]
            self.session.execute(sa.delete(SystemRow).where(SystemRow.id.in_(portion)))

    def _rename(self, keys: Mapping[int, str]) -> None:
        if keys:
            self.session.execute(sa.update(SystemRow), [{"id": system, "key": key} for system, key in keys.items()])

    def _describe(self, keys: SystemKeys) -> None:
        """Give each system what the inventory says of it, and add those that were never inspected."""
        listed: dict[str, InventorySystem] = {}
        for each in keys.snapshot.systems if keys.snapshot is not None else ():
            listed.setdefault(keys.by_key[each.key], each)
        known = {each["key"]: dict(each) for each in self.session.execute(_SYSTEMS).mappings()}
        changed, new, gone = [], [], []
        for key in sorted(listed.keys() | known.keys()):
            row = known.get(key)
            if key not in listed and row is not None and not row["is_inspected"]:
                gone.append(row["id"])
                continue
            values = _description(key, keys, listed.get(key), row)
            if row is None:
                new.append({"key": key, **values})
            elif any(row[name] != value for name, value in values.items()):
                changed.append({"id": row["id"], **values})
        self.session.flush()
        self._delete(gone)
        if changed:
            self.session.execute(sa.update(SystemRow), changed)
        if new:
            self.session.execute(sa.insert(SystemRow), new)
        self.session.expire_all()


class _Identity(NamedTuple):
    """What an inspection declares, and to which system it was taken."""

    system_id: int
    declared: str
    name: str
    begun: datetime


def _begun(found: ReadInspection) -> tuple[datetime, str]:
    return found.result.begun, found.place.name


def _groups(
    members: Mapping[str, Collection[int]], holds: Mapping[int, Collection[str]], mixed: Collection[int]
) -> Iterator[set[int]]:
    """The mixed systems in groups that share no key."""
    left = set(mixed)
    while left:
        group: set[int] = set()
        new = {left.pop()}
        while new:
            group |= new
            new = {other for each in new for key in holds[each] for other in members[key]} - group
        left -= group
        yield group


#: So many parameters every database takes in one statement.
_MOST_PARAMETERS = 10_000
_OPEN = ("open", "open_must", "open_severe")
_OF_SYSTEM = InspectionRow.system_id == SystemRow.id
_DECLARED_KEYS = sa.select(InspectionRow.declared, SystemRow.key).join(SystemRow, _OF_SYSTEM).distinct()
_IDENTITIES = sa.select(
    InspectionRow.system_id, InspectionRow.declared, InspectionRow.name, InspectionRow.begun
).order_by(InspectionRow.begun, InspectionRow.folder)
#: The systems, each with what its newest inspection declares.
_SYSTEMS = sa.select(
    *(each for each in sa.inspect(SystemRow).columns),
    InspectionRow.name.label("declared_name"),
    InspectionRow.owner.label("declared_owner"),
    InspectionRow.level.label("declared_level"),
).outerjoin(InspectionRow, sa.and_(_OF_SYSTEM, InspectionRow.is_newest.is_(True)))


def _declared_systems(rows: Iterable[_Identity]) -> Iterator[DeclaredSystem]:
    """What inspections declare, from rows in the order of their beginning."""
    found: dict[str, tuple[dt.date, dt.date, str]] = {}
    for each in rows:
        day = day_of(each.begun)
        first, _, _ = found.get(each.declared, (day, day, ""))
        found[each.declared] = first, day, each.name
    for key, (first, last, name) in found.items():
        yield DeclaredSystem(key, name, first, last)


def _description(
    key: str, keys: SystemKeys, listed: InventorySystem | None, row: Mapping[str, Any] | None
) -> dict[str, object]:
    """The columns of a system that the inventory decides, or its newest inspection where no list has it."""
    said = row or {}
    level = listed.level if listed is not None else None
    return {
        "organisation": keys.of_organisation(key),
        "group": keys.group(key),
        "level": level or said.get("declared_level"),
        "name": listed.name if listed is not None else said["declared_name"],
        "owner": (listed.owner if listed is not None else None) or said.get("declared_owner") or "",
        "is_listed": listed is not None,
        "is_retired": listed is not None and listed.is_retired,
        "listed_level": level,
        "unlisted_since": listed.unlisted_since if listed is not None else None,
    }


def _order(folder: str) -> tuple[str, str]:
    """The order in which inspections are taken: by their names, then by their folders."""
    return folder.rpartition("/")[2], folder


_COUNTED = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.NOT_APPLICABLE: "not_applicable",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.NOT_OBSERVABLE: "not_observable",
    Outcome.ERROR: "error",
}
_SEVERE = (Severity.HIGH, Severity.CRITICAL)


def _columns(
    found: ReadInspection, known: dict[str, TrackedFinding], changed: dict[str, TrackedFinding]
) -> dict[str, object]:
    """The columns of an inspection, but for those that name rows."""
    assessment, inspection = found.assessment, found.bundle.inspection
    outcomes = Counter(each.outcome for each in assessment.findings)
    states = Counter(each.state for each in changed.values())
    return {
        "declared": found.key,
        "name": inspection.system.name,
        "owner": inspection.system.owner,
        "level": assessment.level,
        "run": inspection.run,
        "inspection": inspection.id,
        "folder": found.place.name,
        "capture": found.bundle.digest,
        "begun": inspection.begun,
        "ended": found.bundle.sealed.predicate.ended,
        "assessment": found.sealed.name,
        "assessment_digest": found.sealed.digest,
        "assessments": found.place.assessments,
        "as_of": assessment.as_of,
        "regime": assessment.regime,
        "regime_version": assessment.regime_version,
        "rules": found.result.rules,
        "is_partial": found.result.judged.is_partial,
        **{column: outcomes[outcome] for outcome, column in _COUNTED.items()},
        "failed_must": sum(
            each.outcome is Outcome.FAIL and each.obligation is Obligation.MUST and not each.not_yet_due
            for each in assessment.findings
        ),
        **{state.value.replace("-", "_"): states[state] for state in FindingState},
        **_open_counts(known.values()),
    }


def _open_counts(known: Iterable[TrackedFinding]) -> dict[str, int]:
    """How many findings are open, those of mandatory requirements that are due, and those of high severity."""
    is_open = [each for each in known if each.is_open]
    return {
        "open": len(is_open),
        "open_must": sum(each.obligation is Obligation.MUST and not each.not_yet_due for each in is_open),
        "open_severe": sum(each.severity in _SEVERE for each in is_open),
    }


def _record_columns(record: FollowUpRecord) -> dict[str, object]:
    entry = record.entry
    return {
        "number": record.sealed.number,
        "file": record.name,
        "digest": record.digest,
        "at": record.at,
        "action": entry.action.value,
        "system": entry.system,
        "author": entry.by,
        "due": entry.due and entry.due.isoformat(),
        "responsible": entry.responsible and entry.responsible.name,
        "email": entry.responsible and entry.responsible.email,
        "document": entry.document,
        "note": entry.note,
        "findings": list(entry.findings),
    }


def _values(finding: TrackedFinding) -> dict[str, object]:
    """The columns of a finding, but for its key."""
    return {
        "requirement": finding.requirement,
        "check": finding.check,
        "subject": finding.subject,
        "endpoint": finding.endpoint,
        "severity": finding.severity.value,
        "obligation": finding.obligation.value,
        "force": finding.force.value,
        "not_yet_due": finding.not_yet_due,
        "excused": finding.excused,
        "is_open": finding.is_open,
        "state": finding.state.value,
        "reason": finding.reason and finding.reason.value,
        "first_seen": finding.first_seen,
        "last_seen": finding.last_seen,
        "changed": finding.changed,
        "capture": finding.capture,
        "rules": finding.rules,
        "failing": _sorted(finding.failing),
        "addresses": _sorted(finding.addresses),
        "rests_on": sorted(finding.rests_on),
    }


def _sorted(addresses: Iterable[str | None]) -> list[str | None]:
    return sorted(addresses, key=lambda each: each or "")


def tracked(row: FindingRow) -> TrackedFinding:
    """The finding of a row."""
    return TrackedFinding(
        id=row.id,
        requirement=row.requirement,
        check=row.check,
        subject=row.subject,
        endpoint=row.endpoint,
        severity=Severity(row.severity),
        obligation=Obligation(row.obligation),
        force=Force(row.force),
        not_yet_due=row.not_yet_due,
        excused=row.excused,
        state=FindingState(row.state),
        reason=ChangeReason(row.reason) if row.reason else None,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        changed=row.changed,
        capture=row.capture,
        rules=row.rules,
        failing=frozenset(row.failing),
        addresses=frozenset(row.addresses),
        rests_on=frozenset(row.rests_on),
    )
