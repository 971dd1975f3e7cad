"""The journal that several machines share, in a database of PostgreSQL, and its queue: that of Procrastinate.

What is waiting or running has an entry among Procrastinate's jobs, which is deferred, fetched and given back by
Procrastinate's functions in the transaction that changes the journal, so that both always agree; what has ended has
none. Procrastinate's workers, whose heartbeats it keeps, are the processes that run jobs here.

The order needs no look at other jobs: a rank is a day, so the priority is the instant of enqueuing and a day for each
rank, the smallest first. The entries of a queue are named after it, and those of jobs that have a capture also after
the archive that it is in: a process takes those of its own archive, and of archives that nobody works on any more.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager
from psycopg import pq

from inspector.engine.engine import JobState, NotInspected
from inspector.engine.journal import AT_ONCE, MOST_ATTEMPTS, SECONDS_PER_RANK, Claim, Hours, Journal, Key, errors_of
from inspector.engine.journal_database import FORMAT, TABLES, Cursor
from inspector.model.base import now
from inspector.model.errors import EngineError
from inspector.model.formatted import FormattedMessage
from inspector.network.postgresql import SCHEMA, DatabaseSource

#: Identifies an archive: a file in the folder of its campaigns.
ARCHIVE_FILE = "archive-id"
#: The task that entries are of.
_TASK = "inspect"
#: Advisory locks: one writer at a time, as in SQLite; one that adds a campaign.
_CLASS, _WRITING, _ADDING, _PREPARING = 0x1A5B, 1, 2, 3
#: Priorities count from here (2026-01-01), and fit 32 bits for 60 years.
_EPOCH = 1_767_225_600
#: How many heartbeats a worker has in the time after which it is taken for dead.
_BEATS = 5

_MORE_TABLES = """
ALTER TABLE job ADD COLUMN entry BIGINT, ADD COLUMN worker BIGINT, ADD COLUMN archive TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX job_of_entry ON job (entry);
CREATE INDEX job_of_archive ON job (archive) WHERE state = 'interrupted';
CREATE TABLE worker (
    id BIGINT PRIMARY KEY REFERENCES procrastinate_workers ON DELETE CASCADE, archive TEXT NOT NULL
);
CREATE FUNCTION json_each(list TEXT) RETURNS TABLE (value TEXT) LANGUAGE sql IMMUTABLE
    AS 'SELECT json_array_elements_text(CAST(list AS JSON))';
