"""CSV and XLSX: the same table, read back by another library, and no cell of it is more than text."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

import pytest

from inspector import Language, Outcome, escape_formula
from inspector.compare.baseline import Baseline
from inspector_reports import xlsx_table
from inspector_reports.csv_table import CSV
from inspector_reports.table import WIDTHS, headings, rows
from inspector_reports.xlsx_table import XLSX
from tests.reports import examples as specimens
from tests.reports.tables import csv_cells, workbook_cells

#: What a spreadsheet takes for the beginning of a formula.
FORMULA = re.compile("[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")


@pytest.mark.parametrize("language", Language)
def test_both_formats_have_the_same_cells(language: Language) -> None:
    """The workbook holds the headings and every row; CSV the same, with an apostrophe before what begins a formula."""
    view = specimens.view()
    wanted = [headings(view.translator(language)), *rows([view, specimens.plain()], language)]
    book = workbook_cells(XLSX.render([view, specimens.plain()], language))
    assert [[each.value or "" for each in row] for row in book] == [list(each) for each in wanted]
    table = csv_cells(CSV.render([view, specimens.plain()], language))
    assert table == [[escape_formula(cell) for cell in row] for row in wanted]
    assert len(wanted) == 1 + len(view.assessment.findings)
    assert len(WIDTHS) == len(wanted[0])


def test_every_cell_of_a_workbook_is_a_string() -> None:
    """No cell is a formula, a number, a date or a link."""
    cells = [each for row in workbook_cells(XLSX.render([specimens.view()], Language.EN)) for each in row]
    assert {each.data_type for each in cells if each.value is not None} == {"s"}
    assert not any(each.hyperlink for each in cells)


def test_the_table_is_in_the_language_of_its_reader() -> None:
    """Headings and cells are Vietnamese in one file, English in the other, and Excel is told that they are UTF-8."""
    vietnamese, english = (CSV.render([specimens.view()], each) for each in (Language.VI, Language.EN))
    assert vietnamese.startswith(b"\xef\xbb\xbf")
    assert csv_cells(vietnamese)[0][:3] == ["Hệ thống", "Cấp độ", "Mức nghiêm trọng"]
    assert csv_cells(english)[0][:3] == ["System", "Level", "Severity"]
    assert "allow TLS 1.2 and 1.3 only" in english.decode()
    assert "chỉ cho phép TLS 1.2 và 1.3" in vietnamese.decode()


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", "  =1", "'=1", "\uff1d1", "a;=1", 'a;"=1', "a; -1", ";;@x",
    ],
)  # fmt: skip
def test_no_cell_of_csv_begins_a_formula(text: str) -> None:
    """Read with a comma or, as in Vietnam, a semicolon, no cell begins with what begins a formula."""
    view = specimens.view()
    first = view.assessment.findings[0].model_copy(update={"subject": f"https://h/{text}", "address": text})
    data = CSV.render(
        [replace(view, assessment=view.assessment.model_copy(update={"findings": (first,)}))], Language.EN
    )
    for separator in ",;":
        for row in csv_cells(data, separator):
            assert not [cell for cell in row if FORMULA.match(cell.strip(" \"'")) and not cell.startswith("'")], row


def test_equal_findings_give_equal_files() -> None:
    """The time at which a workbook is made is not in it."""
    assert XLSX.render([specimens.view()], Language.VI) == XLSX.render([specimens.view()], Language.VI)


def test_a_workbook_prints_as_wide_as_the_paper() -> None:
    """As many pages as the findings need, each with the headings; not one page for every few columns."""
    with ZipFile(BytesIO(XLSX.render([specimens.view()], Language.VI))) as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
        names = file.read("xl/workbook.xml").decode()
    assert re.search(r'<pageSetup [^>]*fitToHeight="0" orientation="landscape"', sheet)
    assert re.search(r"Print_Area[^>]*>[^<]*!\$A\$1:\$K\$\d+<", names)
    assert "_xlnm.Print_Titles" in names


def test_more_findings_than_a_sheet_holds_go_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """No finding is lost at the end of a sheet."""
    monkeypatch.setattr(xlsx_table, "SHEET_ROWS", 5)
    view = specimens.view()
    cells = workbook_cells(XLSX.render([view], Language.EN))
    ids = [row[-1].value for row in cells if row[-1].value != "Finding"]
    assert ids == [row[-1] for row in rows([view], Language.EN)]
    assert len(cells) - len(ids) == -(-len(ids) // 5)


def test_a_known_failure_is_marked() -> None:
    """The column that says what does not count names the baseline."""
    view = specimens.view()
    baseline = Baseline.of(each for each in view.assessment.findings if each.requirement == "protocols")
    marked = specimens.ruled(view, "info", baseline)
    table = csv_cells(CSV.render([marked], Language.EN))
    reasons = {row[-3]: row[-6] for row in table if row[4] != "inconclusive"}
    assert reasons["protocols"] == "known failure, in the baseline"
    assert reasons["version-hidden"] in ("excused by an accepted statement", "")
    assert sum(row[-6] == "known failure, in the baseline" for row in table) == len(baseline.failures) == 1
    assert Outcome.FAIL in {each.outcome for each in view.assessment.findings}
