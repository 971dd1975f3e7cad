"""XLSX workbooks, read in a worker process: a small file may ask for any amount of memory and time.

A cell at ``XFD1048576``, a text that a million cells share, or a count that is not true make the reader allocate more
than a machine has, and end its process. So it is a process of its own, with bounds.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

#: Address space of the process (bytes), and how long it may take (seconds).
MEMORY_BYTES = 1 << 30
SECONDS = 300.0
#: The most sheets, columns and cells of a sheet, characters of a cell, and bytes of all cells together.
SHEETS = 200
COLUMNS = 500
CELLS = 5_000_000
CELL_CHARACTERS = 32_767
TEXT_BYTES = 48_000_000

#: A cell: a text, or a number.
Cell = str | int | float


class Sheet(NamedTuple):
    """A worksheet; ``merged`` are ranges as (first row, first column, last row, last column)."""

    name: str
    hidden: bool
    merged: list[tuple[int, int, int, int]]
    rows: list[list[Cell]]


class Refused(ValueError):
    """A workbook is not read; the argument is ``password``, ``damaged``, or the name of what there is too much of."""


def read_in_worker(payload: bytes) -> bytes:
    """For a worker process: the bytes of a workbook in; its sheets, or the word of a ``Refused``, as JSON out."""
    try:
        sheets = list(_read(payload))
        data = json.dumps(sheets, ensure_ascii=False).encode("utf-8", "surrogatepass")
        if len(data) > TEXT_BYTES:
            raise Refused("text")
    except Refused as refused:
        return json.dumps(str(refused)).encode()
    return data


def unpack(result: bytes) -> list[Sheet]:
    """What ``read_in_worker`` gave. Raises Refused."""
    found = json.loads(result.decode("utf-8", "surrogatepass"))
    if isinstance(found, str):
        raise Refused(found)
    return [Sheet(name, hidden, [tuple(each) for each in merged], rows) for name, hidden, merged, rows in found]


def _read(data: bytes) -> Iterator[Sheet]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    left = TEXT_BYTES
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            known = [each for each in workbook.sheets_metadata if each.typ is SheetTypeEnum.WorkSheet]
            if len(known) > SHEETS:
                raise Refused("sheets")
            for each in known:
                sheet = workbook.get_sheet_by_name(each.name)
                if sheet.total_width > COLUMNS:
                    raise Refused("columns")
                if sheet.total_width * sheet.total_height > CELLS:
                    raise Refused("cells")
                rows: list[list[Cell]] = []
                for row in sheet.to_python(skip_empty_area=False):
                    rows.append([_cell(cell) for cell in row])
                    left -= sum(len(cell) for cell in rows[-1] if isinstance(cell, str))
                    if left < 0:
                        raise Refused("text")
                merged = [(*first, *last) for first, last in sheet.merged_cell_ranges or ()]
                yield Sheet(each.name, each.visible is not SheetVisibleEnum.Visible, merged, rows)
    except Refused:
        raise
    except PasswordError:
        raise Refused("password") from None
    except (CalamineError, OSError, ValueError):
        raise Refused("damaged") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what Rust's panic becomes, which is no Exception
            raise
        raise Refused("damaged") from None


def _cell(value: Any) -> Cell:
    """A spreadsheet's cell: a day in ISO 8601, a truth as a word, a number as it is."""
    if isinstance(value, str):
        if len(value) > CELL_CHARACTERS:
            raise Refused("characters")
        return value
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    return value if isinstance(value, int) else str(value)