CREATE TABLE format (number BIGINT NOT NULL);
"""


class PostgresDatabase:
    """A database of PostgreSQL with the tables of the journal, which are made where they are missing.

    ``place`` is the file that identifies the archive. Raises psycopg.Error, OSError, EngineError.
    """

    failures: tuple[type[Exception], ...] = (psycopg.Error, OSError)
    remedy = "check the database and the way to it, then begin again; what was recorded is kept"

    def __init__(self, source: DatabaseSource, place: Path) -> None:
        self.name = source.name
        self._source = source
        self._place = place
        self._identity = _identity(place)
        self._db = source.connect()
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        if self._format() is None:
            with self._locked(_PREPARING):
                if self._format() is None:  # no other process was faster
                    with self._db.transaction():
                        self._make()
        if (found := self._format()) != FORMAT:
            values = {"file": self.name, "format": found, "known": FORMAT}
            raise EngineError(
                FormattedMessage("{file}: has format {format}, not {known}", **values),
                remedy="use the version of Inspector that made it, or close its campaigns with that version first",
            )

    def _format(self) -> int | None:
        if self.execute("SELECT to_regclass('format') AS found").fetchone()["found"] is None:
            return None
        return int(self.execute("SELECT number FROM format").fetchone()["number"])

    def _make(self) -> None:
        tables = TABLES.replace("id INTEGER PRIMARY KEY", "id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        tables = tables.replace("BLOB", "BYTEA").replace("INTEGER", "BIGINT").replace(" TEXT", ' TEXT COLLATE "C"')
        self._run(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        self._run(SchemaManager.get_schema())
        self._run(tables)
        self._run(_MORE_TABLES)
        self.execute("INSERT INTO format (number) VALUES (?)", [FORMAT])

    def _run(self, script: str) -> None:
        self._db.execute(script.encode())

    def close(self) -> None:
        """Close the session."""
        self._db.close()

    def is_in_place(self) -> bool:
        """Whether the archive is the one with which the database was opened. Raises OSError."""
        return _identity(self._place) == self._identity

    def _session(self) -> psycopg.Connection[dict[str, Any]]:
        """The session, a new one where the last one was lost outside of a transaction."""
        if self._db.closed:
            self._db = self._source.connect()
        return self._db

    def execute(self, query: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement."""
        return self._session().execute(_translated(query), values)

    def execute_many(self, query: str, rows: Iterable[Sequence[object] | Mapping[str, object]]) -> int:
        """Run a statement once for each row; gives how many rows it changed in all."""
        with self._session().cursor() as cursor:
            cursor.executemany(_translated(query), rows)
            return max(cursor.rowcount, 0)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that no other writer is in; all of the body is recorded, or nothing."""
        session = self._session()
        if session.info.transaction_status is not pq.TransactionStatus.IDLE:
            raise EngineError("the session of the database is in a transaction", remedy="this is a bug in Inspector")
        with session.transaction():
            session.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_CLASS, _WRITING])
            yield

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Within the body no other process adds a campaign."""
        with self._locked(_ADDING):
            yield

    @contextmanager
    def _locked(self, what: int) -> Iterator[None]:
        session = self._session()
        session.execute("SELECT pg_advisory_lock(%s, %s)", [_CLASS, what])
        try:
            yield
        finally:
            with suppress(psycopg.Error):  # a session that was lost has no locks
                session.execute("SELECT pg_advisory_unlock(%s, %s)", [_CLASS, what])


@lru_cache(maxsize=128)
def _translated(query: str) -> bytes:
    """A query of the journal in the words of the driver."""
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", query.replace("?", "%s")).encode()


def _identity(place: Path) -> tuple[int, int]:
    status = place.stat()
    return status.st_dev, status.st_ino


