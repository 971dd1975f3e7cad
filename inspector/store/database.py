"""Opens the store: a SQLite file of this user, or a PostgreSQL database; with the tables of this version (Alembic)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine.interfaces import DBAPIConnection

from inspector.declare.settings import is_database_url
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.network.postgresql import SCHEMA, DatabaseSource
from inspector.seal.atomic_files import exclusive

#: The store below the output folder.
FILE = "store.sqlite3"
#: The newest migration: a store that has it needs none.
NEWEST = "0002"
_BUSY_MILLISECONDS = 30_000
#: Names the lock of the one process that writes into a store in PostgreSQL.
_WRITER = 0x696E_7370_6563_746F
_CONNECT_SECONDS = 5
_MOST_BYTES = 4096

#: Where a store is: a SQLite file, or a PostgreSQL database.
Location = Path | DatabaseSource


def location_of(text: str) -> Location:
    """Where ``--store`` says that the store is: a URL of PostgreSQL, a file that holds one, or a SQLite file.

    Raises UsageError.
    """
    if is_database_url(text) or _has_url(Path(text)):
        return DatabaseSource.of(text)
    return Path(text)


def _has_url(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_database_url(file.read(_MOST_BYTES).decode(errors="replace").lstrip())
    except (OSError, ValueError):
        return False


@contextmanager
def opened(location: Location, *, create: bool = False) -> Iterator[sa.Engine]:
    """The store at a place, brought up to this version.

    ``create``: where there is none, an empty one, and within the body no other process has this store opened so: it
    waits. Raises UsageError where it cannot be opened.
    """
    is_file = isinstance(location, Path)
    with ExitStack() as stack:
        try:
            if isinstance(location, Path):
                engine = _sqlite(location, stack, create=create)
            else:
                engine = _postgresql(location, create=create)
            stack.callback(engine.dispose)
            _migrate(engine, location, create=create)
            yield engine
        except (OSError, UnicodeDecodeError, sa.exc.DBAPIError) as error:  # SQLite quotes what it cannot read
            raise UsageError(
                FormattedMessage(
                    "{file}: the store cannot be used: {reason}", file=_name(location), reason=_reason(error)
                ),
                remedy="check the disk, or remove the file and make the store again with "
                "'inspector store rebuild ARCHIVE'"
                if is_file
                else "check the database and the way to it, then begin again; what was taken is kept",
            ) from None


def _name(location: Location) -> str:
    return str(location) if isinstance(location, Path) else location.name


def _reason(error: OSError | UnicodeDecodeError | sa.exc.DBAPIError) -> str:
    """The first line of what the system or the driver says; statements and their values are left out."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, UnicodeDecodeError):
        return str(error)
    lines = str(error.orig or "").strip().splitlines()
    return lines[0][:300] if lines else type(error.orig).__name__


def _sqlite(path: Path, stack: ExitStack, *, create: bool) -> sa.Engine:
    if not create and not path.is_file():
        raise _no_store(path)
    if create:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        stack.enter_context(exclusive(path.parent))
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
    sa.event.listen(engine, "connect", _configure)
    return engine


def _no_store(place: object) -> UsageError:
    return UsageError(
        FormattedMessage("{file}: there is no store", file=place),
        remedy="make one with 'inspector store rebuild ARCHIVE', or name it with --store",
    )


def _configure(connection: DBAPIConnection, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "foreign_keys=ON",
        "cache_size=-65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _postgresql(source: DatabaseSource, *, create: bool) -> sa.Engine:
    """The engine of a database; the URL stays with the driver. One that writes has one session, and with it the lock.

    Where its connection is lost, the lock is, too, and every later statement fails: two never write at once.
    """

    def connect() -> Any:
        import psycopg

        made = psycopg.connect(source.url, connect_timeout=_CONNECT_SECONDS, application_name="inspector store")
        try:
            made.execute(f"SET search_path TO {SCHEMA}")
            if create:
                made.execute("SELECT pg_advisory_lock(%s)", [_WRITER])
                made.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            made.commit()
        except BaseException:
            made.close()
            raise
        return made

    if create:
        return sa.create_engine("postgresql+psycopg://", creator=connect, poolclass=sa.StaticPool)
    # All queries of a transaction see one state of the store, as in SQLite.
    return sa.create_engine("postgresql+psycopg://", creator=connect, isolation_level="REPEATABLE READ")


def _migrate(engine: sa.Engine, location: Location, *, create: bool) -> None:
    """Bring the tables up to this version. Raises UsageError where they are newer, and where ``create`` is missing."""
    with engine.begin() as connection:
        found = _revision(connection)
        if found == NEWEST:
            return
        if found is not None and found > NEWEST:
            raise UsageError(
                FormattedMessage("the store was made by a newer version of Inspector ({revision})", revision=found),
                remedy="use that version, or make another store with 'inspector store rebuild ARCHIVE --store FILE'",
            )
        if found is None and not create:
            raise _no_store(_name(location))
        if not create:
            raise UsageError(
                FormattedMessage("{file}: the store was made by an older version of Inspector", file=_name(location)),
                remedy="bring it up to this version with 'inspector store ingest'",
            )
        config = Config()
        config.set_main_option("script_location", "inspector.store:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, NEWEST)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
