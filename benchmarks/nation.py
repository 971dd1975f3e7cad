"""An estate of a nation: bundles sealed through the public writer, its inventory, and what the store makes of both.

``python -m benchmarks.nation [BUNDLES] [--systems N] [--database URL] [--from FIRST MENDED] [--folder FOLDER]``. The
bundles are copies of recorded captures: of the demonstration, which is run twice, the second time with one server
mended, or of two archives. They are spread over organisations and levels; provinces end, systems are listed and never
inspected, or inspected and never listed, and the first of them are inspected again. Every number of the store is
compared with a count of its own; exit code 1 where one differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from inspector.declare.declaration import Organisation
from inspector.demo import environment
from inspector.demo.documents import write
from inspector.demo.http_pages import sound_page
from inspector.fleet.gc_tuning import reduced_gc
from inspector.model.observation import Evidence
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection
from inspector.registry.registry import installed
from inspector.seal import Bundle, CaptureWriter, SigningKey, add_assessment
from inspector.store import queries
from inspector.store.archive import places
from inspector.store.database import FILE, Location, location_of, opened
from inspector.store.ingest import Ingested, ingest, rebuild
from inspector.store.schema import Base, EventRow, FindingRow, InspectionRow, SystemRow

#: In turn, the levels of the systems.
LEVELS = (3, 3, 2, 1, 4, 3, 5, 2)
#: How many organisations the copies of rows are spread over, and how often a query is repeated.
_ORGANISATIONS, _TIMES = 150, 21
MINISTRIES, PROVINCES, MERGED = 22, 34, 12
#: Of 20 inspections so many are first ones.
_FIRST_OF_20 = 17
_FIRST, _SECOND = datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 9, 10, tzinfo=UTC)
_END = "2026-06-30"
_LISTS = ("2026-03-01", "2026-12-14")


@dataclass(frozen=True, slots=True)
class Recorded:
    """An inspection of a recorded archive, held in memory."""

    inspection: Inspection
    trust: Mapping[str, bytes]
    ledger: bytes
    evidence: tuple[tuple[Evidence, Any], ...]
    seconds: timedelta
    assessment: Assessment

    @classmethod
    def of(cls, bundle: Bundle) -> Recorded:
        """What a bundle has, with its newest assessment."""
        inspection = bundle.inspection
        return cls(
            inspection,
            {name: bundle.trust(name) for name in inspection.trust},
            bundle.capture.read("ledger.jsonl"),
            tuple((each, bundle.output_of(each).raw) for _digest, each in bundle.evidence()),
            bundle.sealed.predicate.ended - inspection.begun,
            bundle.assessments()[-1].assessment,
        )

    def seal(self, archive: Path, key: SigningKey, system: Inspected, begun: datetime, organisation: str) -> None:
        """Seal and assess this capture as an inspection of another system, as an organisation declares it."""
        declared = self.inspection.system.model_copy(
            update={"id": system.id, "name": system.name, "level": system.level}
        )
        named = self.inspection.model_copy(
            update={
                "id": f"{begun:%Y%m%dT%H%M%S}-{system.number}",
                "run": f"{begun:%Y%m%dT%H%M%SZ}-nation",
                "begun": begun,
                "system": declared,
                "organisation": Organisation(code=organisation, name=organisation),
            }
        )
        with closing(CaptureWriter.create(archive, named, trust=self.trust)) as writer:
            writer.ledger_path.write_bytes(self.ledger)
            for evidence, raw in self.evidence:
                writer.record(evidence, raw)
            bundle = writer.seal(key, ended=begun + self.seconds)
        findings = tuple(each.model_copy(update={"system": system.id}) for each in self.assessment.findings)
        changed = {"system": system.id, "inspection": named.id, "findings": findings, "level": system.level}
        add_assessment(bundle, self.assessment.model_copy(update={**changed, "as_of": begun + self.seconds}), {}, key)


@dataclass(frozen=True, slots=True)
class Body:
    """A ministry or a province; ``before`` is the province that it followed."""

    code: str
    kind: str
    before: str | None = None

    @property
    def group(self) -> str:
        """Its group in the statistics."""
        return {"ministry": "bo-nganh", "province": "dia-phuong"}[self.kind]


#: Those that followed another one first, so that they are among the systems inspected again, however few there are.
BODIES = (
    *(Body(f"H{number:02}", "province", f"T{number:02}" if number < MERGED else None) for number in range(PROVINCES)),
    *(Body(f"G{number:02}", "ministry") for number in range(MINISTRIES)),
)


@dataclass(frozen=True, slots=True)
class Inspected:
    """The system of a number: which organisation has it, and what becomes of it follows from the number."""

    number: int

    @property
    def body(self) -> Body:
        """The organisation that answers for it at the end."""
        return BODIES[self.number % len(BODIES)]

    @property
    def organisation(self) -> str:
        """The organisation that it had before provinces were merged."""
        return self.body.before or self.body.code if self.number % 2 else self.body.code

    @property
    def id(self) -> str:
        """Its id."""
        return f"ht-{self.number:05}"

    @property
    def name(self) -> str:
        """Its name."""
        return f"Hệ thống thông tin số {self.number}"

    @property
    def level(self) -> int:
        """Its level."""
        return LEVELS[self.number % len(LEVELS)]

    @property
    def is_mended(self) -> bool:
        """Whether a second inspection finds it mended."""
        return self.number % 2 == 0


@dataclass(frozen=True, slots=True)
class Nation:
    """So many bundles of pairs of recordings: as first seen, and mended."""

    bundles: int
    pairs: Sequence[tuple[Recorded, Recorded]]

    @property
    def inspected(self) -> int:
        """How many systems are inspected: 17 of 20 bundles."""
        return self.bundles * _FIRST_OF_20 // 20

    @property
    def again(self) -> int:
        """How many of them are inspected a second time."""
        return self.bundles - self.inspected

    def is_listed(self, number: int) -> bool:
        """Whether lists have a system; those behind the inspected ones are only listed."""
        return number >= self.inspected or number % 10 != 9

    def is_retired(self, number: int) -> bool:
        """Whether the lists call a system retired."""
        return number >= self.inspected and number % 10 == 0

    @property
    def numbers(self) -> range:
        """The numbers of all systems."""
        return range(self.inspected + self.inspected // 5)

    def inspections(self) -> Iterator[tuple[Recorded, Inspected, datetime, str]]:
        """Each bundle: its recording, its system, when it begins, and who declares the system."""
        for number in range(self.inspected):
            system = Inspected(number)
            yield (
                self.pairs[number % len(self.pairs)][0],
                system,
                _FIRST + timedelta(seconds=number),
                (system.organisation),
            )
        for number in range(self.again):
            system = Inspected(number)
            recorded = self.pairs[number % len(self.pairs)][system.is_mended]
            yield recorded, system, _SECOND + timedelta(seconds=number), system.body.code

    def seal(self, archive: Path, key: SigningKey) -> None:
        """Seal every bundle."""
        for recorded, system, begun, organisation in self.inspections():
            recorded.seal(archive, key, system, begun, organisation)

    def import_lists(self, folder: Path, call: Callable[..., object]) -> None:
        """Import the lists by ``inspector inventory import``: before provinces were merged, and once more after it."""
        for day, is_merged in zip(_LISTS, (False, True), strict=True):
            organisations = folder / f"organisations-{day}.csv"
            with organisations.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["code", "name", "kind", "valid_until", "successor"])
                for body in BODIES:
                    writer.writerow([body.code, f"Cơ quan {body.code}", body.kind, "", ""])
                    if body.before:
                        ended = [_END, body.code] if is_merged else ["", ""]
                        writer.writerow([body.before, f"Cơ quan {body.before}", body.kind, *ended])
            lists: list[str] = []
            if not is_merged:
                self._write_lists(folder / "lists")
                lists = [str(folder / "lists")]
            call("inventory", "import", *lists, "--organisations", str(organisations), "--as-of", day)

    def _write_lists(self, folder: Path) -> None:
        folder.mkdir()
        by_owner: dict[str, list[Inspected]] = {}
        for number in filter(self.is_listed, self.numbers):
            system = Inspected(number)
            by_owner.setdefault(system.organisation, []).append(system)
        for owner, systems in by_owner.items():
            with (folder / f"{owner}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["STT", "Mã hệ thống", "Tên hệ thống", "Cấp độ", "Giai đoạn"])
                for row, each in enumerate(systems, 1):
                    stage = "retired" if self.is_retired(each.number) else "operating"
                    writer.writerow([row, each.id, each.name, each.level, stage])

    # --- Counts of its own ---

    def expected(self, by: Sequence[str]) -> dict[tuple[Any, ...], dict[str, int]]:
        """The sums of the store by dimensions, counted from the recordings and the numbers alone."""
        counts: dict[tuple[Any, ...], Counter[str]] = {}
        for number in self.numbers:
            system = Inspected(number)
            own = {"organisation": system.body.code, "level": system.level, "group": system.body.group}
            tally = counts.setdefault(tuple(own[each] for each in by), Counter())
            is_inspected, is_listed = number < self.inspected, self.is_listed(number)
            tally["systems"] += is_inspected
            tally["listed"] += is_listed and not self.is_retired(number)
            tally["not_inspected"] += is_listed and not is_inspected and not self.is_retired(number)
            tally["not_listed"] += is_inspected and not is_listed
            if is_inspected:
                tally.update(_counted(self._open(number)))
        return {key: {name: tally[name] for name in queries.SUMS} for key, tally in counts.items()}

    def _seen(self, number: int) -> Iterator[Mapping[str, list[Mapping[str, Any]]]]:
        first, mended = self.pairs[number % len(self.pairs)]
        yield _by_id(first)
        if number < self.again:
            yield _by_id(mended if Inspected(number).is_mended else first)

    def _open(self, number: int) -> list[Mapping[str, Any]]:
        """The open failures of a system, each with the finding that failed last."""
        is_open: dict[str, Mapping[str, Any]] = {}
        for findings in self._seen(number):
            for name in [each for each in is_open if _passes(findings.get(each, []))]:
                del is_open[name]
            is_open |= {name: worst for name, group in findings.items() if (worst := _worst(group)) is not None}
        return list(is_open.values())

    def expected_fixed(self) -> int:
        """How many failures the second inspections find mended."""
        fixed = 0
        for number in range(self.again):
            before, after = self._seen(number)
            fixed += sum(_worst(group) is not None and _passes(after.get(name, [])) for name, group in before.items())
        return fixed


_CACHE: dict[int, Mapping[str, list[Mapping[str, Any]]]] = {}


def _by_id(recorded: Recorded) -> Mapping[str, list[Mapping[str, Any]]]:
    """The findings of a recording as plain data, by their ids."""
    if id(recorded) not in _CACHE:
        made: dict[str, list[Mapping[str, Any]]] = {}
        for each in recorded.assessment.findings:
            data = json.loads(each.model_dump_json())
            made.setdefault(each.id, []).append(data)
        _CACHE[id(recorded)] = made
    return _CACHE[id(recorded)]


_SEVERITIES = ("info", "low", "medium", "high", "critical")


def _worst(group: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    failing = [each for each in group if each["outcome"] == "fail"]
    return max(failing, key=lambda each: _SEVERITIES.index(each["severity"])) if failing else None


def _passes(group: Sequence[Mapping[str, Any]]) -> bool:
    return bool(group) and all(each["outcome"] == "pass" for each in group)


def _counted(failures: Sequence[Mapping[str, Any]]) -> Counter[str]:
    must = sum(each["obligation"] == "must" and not each.get("not_yet_due") for each in failures)
    severe = sum(each["severity"] in ("high", "critical") for each in failures)
    return Counter(open=len(failures), open_must=must, open_severe=severe, systems_open_must=int(must > 0))


DIMENSIONS = (("level",), ("group",), ("organisation",), ("organisation", "level"), queries.DIMENSIONS)


def differences(engine: sa.Engine, nation: Nation) -> list[str]:
    """Where the store and the own counts differ."""
    found = []
    for by in DIMENSIONS:
        got = {
            tuple(row[each] for each in by): {name: row[name] for name in queries.SUMS}
            for row in queries.sums(engine, by)
        }
        wanted = nation.expected(by)
        found += [
            f"{key}: {got.get(key)} is not {wanted.get(key)}"
            for key in sorted(got.keys() | wanted.keys())
            if got.get(key) != wanted.get(key)
        ]
    states = Counter(each["state"] for each in json.loads(queries.export(engine, "findings", "json")))
    if states["fixed"] != nation.expected_fixed():
        found.append(f"fixed: {states['fixed']} is not {nation.expected_fixed()}")
    unseen = len(json.loads(queries.export(engine, "not-inspected", "json")))
    unlisted = len(json.loads(queries.export(engine, "not-listed", "json")))
    total = nation.expected(())[()]
    if (unseen, unlisted) != (total["not_inspected"], total["not_listed"]):
        found.append(f"never inspected, in no list: {unseen}, {unlisted}, not {total}")
    return found


def pairs_of(first: Path, mended: Path) -> list[tuple[Recorded, Recorded]]:
    """The inspections of two archives of the same systems, each system's first one."""
    by_system: list[dict[str, Recorded]] = []
    for archive in (first, mended):
        recorded = [Recorded.of(Bundle.open(archive / each.name)) for each in places(archive)]
        by_system.append({each.inspection.system.id: each for each in reversed(recorded)})
    return [(each, by_system[1][name]) for name, each in sorted(by_system[0].items())]


