"""Statistics equal, to the digit, those that SQL counts in estates made elsewhere."""

import csv
import io
import json
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from inspector.inventory.notes import Severity
from inspector.inventory.statistics import COLUMNS, as_csv, as_json, as_xlsx, share, statistics
from inspector.inventory.tables import read_tables
from tests.core.inventory.estate import AS_OF, Estate, expected, make_estate, write_lists
from tests.core.inventory.kit import after, imported, notes


@pytest.fixture(scope="module", params=[(1, 5, 60), (2, 9, 240), (3, 2, 7)])
def estate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Estate, Path]:
    seed, organisations, systems = request.param
    folder = tmp_path_factory.mktemp("estate")
    made = make_estate(seed, organisations, systems)
    write_lists(made, folder / "lists", seed)
    return made, folder


def test_statistics_are_those_of_the_estate(estate: tuple[Estate, Path]) -> None:
    """By organisation and level, in every column; no row is refused and no total differs."""
    made, folder = estate
    text = (folder / "organisations.csv").read_text(encoding="utf-8-sig")
    found = imported(folder, folder / "lists", organisations=text)
    assert [each.text for each in notes(found, Severity.FAULT)] == []
    assert not [each for each in found.notes if each.code == "total"]
    counted = statistics(after(found), ("organisation", "level"), AS_OF)
    got = {(row.organisation, row.level): row.counts.model_dump() for row in counted.rows}
    assert got == expected(made)


def test_every_format_has_the_same_numbers(estate: tuple[Estate, Path], tmp_path: Path) -> None:
    """CSV, JSON and XLSX have the same rows, read back by other programs."""
    _, folder = estate
    text = (folder / "organisations.csv").read_text(encoding="utf-8-sig")
    snapshot = after(imported(tmp_path, folder / "lists", organisations=text))
    counted = statistics(snapshot, ("organisation", "level", "kind", "group"), AS_OF)
    rows = list(csv.reader(io.StringIO(as_csv(counted).decode())))
    assert rows[0] == ["organisation", "level", "kind", "group", *COLUMNS]
    told = json.loads(as_json(counted))
    assert told["snapshot"] == snapshot.digest
    assert [[str(cell) for cell in row.values()] for row in told["rows"]] == rows[1:]
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx(counted))).get_sheet_by_name("statistics")
    cells = [[str(int(c)) if isinstance(c, float) else str(c) for c in row] for row in sheet.to_python()]
    assert cells[0] == rows[0]
    assert [row[4:] for row in cells[1:]] == [row[4:] for row in rows[1:]]
    assert all(len(row.counts.model_dump()) == len(COLUMNS) for row in counted.rows)


def test_groups_are_those_of_ministries_and_provinces(estate: tuple[Estate, Path], tmp_path: Path) -> None:
    """A unit belongs to the group of the ministry or province above it."""
    made, folder = estate
    text = (folder / "organisations.csv").read_text(encoding="utf-8-sig")
    counted = statistics(after(imported(tmp_path, folder / "lists", organisations=text)), ("group",), AS_OF)
    by_group = {row.group: row.counts.systems for row in counted.rows}
    ministries = sum(1 for each in made.systems if each["org"].startswith("G"))
    assert by_group["*"] == len(made.systems)
    assert by_group.get("bo-nganh", 0) == ministries
    assert by_group.get("dia-phuong", 0) == len(made.systems) - ministries


def test_a_share_has_both_numbers() -> None:
    assert share(12, 30) == "12/30 (40.0%)"
    assert share(0, 0) == "0/0"


def test_each_list_is_read_as_one_table_of_systems(estate: tuple[Estate, Path]) -> None:
    """The generator writes what the test says it does: CSV in several encodings, and XLSX with merged headings."""
    _, folder = estate
    starts = {path.suffix: path.read_bytes()[:2] for path in (folder / "lists").iterdir()}
    assert starts[".xlsx"] == b"PK"
    merged = [
        table
        for path in (folder / "lists").glob("*.xlsx")
        for table in read_tables(path, lambda _: 0)[1]
        if table.merged
    ]
    assert merged
