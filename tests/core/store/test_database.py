"""The tables of the store: migrations make what the models say, on SQLite, and PostgreSQL can have them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from inspector.model.errors import UsageError
from inspector.store import queries
from inspector.store.database import NEWEST, opened
from inspector.store.schema import Base


def test_the_migrations_make_the_tables_of_the_models(tmp_path: Path) -> None:
    """A store that is brought up to this version has no difference to the models; opening it again changes nothing."""
    path = tmp_path / "folder" / "store.sqlite3"
    for _ in range(2):
        with opened(path, create=True) as engine, engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
            assert context.get_current_revision() == NEWEST
    assert path.stat().st_mode & 0o077 == 0


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """It is left as it is."""
    path = tmp_path / "store.sqlite3"
    with opened(path, create=True) as engine, engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageError, match="newer version"), opened(path):
        pass


def test_a_link_is_no_store(tmp_path: Path) -> None:
    """What lies behind a link is not written."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot be used"), opened(tmp_path / "link", create=True):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_tables_and_lists_can_be_said_in_postgresql() -> None:
    """Every table, index and list compiles for PostgreSQL."""
    dialect = postgresql.dialect()
    for table in Base.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))
    for statement in queries.LISTS.values():
        assert "SELECT" in str(statement.compile(dialect=dialect))


def test_no_cell_is_a_formula() -> None:
    """A name that begins as a formula does gets an apostrophe; numbers and lists stay what they are."""
    data = queries.rows_as("csv", ("name", "n", "at"), [("=cmd|' /C calc'!A0", -1, ["a", None, "b"]), (None, 0, [])])
    assert data.decode().split("\r\n")[1:3] == ["'=cmd|' /C calc'!A0,-1,a b", ",0,"]


def test_names_that_are_no_text_make_no_store(tmp_path: Path) -> None:
    """SQLite quotes a damaged name in its message, which then is no text either."""
    path = tmp_path / "store.sqlite3"
    with opened(path, create=True):
        pass
    path.write_bytes(path.read_bytes().replace(b"finding (state, system", b"finding (state, syste\xe4"))
    with pytest.raises(UsageError, match="the store cannot be used: "), opened(path):
        pass
