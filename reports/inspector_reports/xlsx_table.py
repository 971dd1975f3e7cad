"""xlsx: the findings of all systems as a workbook; every cell is a string, none a formula, a link or a number.

Needs XlsxWriter, the extra ``xlsx``.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from inspector import Language, Renderer, View
from inspector_reports.table import WIDTHS, headings, rows

#: The most rows of a sheet, without the headings; more findings go to further sheets.
SHEET_ROWS = 1_048_575
#: The columns that are printed, up to the remediation: all of them side by side would be too small to read.
PRINTED_COLUMNS = 11
#: The number of the paper in the format.
_A4 = 9
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def render(views: Sequence[View], language: Language) -> bytes:
    """The workbook; without a system it has one empty sheet."""
    from xlsxwriter import Workbook

    file = io.BytesIO()
    with Workbook(file, _OPTIONS) as workbook:
        # The time of its making would make equal findings unequal files.
        made = max((each.assessment.as_of for each in views), default=datetime(1980, 1, 1, tzinfo=UTC))
        workbook.set_properties({"created": made.astimezone(UTC).replace(tzinfo=None)})
        bold = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
        names = headings(views[0].translator(language)) if views else ()
        for number, part in enumerate(_parts(views, language), start=1):
            sheet = workbook.add_worksheet(None if not views else _name(views, language, number))
            _fill(sheet, names, part, bold, wrapped)
    return file.getvalue()


def _parts(views: Sequence[View], language: Language) -> list[list[tuple[str, ...]]]:
    """The rows by sheet: at least one, though it be empty."""
    found = list(rows(views, language))
    return [found[first : first + SHEET_ROWS] for first in range(0, max(len(found), 1), SHEET_ROWS)]


def _name(views: Sequence[View], language: Language, number: int) -> str:
    """The name of a sheet."""
    name = views[0].translator(language).text("Findings", "inspector_reports")
    return name if number == 1 else f"{name} {number}"


def _fill(sheet: Any, names: Sequence[str], part: Sequence[tuple[str, ...]], bold: Any, wrapped: Any) -> None:
    for column, (name, width) in enumerate(zip(names, WIDTHS, strict=False)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name, bold)
    for row, cells in enumerate(part, start=1):
        for column, cell in enumerate(cells):
            sheet.write_string(row, column, cell, wrapped)
    sheet.freeze_panes(1, 0)
    sheet.set_paper(_A4)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.print_area(0, 0, len(part), min(PRINTED_COLUMNS, len(names) or 1) - 1)
    if part:
        sheet.autofilter(0, 0, len(part), len(names) - 1)


XLSX = Renderer(
    "xlsx",
    ".xlsx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    render,
    localised=True,
    joins=True,
    stem="findings",
)