# --- Figures ----------------------------------------------------------------------------------------------------------


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def record_demonstration(folder: Path) -> Path:
    """The archive of one inspection of each demo system."""
    from inspector.cli.app import call

    with environment.running() as running:
        documents = write(folder / "demo", running)
        arguments = ["run", documents.declaration, "--authorisation", documents.authorisation]
        call([*map(str, arguments), "--settings", str(documents.settings), "--output", str(folder / "out"), "--quiet"])
    return folder / "out"


def _record(folder: Path) -> tuple[Path, Path]:
    """The demonstration, as it is and with one header more."""

    def mended() -> str:
        return sound_page().replace("X-Content-Type", "Referrer-Policy: no-referrer\r\nX-Content-Type", 1)

    made = []
    for name, page in (("first", sound_page), ("mended", mended)):
        environment.sound_page = page  # type: ignore[attr-defined]  # the demonstration's own, replaced
        (folder / name).mkdir()
        made.append(record_demonstration(folder / name))
    return made[0], made[1]


def copy_rows(engine: sa.Engine, systems: int) -> None:
    """Copy the rows of all systems until there are so many, spread over organisations and levels."""
    with engine.begin() as connection:
        known, newest = (
            connection.execute(sa.select(sa.func.max(table.id))).scalar_one() for table in (SystemRow, InspectionRow)
        )
        for turn in range(1, -(-systems // known)):
            spread = {"organisation": f"'O' || ((id + {turn}) % {_ORGANISATIONS})", "level": f"(id + {turn}) % 5 + 1"}
            own = {"id": f"id + {turn * known}", "key": f"key || '-{turn}'"}
            _copy(connection, SystemRow, {**own, **spread}, f"id <= {known}")
            own = {"id": f"id + {turn * newest}", "system_id": f"system_id + {turn * known}"}
            unique = {"folder": f"folder || '-{turn}'", "capture": f"capture || '-{turn}'"}
            _copy(connection, InspectionRow, {**own, **unique}, f"id <= {newest}")
            _copy(connection, FindingRow, {"system_id": own["system_id"]}, f"system_id <= {known}")
            moved = {"system_id": own["system_id"], "inspection_id": f"inspection_id + {turn * newest}"}
            _copy(connection, EventRow, moved, f"system_id <= {known}", without="id")
        connection.execute(sa.text("ANALYZE"))


def _copy(connection: sa.Connection, table: type[Base], changes: dict[str, str], where: str, without: str = "") -> None:
    """Copy the rows for which ``where`` holds, with other expressions for some columns."""
    name = str(table.__tablename__)
    names = [each.name for each in sa.inspect(table).columns if each.name != without]
    quoted = ", ".join(f'"{each}"' for each in names)
    values = ", ".join(changes.get(each, f'"{each}"') for each in names)
    connection.execute(sa.text(f'INSERT INTO "{name}" ({quoted}) SELECT {values} FROM "{name}" WHERE {where}'))  # noqa: S608


def milliseconds(question: Callable[[], object]) -> float:
    """The median time of a question."""
    times = []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        question()
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times)


def _timed(take: Callable[[], Any]) -> tuple[Any, float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    made = take()
    return made, time.process_time() - cpu, time.perf_counter() - wall


def _bytes_of(engine: sa.Engine) -> int:
    """What the store takes on the disk."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            pages, size = (
                connection.exec_driver_sql(f"PRAGMA {each}").scalar_one() for each in ("page_count", "page_size")
            )
            return int(pages) * int(size)
        tables = sa.func.pg_total_relation_size(sa.column("oid"))
        where = sa.text("relkind = 'r' AND relnamespace = 'inspector'::regnamespace")
        sizes = sa.select(sa.func.sum(tables)).select_from(sa.table("pg_class")).where(where)
        return int(connection.execute(sizes).scalar_one())


def measure(location: Location, archive: Path, key: SigningKey, nation: Nation, systems: int) -> bool:
    """Print the figures of one database; whether all counts are equal. Rows are copied until it has ``systems``."""
    with opened(location, create=True) as engine, reduced_gc():
        takes: tuple[tuple[str, Callable[..., Ingested]], ...] = (("rebuild", rebuild), ("ingest of no news", ingest))
        for name, take in takes:
            made, cpu, wall = _timed(partial(take, engine, archive, installed(), {key.keyid}, lambda _number: None))
            count = made.counted
            rate = f", {count / cpu:.0f} bundles/s of CPU, {count / wall:.0f}/s" if count else ""
            _say(f"  {name}: {wall:.1f} s, {cpu:.1f} s CPU{rate}")
        _vacuum(engine)
        _say(f"  {nation.inspected} systems inspected: {_bytes_of(engine) / nation.inspected / 1000:.1f} kB for each")
        found = differences(engine, nation)
        for each in found:
            _say(f"  DIFFERENT {each}")
        _say(f"  counts that differ: {len(found)}")
        if systems > nation.numbers.stop:
            copy_rows(engine, systems)
            _vacuum(engine)
        with engine.connect() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(SystemRow)).scalar_one()
        _say(f"  asked of {count} systems, {_bytes_of(engine) / count / 1000:.1f} kB for each:")
        for text, question in (
            ("page of 50", lambda: queries.page(engine)),
            ("last page of 50", lambda: queries.page(engine, number=max(1, count // 60))),
            ("history", lambda: queries.history(engine, f"{Inspected(0).body.code}/{Inspected(0).id}")),
            ("nation by level", lambda: queries.sums(engine, ("level",))),
            ("group by level", lambda: queries.sums(engine, ("level", "group"))),
            ("organisation by level", lambda: queries.sums(engine, ("organisation", "level"))),
        ):
            _say(f"  {text}: {milliseconds(question):.1f} ms")
    return not found


def _vacuum(engine: sa.Engine) -> None:
    """What PostgreSQL does by itself after a while, so that plans rest on statistics."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="?", type=int, default=20_000)
    parser.add_argument("--systems", type=int, default=20_000, help="queries are asked of so many systems")
    parser.add_argument("--from", dest="source", nargs=2, type=Path)
    parser.add_argument("--database", help="a PostgreSQL database that is measured, too; its store is replaced")
    parser.add_argument("--folder", type=Path, help="where bundles are kept; those of an earlier run are used again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inspector-nation-") as name:
        folder = given.folder or Path(name)
        folder.mkdir(exist_ok=True)
        nation = Nation(given.bundles, pairs_of(*(given.source or _record(Path(name)))))
        key, archive = SigningKey.load_or_create(folder / "key.pem"), folder / "archive"
        if not archive.exists():
            _, cpu, wall = _timed(lambda: nation.seal(archive, key))
            _say(f"sealed {given.bundles} bundles: {wall:.0f} s, {1000 * cpu / given.bundles:.0f} ms CPU each")
            _, cpu, wall = _timed(lambda: nation.import_lists(folder, _call(folder, archive)))
            _say(f"imported the lists twice: {wall:.1f} s, {cpu:.1f} s CPU")
        equal = []
        for location in (archive / FILE, *([location_of(given.database)] if given.database else [])):
            _say("SQLite" if isinstance(location, Path) else "PostgreSQL")
            equal.append(measure(location, archive, key, nation, given.systems))
    sys.exit(0 if all(equal) else 1)


def _call(folder: Path, archive: Path) -> Callable[..., object]:
    from inspector.cli.app import call

    settings = folder / "inspector.toml"
    settings.write_text(f'signing_key = "{folder / "key.pem"}"\noutput = "{archive}"\n')

    def checked(*arguments: str) -> None:
        if code := call([*arguments, "--settings", str(settings)]):
            sys.exit(code)

    return checked


if __name__ == "__main__":
    main()