def _archive_id(folder: Path) -> str:
    """The id of the archive in whose folder of campaigns this is, which is made once. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / ARCHIVE_FILE
    if not place.exists():
        partial = folder / f"partial-{secrets.token_hex(6)}"
        partial.write_text(f"{secrets.token_hex(8)}\n", encoding="ascii")
        with suppress(FileExistsError):  # another process was faster
            os.link(partial, place)
        partial.unlink()
    found = place.read_text(encoding="ascii", errors="replace").strip()
    if not re.fullmatch("[0-9a-f]{16}", found):
        raise EngineError(
            FormattedMessage("{file}: is damaged", file=place), remedy="remove it; interrupted systems begin anew"
        )
    return found


class PostgresJournal(Journal):
    """The journal in a database, for the archive whose folder of campaigns is given. Every method raises EngineError.

    A worker that was not heard for ``dead_after`` seconds is taken for dead: its jobs go on in its archive, or begin
    anew.
    """

    def __init__(self, folder: Path, source: DatabaseSource, dead_after: float) -> None:
        self.folder = folder
        self.path = folder / ARCHIVE_FILE
        self.dead_after = dead_after
        self._source = source
        self._worker: int | None = None
        self._since = float("inf")
        self._looked = float("-inf")
        with errors_of(source.name, PostgresDatabase.failures, PostgresDatabase.remedy):
            self._archive = _archive_id(folder)
            self._db = PostgresDatabase(source, self.path)

    # --- Workers ------------------------------------------------------------------------------------------------------

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within the body this process is a worker, which is heard."""
        if self._worker is not None:  # whose session was lost
            self._leave("interrupted by an error")
        with self._writing():
            self._register()
        self._since = time.monotonic()
        ended = threading.Event()
        beating = threading.Thread(target=self._beat, args=(ended,), name="heartbeat", daemon=True)
        beating.start()
        try:
            yield
        finally:
            ended.set()
            beating.join()
            with suppress(EngineError):  # then it is not heard any more
                self._leave("interrupted by a person")

    def _register(self) -> None:
        """Be a worker; within a transaction."""
        self._worker = self._db.execute("SELECT procrastinate_register_worker_v1() AS id").fetchone()["id"]
        self._db.execute("INSERT INTO worker (id, archive) VALUES (?, ?)", [self._worker, self._archive])

    def _leave(self, detail: str) -> None:
        """Give back what this worker has, and be none."""
        self.recover(detail, is_crash=False)
        with self._writing():
            self._db.execute("SELECT procrastinate_unregister_worker_v1(CAST(? AS BIGINT))", [self._worker])
        self._worker = None

    def _beat(self, ended: threading.Event) -> None:
        """Be heard, on a session of its own, whatever the event loop waits for."""
        session: psycopg.Connection[dict[str, Any]] | None = None
        while not ended.wait(self.dead_after / _BEATS):
            try:
                if session is None or session.closed:
                    session = self._source.connect()
                session.execute("SELECT procrastinate_update_heartbeat_v1(%s)", [self._worker])
            except psycopg.Error:
                continue  # the journal says so when it is used next
        if session is not None:
            session.close()

    def recover_dead(self) -> None:
        """Give back what workers had that are not heard any more."""
        dead = (
            "NOT EXISTS (SELECT 1 FROM procrastinate_workers AS known WHERE known.id = job.worker "
            "AND known.last_heartbeat >= now() - CAST(? AS DOUBLE PRECISION) * INTERVAL '1 second')"
        )
        with self._writing():
            lost = f"state = 'running' AND {dead}"
            self._give_back(lost, [self.dead_after], "its worker was not heard any more", is_crash=True)
            self._db.execute(
                "SELECT procrastinate_prune_stalled_workers_v1(CAST(? AS DOUBLE PRECISION))", [self.dead_after]
            )

    def recover(self, detail: str, *, is_crash: bool) -> int:
        """Mark what this process had begun as interrupted; gives how many."""
        if self._worker is None:
            return 0
        with self._writing():
            condition = "state = 'running' AND worker = CAST(? AS BIGINT)"
            return self._give_back(condition, [self._worker], detail, is_crash=is_crash)

    def _give_back(self, condition: str, values: list[object], detail: str, *, is_crash: bool) -> int:
        """Jobs that were running are interrupted; one that may be what ended a process comes last in its rank."""
        rows = self._db.execute(
            f"SELECT campaign, system, attempt, entry, queue, archive FROM job WHERE {condition}",  # noqa: S608
            values,
        ).fetchall()
        for row in rows:
            self._db.execute(
                "UPDATE job SET state = 'interrupted', detail = ?, deaths = deaths + ?, changed = ? "
                "WHERE campaign = ? AND system = ? AND attempt = ?",
                [detail, int(is_crash), now().isoformat(), row["campaign"], row["system"], row["attempt"]],
            )
            self._retry(row["entry"], f"{row['queue']}@{row['archive']}", later=(SECONDS_PER_RANK - 1) * is_crash)
        return len(rows)

    # --- Entries ------------------------------------------------------------------------------------------------------

    def _retry(self, entry: int, queue: str | None, *, at: datetime | None = None, later: int = 0) -> None:
        """Give an entry back to a queue (None: that of before), not before an instant, by so many seconds later."""
        self._db.execute(
            "SELECT procrastinate_retry_job_v2(id, CAST(? AS TIMESTAMPTZ), CAST(priority - ? AS INTEGER), "
            "CAST(? AS VARCHAR), NULL) FROM procrastinate_jobs WHERE id = ? AND status = 'doing'",
            [at, later, queue, entry],
        )

    def _finish(self, condition: str, values: Sequence[object]) -> None:
        """Remove the entries of the jobs for which a condition holds: the journal says what became of them."""
        self._db.execute(
            f"DELETE FROM procrastinate_jobs WHERE id IN (SELECT entry FROM job WHERE {condition})",  # noqa: S608
            values,
        )
        self._db.execute(f"UPDATE job SET entry = NULL WHERE entry IS NOT NULL AND {condition}", values)  # noqa: S608

    def _add(self, prepared: Any) -> int:
        new = super()._add(prepared)
        rows = self._rows(
            "SELECT job.campaign, system, attempt FROM job JOIN queue ON queue.id = job.queue "
            "WHERE job.campaign = ? AND state = 'waiting' ORDER BY rank, position, due, system",
            prepared.campaign,
        )
        for begin in range(0, len(rows), AT_ONCE):
            with self._writing():
                self._defer((row["campaign"], row["system"], row["attempt"]) for row in rows[begin : begin + AT_ONCE])
        with self._errors():  # else the first workers look at every entry
            self._db.execute("ANALYZE procrastinate_jobs")
            self._db.execute("ANALYZE job")
        return new

    def _defer(self, keys: Iterable[Key]) -> None:
        """Add the entries of jobs in this order; the database refuses a second one of a job."""
        self._db.execute_many(
            "UPDATE job SET entry = (procrastinate_defer_jobs_v1(ARRAY[CAST(ROW(CAST(queue.id AS TEXT), "  # noqa: S608
            f"'{_TASK}', CAST(attempt > 1 AS INTEGER) - (rank * {SECONDS_PER_RANK} + enqueued - {_EPOCH}), NULL, "
            "job.campaign || '/' || system || '/' || attempt, '{}', NULL) AS procrastinate_job_to_defer_v1)]))[1] "
            "FROM queue WHERE queue.id = job.queue AND job.campaign = ? AND system = ? AND attempt = ?",
            keys,
        )

    def _remove(self, campaign: str) -> None:
        with self._writing():
            self._finish("campaign = ?", [campaign])
        super()._remove(campaign)

    def _leave_out(self, campaign: str, cause: NotInspected, condition: str, *values: str, detail: str = "") -> int:
        count = super()._leave_out(campaign, cause, condition, *values, detail=detail)
        self._finish("campaign = ? AND state = 'not-inspected'", [campaign])
        return count

    # --- What comes next ----------------------------------------------------------------------------------------------

    def _suffixes(self) -> list[str]:
        """The ends of the names of entries that this process may take."""
        found = ["", f"@{self._archive}"]
        if time.monotonic() >= self._since + self.dead_after:  # after a common restart each takes its own
            left = self._rows(
                "SELECT DISTINCT archive FROM job WHERE state = 'interrupted' AND archive != '' "
                "AND archive NOT IN (SELECT archive FROM worker)"
            )
            found += [f"@{row['archive']}" for row in left if row["archive"] != self._archive]
        return found

    def groups(self, campaigns: Collection[str]) -> list[Hours]:
        """The groups of jobs of these campaigns that this process may begin or go on with, by their hours."""
        if self._worker is not None and time.monotonic() >= self._looked + self.dead_after / _BEATS:
            self._looked = time.monotonic()
            self.recover_dead()
        rows = self._rows(
            "SELECT DISTINCT campaign, hours FROM queue WHERE campaign = ANY(?) AND EXISTS (SELECT 1 "
            "FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()) "
            "AND queue_name = ANY(ARRAY(SELECT queue.id || suffix FROM unnest(CAST(? AS TEXT[])) AS suffix)))",
            list(campaigns),
            self._suffixes(),
        )
        return [Hours(row["campaign"], row["hours"]) for row in rows]

    def _take(self, left: Mapping[Hours, float], at: datetime) -> Key | None:
        """The job that comes first of those whose campaign may begin one more, by what all machines have begun."""
        if self._db.execute("SELECT 1 FROM worker WHERE id = ?", [self._worker]).fetchone() is None:
            self._register()  # it was taken for dead: what it had others go on with
        running, rows = self.running(), self.campaigns()
        suffixes, names = self._suffixes(), dict[str, float]()
        for row in self._db.execute("SELECT id, campaign, hours FROM queue WHERE campaign = ANY(?)", [list(rows)]):
            campaign = rows[row["campaign"]]
            at_once = campaign.terms.at_once
            seconds = left.get(Hours(row["campaign"], row["hours"]))
            is_full = at_once is not None and running.get(row["campaign"], 0) >= at_once
            if seconds is not None and not is_full and campaign.state == "running":
                names |= {f"{row['id']}{suffix}": seconds for suffix in suffixes}
        while names:
            entry = self._db.execute(
                "SELECT id, queue_name FROM procrastinate_fetch_job_v2(CAST(? AS VARCHAR[]), CAST(? AS BIGINT))",
                [list(names), self._worker],
            ).fetchone()
            if entry["id"] is None:
                return None
            job = self._db.execute("SELECT * FROM job WHERE entry = ?", [entry["id"]]).fetchone()
            if job is None or job["state"] not in ("waiting", "interrupted") or job["is_withdrawn"]:
                self._db.execute("SELECT procrastinate_finish_job_v1(CAST(? AS BIGINT), 'failed', true)", [entry["id"]])
            elif job["seconds"] > names[entry["queue_name"]]:
                self._retry(entry["id"], None, at=at + timedelta(seconds=names[entry["queue_name"]]))
            elif (key := self._begun(job)) is not None:
                return key
        return None

    def _begun(self, job: Mapping[str, Any]) -> Key | None:
        """The key of a job that begins here: its own, or where its archive has no worker that of its next attempt."""
        key: Key = (job["campaign"], job["system"], job["attempt"])
        if job["archive"] not in ("", self._archive):
            lost = "what it recorded is in an archive that no worker has any more"
            is_last = job["attempt"] >= MOST_ATTEMPTS
            self._db.execute(
                "UPDATE job SET state = ?, detail = ?, entry = NULL, changed = ? "
                "WHERE campaign = ? AND system = ? AND attempt = ?",
                [JobState.FAILED if is_last else JobState.TORN, lost, now().isoformat(), *key],
            )
            if is_last:
                self._db.execute(
                    "SELECT procrastinate_finish_job_v1(CAST(? AS BIGINT), 'failed', true)", [job["entry"]]
                )
                return None
            key = self._add_attempt(key)
        self._db.execute(
            "UPDATE job SET entry = ?, worker = ?, archive = ? WHERE campaign = ? AND system = ? AND attempt = ?",
            [job["entry"], self._worker, self._archive, *key],
        )
        return key

    # --- What became of it --------------------------------------------------------------------------------------------

    def held(self) -> set[Key] | None:
        """The jobs that are this process's still."""
        rows = self._rows(
            "SELECT campaign, system, attempt FROM job WHERE state = 'running' AND worker = CAST(? AS BIGINT)",
            self._worker,
        )
        return {(row["campaign"], row["system"], row["attempt"]) for row in rows}

    def _is_held(self, claim: Claim) -> bool:
        return claim.key in (self.held() or ())

    def _settle(self, claim: Claim, state: JobState, not_before: datetime | None) -> None:
        here = "campaign = ? AND system = ? AND attempt = ?"
        if state in (JobState.INTERRUPTED, JobState.WAITING):
            row = self._db.execute(f"SELECT entry, queue FROM job WHERE {here}", claim.key).fetchone()  # noqa: S608
            queue = str(row["queue"])
            if state is JobState.INTERRUPTED:
                queue = f"{queue}@{self._archive}"
            else:
                self._db.execute(f"UPDATE job SET archive = '' WHERE {here}", claim.key)  # noqa: S608
            self._retry(row["entry"], queue, at=not_before)
            return
        self._finish(here, claim.key)
        if state is JobState.SEALED:
            others = "campaign = ? AND system = ? AND state IN ('waiting', 'interrupted')"
            self._finish(others, claim.key[:2])
            self._db.execute(
                f"UPDATE job SET state = 'torn', detail = ? WHERE {others}",  # noqa: S608  (own texts)
                ["another attempt was sealed", *claim.key[:2]],
            )

    def _refuse(self, claim: Claim) -> None:
        here = "campaign = ? AND system = ? AND attempt = ? AND state = 'running' AND worker = CAST(? AS BIGINT)"
        self._finish(here, [*claim.key, self._worker])
        self._db.execute(
            f"UPDATE job SET state = 'torn', detail = ? WHERE {here}",  # noqa: S608  (own texts)
            ["another attempt was sealed", *claim.key, self._worker],
        )

    def try_anew(self, claim: Claim) -> None:
        """Add the next attempt of a job that cannot be continued."""
        with self._writing():
            self._defer([self._add_attempt(claim.key)])
