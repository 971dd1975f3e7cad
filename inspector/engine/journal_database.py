"""What the journal needs of a database, and the one in a file of SQLite.

Queries are SQL that SQLite and PostgreSQL both understand, with ``?`` or ``:name`` for values.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from inspector.model.errors import EngineError
from inspector.model.formatted import FormattedMessage
from inspector.seal.atomic_files import exclusive

#: The format of the journal's tables.
FORMAT = 2
#: Seconds that a writer waits for another one.
_BUSY_SECONDS = 60.0

#: The tables of the journal, in the words of SQLite.
TABLES = """
CREATE TABLE campaign (
    id TEXT PRIMARY KEY, terms BLOB NOT NULL, document BLOB NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL,
    is_paused_now INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE queue (
    id INTEGER PRIMARY KEY, campaign TEXT NOT NULL REFERENCES campaign, hours TEXT NOT NULL, rank INTEGER NOT NULL,
    enqueued INTEGER NOT NULL, UNIQUE (campaign, hours, rank)
);
CREATE TABLE job (
    campaign TEXT NOT NULL REFERENCES campaign, system TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL,
    queue INTEGER NOT NULL REFERENCES queue, cause TEXT, detail TEXT NOT NULL DEFAULT '', due TEXT NOT NULL,
    position INTEGER NOT NULL, not_before INTEGER, seconds INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0, authorisations TEXT NOT NULL, is_withdrawn INTEGER NOT NULL DEFAULT 0,
    run TEXT NOT NULL, request BLOB, result BLOB, changed TEXT NOT NULL,
    PRIMARY KEY (campaign, system, attempt)
);
CREATE INDEX job_in_order ON job (
    queue, state, is_withdrawn, deaths, position, due, system, seconds, not_before
);
CREATE INDEX job_by_state ON job (state, campaign);
CREATE INDEX job_again ON job (campaign, system, attempt) WHERE attempt > 1;
CREATE TABLE content (digest TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE schedule (id TEXT PRIMARY KEY, document BLOB NOT NULL, path TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE refusal (what TEXT PRIMARY KEY, number INTEGER NOT NULL);
"""


class Cursor(Protocol):
    """What a statement gave: rows by the names of their columns, or the number of rows that it changed."""

    @property
    def rowcount(self) -> int:
        """The number of rows."""

    def fetchone(self) -> Any:
        """The next row; None: there is none."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class JournalDatabase(Protocol):
    """A database with the tables of the journal; ``failures`` are raised, ``remedy`` says what to do then."""

    name: str
    failures: tuple[type[Exception], ...]
    remedy: str

    def execute(self, query: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement."""

    def execute_many(self, query: str, rows: Iterable[Sequence[object] | Mapping[str, object]]) -> int:
        """Run a statement once for each row; gives how many rows it changed in all."""

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction that no other writer is in; all of the body is recorded, or nothing."""

    def adding(self) -> AbstractContextManager[None]:
        """Within the body no other process adds a campaign."""

    def is_in_place(self) -> bool:
        """Whether the archive is the one with which the database was opened. Raises OSError."""

    def close(self) -> None:
        """Close it."""


class SqliteDatabase:
    """A file of SQLite, which is made where it is missing. Raises sqlite3.Error, OSError, EngineError."""

    #: SQLite quotes what it cannot read, which then is no text.
    failures: tuple[type[Exception], ...] = (sqlite3.Error, OSError, UnicodeDecodeError)
    remedy = "check the disk, then begin again; what was recorded is kept"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        with ExitStack() as unless_opened:
            unless_opened.callback(self._db.close)
            self._db.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._prepare()
            status = path.stat()
            self._identity = status.st_dev, status.st_ino
            unless_opened.pop_all()

    def _prepare(self) -> None:
        if self._version() == 0:
            with self.transaction():
                if self._version() == 0:  # no other process was faster
                    for statement in filter(str.strip, TABLES.split(";")):
                        self._db.execute(statement + (" STRICT" if "CREATE TABLE" in statement else ""))
                    self._db.execute(f"PRAGMA user_version = {FORMAT}")
        if self._version() != FORMAT:
            raise EngineError(
                FormattedMessage(
                    "{file}: has format {format}, not {known}", file=self.path, format=self._version(), known=FORMAT
                ),
                remedy="use the version of Inspector that made it, or close its campaigns with that version first",
            )

    def _version(self) -> int:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        return int(version)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def is_in_place(self) -> bool:
        """Whether its path still leads to the file that was opened. Raises OSError where it leads nowhere."""
        status = self.path.stat()
        return (status.st_dev, status.st_ino) == self._identity

    def execute(self, query: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement."""
        return self._db.execute(query, values)

    def execute_many(self, query: str, rows: Iterable[Sequence[object] | Mapping[str, object]]) -> int:
        """Run a statement once for each row; gives how many rows it changed in all."""
        return self._db.executemany(query, rows).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that no other writer is in; all of the body is recorded, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def adding(self) -> AbstractContextManager[None]:
        """Within the body no other process adds a campaign."""
        return exclusive(self.path.parent)
