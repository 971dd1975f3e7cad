"""Opens the store: a SQLite file of this user, with the tables of this version (Alembic)."""

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

from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.seal.atomic_files import exclusive

#: The store below the output folder.
FILE = "store.sqlite3"
#: The newest migration: a store that has it needs none.
NEWEST = "0001"
_BUSY_MILLISECONDS = 30_000


@contextmanager
def opened(path: Path, *, create: bool = False) -> Iterator[sa.Engine]:
    """The store in a file, brought up to this version.

    ``create``: where there is none, an empty one, and within the body no other process has one of this folder opened
    so: it waits. Raises UsageError where it cannot be opened.
    """
    if not create and not path.is_file():
        raise UsageError(
            FormattedMessage("{file}: there is no store", file=path),
            remedy="make one with 'inspector store rebuild ARCHIVE', or name it with --store",
        )
    engine: sa.Engine | None = None
    alone = ExitStack()
    try:
        if create:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            alone.enter_context(exclusive(path.parent))
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        engine = engine_of(sa.URL.create("sqlite", database=str(path)))
        migrate(engine)
        yield engine
    except (OSError, UnicodeDecodeError, sa.exc.DatabaseError) as error:  # SQLite quotes what it cannot read
        reason = error.strerror if isinstance(error, OSError) else str(error.__cause__ or error)
        raise UsageError(
            FormattedMessage("{file}: the store cannot be used: {reason}", file=path, reason=reason),
            remedy="check the disk, or remove the file and make the store again with 'inspector store rebuild ARCHIVE'",
        ) from None
    finally:
        if engine is not None:
            engine.dispose()
        alone.close()


def engine_of(url: sa.URL) -> sa.Engine:
    """The engine for a database."""
    engine = sa.create_engine(url)
    if url.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _configure)
    return engine


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


def migrate(engine: sa.Engine) -> None:
    """Bring the tables up to this version. Raises UsageError where they are newer."""
    with engine.begin() as connection:
        found = _revision(connection)
        if found == NEWEST:
            return
        if found is not None and found > NEWEST:
            raise UsageError(
                FormattedMessage("the store was made by a newer version of Inspector ({revision})", revision=found),
                remedy="use that version, or make another store with 'inspector store rebuild ARCHIVE --store FILE'",
            )
        config = Config()
        config.set_main_option("script_location", "inspector.store:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, NEWEST)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
