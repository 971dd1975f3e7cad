"""Report files read back as text, those of spreadsheets by a reader of another author."""

from __future__ import annotations

import csv
import io

from openpyxl import load_workbook
from openpyxl.cell import Cell


def text_of(data: bytes) -> str:
    """The text of a report file: of a workbook its cells, one a line, with a stroke between them."""
    if data.startswith(b"PK"):
        return " |\n".join(str(each.value) for row in workbook_cells(data) for each in row if each.value is not None)
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def workbook_cells(data: bytes) -> list[list[Cell]]:
    """The cells of all sheets of a workbook, row by row."""
    book = load_workbook(io.BytesIO(data))
    return [list(row) for sheet in book.worksheets for row in sheet.iter_rows()]


def csv_cells(data: bytes, separator: str = ",") -> list[list[str]]:
    """The cells of a CSV file, as a spreadsheet with this separator reads them."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=separator))
