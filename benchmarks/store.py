"""The store: bundles taken per second, and what is asked of it with 20,000 systems.

``python -m benchmarks.store [SYSTEMS] [--bundles N] [--from ARCHIVE --settings FILE]``. The bundles are written through
the public writer from recorded captures: those of the demonstration, which is run first, or of an archive. Half of them
are second inspections. The rest of the systems are copies of their rows.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import sqlalchemy as sa

from inspector.declare.declaration import Organisation
from inspector.demo import environment
from inspector.demo.documents import write
from inspector.fleet.gc_tuning import reduced_gc
from inspector.registry.registry import installed
from inspector.seal import Bundle, CaptureWriter, SigningKey, add_assessment
from inspector.store import queries
from inspector.store.archive import places
from inspector.store.database import opened
from inspector.store.ingest import ingest, rebuild
from inspector.store.schema import Base, EventRow, FindingRow, InspectionRow, SystemRow

#: The organisations that the copies are spread over, and the levels.
ORGANISATIONS, LEVELS = 150, 5
_TIMES = 21


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


def copy_through_the_writer(recorded: Bundle, archive: Path, number: int, turn: int, key: SigningKey) -> None:
    """Seal and assess a recorded capture again as the inspection ``turn`` of the system ``number``."""
    inspection, later = recorded.inspection, timedelta(days=30 * turn)
    system = inspection.system.model_copy(update={"id": f"s-{number}"})
    named = inspection.model_copy(
        update={
            "id": f"{inspection.id}-{number}-{turn}",
            "run": f"run-{turn}",
            "begun": inspection.begun + later,
            "system": system,
            "organisation": Organisation(code=f"O-{number % ORGANISATIONS}", name="O"),
        }
    )
    trust = {name: recorded.trust(name) for name in inspection.trust}
    with closing(CaptureWriter.create(archive, named, trust=trust)) as writer:
        writer.ledger_path.write_bytes(recorded.capture.read("ledger.jsonl"))
        for _digest, evidence in recorded.evidence():
            writer.record(evidence, recorded.output_of(evidence).raw)
        bundle = writer.seal(key, ended=recorded.sealed.predicate.ended + later)
    assessment = recorded.assessments()[-1].assessment
    findings = tuple(each.model_copy(update={"system": system.id}) for each in assessment.findings)
    changed = {
        "system": system.id,
        "inspection": named.id,
        "findings": findings,
        "as_of": assessment.as_of + later,
    }
    add_assessment(bundle, assessment.model_copy(update=changed), {}, key)


def copy_rows(engine: sa.Engine, systems: int) -> None:
    """Copy the rows of all systems until there are so many, spread over organisations and levels."""
    with engine.begin() as connection:
        known, newest = (
            connection.execute(sa.select(sa.func.max(table.id))).scalar_one() for table in (SystemRow, InspectionRow)
        )
        for turn in range(1, systems // known):
            _copy(connection, SystemRow, {"id": f"id + {turn * known}", "key": f"key || '-{turn}'"}, f"id <= {known}")
            spread = {
                "organisation": f"'O-' || ((system_id + {turn * known}) % {ORGANISATIONS})",
                "level": f"(system_id + {turn}) % {LEVELS} + 1",
            }
            own = {"id": f"id + {turn * newest}", "system_id": f"system_id + {turn * known}"}
            unique = {"folder": f"folder || '-{turn}'", "capture": f"capture || '-{turn}'"}
            _copy(connection, InspectionRow, {**own, **spread, **unique}, f"id <= {newest}")
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


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="?", type=int, default=20_000)
    parser.add_argument("--bundles", type=int, default=300)
    parser.add_argument("--from", dest="source", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inspector-store-") as name:
        folder = Path(name)
        source = given.source or record_demonstration(folder)
        recorded = [Bundle.open(source / each.name) for each in places(source)]
        key, archive = SigningKey.load_or_create(folder / "key.pem"), folder / "archive"
        begun = time.perf_counter()
        for number, bundle in zip(range(given.bundles // 2), cycle(recorded)):
            for turn in range(2):
                copy_through_the_writer(bundle, archive, number, turn, key)
        _say(f"sealed {given.bundles} bundles of {len(recorded)} captures in {time.perf_counter() - begun:.0f} s")
        _measure(folder, archive, key, given.systems)


def _measure(folder: Path, archive: Path, key: SigningKey, systems: int) -> None:
    registry = installed()
    with opened(folder / "store.sqlite3", create=True) as engine, reduced_gc():
        for name, take in (("ingest", ingest), ("rebuild", rebuild)):
            cpu, wall = time.process_time(), time.perf_counter()
            made = take(engine, archive, registry, {key.keyid}, lambda _number: None)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            gc.collect()
            _say(f"{name}: {made.counted} bundles, {made.counted / cpu:.0f}/s of CPU, {made.counted / wall:.0f}/s")
        copy_rows(engine, systems)
        path = folder / "store.sqlite3"
        with engine.connect() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(SystemRow)).scalar_one()
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        _say(f"{count} systems, two inspections each: {path.stat().st_size / count / 1000:.1f} kB a system")
        for text, question in (
            ("page of 50", lambda: queries.page(engine)),
            ("last page of 50", lambda: queries.page(engine, number=count // 50)),
            ("history", lambda: queries.history(engine, "O-7/s-7")),
            ("nation by level", lambda: queries.sums(engine, ("level",))),
            ("organisation by level", lambda: queries.sums(engine, ("organisation", "level"))),
        ):
            _say(f"{text}: {milliseconds(question):.1f} ms")


if __name__ == "__main__":
    main()
