"""The tables of the store: migrations make what the models say, on SQLite and PostgreSQL."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from inspector.model.errors import UsageError
from inspector.model.escaping import escape_formula
from inspector.store import queries
from inspector.store.database import NEWEST, Location, location_of, opened
from inspector.store.schema import Base, NotCountedRow
from tests.postgresql import PostgreSQL


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    """The place of a store that is not there yet, on each database."""
    if request.param == "sqlite":
        yield tmp_path / "folder" / "store.sqlite3"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.create()
    yield location_of(url)
    server.drop(url)


def test_the_migrations_make_the_tables_of_the_models(location: Location) -> None:
    """A store that is brought up to this version has no difference to the models; opening it again changes nothing."""
    for _ in range(2):
        with opened(location, create=True) as engine, engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
            assert context.get_current_revision() == NEWEST
    if isinstance(location, Path):
        assert location.stat().st_mode & 0o077 == 0


def test_texts_are_kept_and_sorted_alike(location: Location) -> None:
    """By code points, whatever the database's language; what a database cannot have is replaced."""
    texts = ["b", "a-c", "aB", "ab", "a/c", "Đ", "đ", "e\u0301", "é", "\U0001f600", "\uffff", "x\0y", "z\ud800y"]
    with opened(location, create=True) as engine:
        with engine.begin() as connection:
            rows = [{"folder": each, "cause": "altered", "detail": ""} for each in texts]
            connection.execute(sa.insert(NotCountedRow), rows)
        found = [each[0] for each in csv.reader(queries.export(engine, "not-counted", "csv").decode().splitlines()[1:])]
    kept = [each.replace("\0", "\ufffd").replace("\ud800", "\ufffd") for each in texts]
    assert found == sorted(kept)


def test_a_store_of_a_newer_version_is_refused(location: Location) -> None:
    """It is left as it is."""
    with opened(location, create=True) as engine, engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageError, match="newer version"), opened(location):
        pass


def test_a_link_is_no_store(tmp_path: Path) -> None:
    """What lies behind a link is not written."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="cannot be used"), opened(tmp_path / "link", create=True):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_store_is_made_by_nobody_who_reads(location: Location) -> None:
    """Who reads is told how a store is made."""
    with pytest.raises(UsageError, match="there is no store"), opened(location):
        pass
    with opened(location, create=True):
        pass
    with opened(location) as engine:
        assert queries.export(engine, "systems", "json") == b"[]\n"


def test_no_cell_is_a_formula() -> None:
    """A name that begins as a formula does gets an apostrophe; numbers and lists stay what they are."""
    data = queries.rows_as("csv", ("name", "n", "at"), [("=cmd|' /C calc'!A0", -1, ["a", None, "b"]), (None, 0, [])])
    assert data.decode().split("\r\n")[1:3] == ["'=cmd|' /C calc'!A0,-1,a b", ",0,"]


@pytest.mark.parametrize("text", [" =1+1", "x;=1+1", '"=1+1', "\u3000\uff1d1", "\tx"])
def test_a_formula_is_found_behind_what_a_spreadsheet_drops(text: str) -> None:
    """Spaces, quotes, and a semicolon, which separates cells in Vietnam; in the lists of the inventory, too."""
    made = escape_formula(text)
    assert made == text.replace("=", "'=", 1) if text.startswith("x;") else f"'{text}"
    (row,) = csv.reader(queries.rows_as("csv", ("name",), [(text,)]).decode().splitlines()[1:])
    assert row == [made]


def test_names_that_are_no_text_make_no_store(tmp_path: Path) -> None:
    """SQLite quotes a damaged name in its message, which then is no text either."""
    path = tmp_path / "store.sqlite3"
    with opened(path, create=True):
        pass
    path.write_bytes(path.read_bytes().replace(b"finding (state, system", b"finding (state, syste\xe4"))
    with pytest.raises(UsageError, match="the store cannot be used: "), opened(path):
        pass
