"""Tables in files: CSV in the encodings and with the separators that spreadsheets write, and XLSX.

What is read is untrusted: its size, the size of what it unpacks to, and its cells are bounded before a library sees it.
Raises ``ListError`` for a file that cannot be read, with its place.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from operator import methodcaller
from pathlib import Path
from typing import NoReturn

from inspector.inventory import workbook
from inspector.inventory.text import Numeric, is_tcvn3
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import NotRegular, read_regular

#: The most bytes of a list, and of what an XLSX unpacks to.
FILE_BYTES = 50_000_000
UNPACKED_BYTES = 128_000_000
#: The most rows of a table, blank ones too.
ROWS = 250_000
#: The most columns of a table, cells of a sheet (up to its last row and column), and characters of a cell.
COLUMNS, CELLS, CELL_CHARACTERS = workbook.COLUMNS, workbook.CELLS, workbook.CELL_CHARACTERS
_ENTRIES = 2_000

Row = list[str]


class ListError(Exception):
    """A list cannot be read: ``what`` is wrong at ``at`` (empty: the whole file), ``remedy`` says what to do."""

    def __init__(self, what: str, remedy: str, *, code: str, at: str = "") -> None:
        super().__init__(what)
        self.code, self.what, self.remedy, self.at = code, what, remedy, at


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet, or a whole CSV file (``sheet`` is None): rows of cells as texts.

    ``places`` has line and column of each cell of a CSV file; ``merged`` the ranges of merged cells of a sheet, as
    (first row, first column, last row, last column).
    """

    sheet: str | None
    rows: Sequence[Row]
    places: Sequence[Sequence[tuple[int, int]]] = ()
    merged: tuple[tuple[int, int, int, int], ...] = ()
    hidden: bool = field(default=False)

    def at(self, row: int, column: int) -> str:
        """``SHEET!CELL`` or ``LINE:COLUMN`` of a cell."""
        if self.sheet is not None:
            return f"{self.sheet}!{column_name(column)}{row + 1}"
        places = self.places[row]
        line, character = places[column] if column < len(places) else places[-1] if places else (row + 1, 1)
        return f"{line}:{character}"


def column_name(column: int) -> str:
    """The letters of a spreadsheet's column, from 0 for A."""
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(65 + letter) + name
    return name


def read_tables(path: Path, score: Callable[[Table], int]) -> tuple[bytes, list[Table]]:
    """The bytes of a list and its tables; ``score`` says how many headings it recognises, to tell the separator of CSV.

    Raises ListError.
    """
    data = _bytes(path)
    if data.startswith(b"PK"):
        return data, _sheets(data)
    _refuse_others(path, data)
    return data, [_csv(_text(data), score)]


def _bytes(path: Path) -> bytes:
    try:
        data = read_regular(path, FILE_BYTES)
    except FileNotFoundError:
        raise ListError("there is no such file", "check the path", code="file") from None
    except IsADirectoryError:
        raise ListError("this is a folder", "name the file in it", code="file") from None
    except NotRegular as error:
        raise ListError(error.strerror or "", "name a regular file", code="file") from None
    except OSError as error:
        raise ListError(
            FormattedMessage("cannot be read: {reason}", reason=error.strerror or error),
            "check its permissions and its path",
            code="file",
        ) from None
    if len(data) > FILE_BYTES:
        raise ListError(
            FormattedMessage("larger than {limit} bytes", limit=f"{FILE_BYTES:,}"),
            "split it into several files",
            code="too-large",
        )
    if not data.strip(b"\0\r\n\t ,;\xef\xbb\xbf\xff\xfe"):
        raise ListError("the file is empty", "give the list of systems with its headings", code="empty")
    return data


#: How other files begin that people rename.
_OTHERS = (
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"BM", "a picture (BMP)"),
    (b"%PDF", "a PDF file"),
    (b"<html", "a web page"),
    (b"<!DOC", "a web page"),
    (b"{\\rtf", "an RTF file"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def _refuse_others(path: Path, data: bytes) -> None:
    """Raise ListError for a file that is neither XLSX nor text."""
    if data.startswith(_OLE):
        raise ListError(
            "this is an Excel file of the old format (.xls), or one with a password",
            "open it and save it as .xlsx without a password",
            code="format",
        )
    for start, kind in _OTHERS:
        if data.startswith(start) and (start != b"BM" or path.suffix.lower() in _XLSX):
            raise ListError(
                FormattedMessage("this is no list, but {kind}", kind=FormattedMessage(kind)),
                "give the list as .xlsx or .csv",
                code="format",
            )
    if path.suffix.lower() in _XLSX:
        raise ListError("this is no XLSX file", "open it in a spreadsheet and save it as .xlsx or .csv", code="format")


_XLSX = (".xlsx", ".xlsm", ".xls")

# --- CSV ------------------------------------------------------------------------------------------------------------

_REMEDY_UTF8 = "save it as “CSV UTF-8”, or as .xlsx"


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decoded(data, "utf-16")
    sample = data[:2000]
    for encoding, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(sample) > 8 and sample[start::2].count(0) > len(sample) // 5 and not sample[1 - start :: 2].count(0):
            return _decoded(data, encoding)
    return _decoded(data, "utf-8-sig")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, errors="replace")
        at = f"{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}"
        if encoding.startswith("utf-16"):
            raise ListError("the file is cut off or not UTF-16", _REMEDY_UTF8, code="encoding", at=at) from None
        byte = f"{data[error.start]:02x}"
        if is_tcvn3(data[:200_000].decode("latin-1")):
            raise ListError(
                FormattedMessage("byte 0x{data} is not UTF-8; this looks like TCVN3 (fonts .VnTime)", data=byte),
                "convert it to Unicode (for instance with UniKey's tool), then save it as “CSV UTF-8”",
                code="encoding",
                at=at,
            ) from None
        raise ListError(
            FormattedMessage("byte 0x{data} is not UTF-8", data=byte), _REMEDY_UTF8, code="encoding", at=at
        ) from None
    if (found := text.find("\0")) >= 0:
        before = text[:found]
        at = f"{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}"
        raise ListError("this is no text: it contains a null character", _REMEDY_UTF8, code="encoding", at=at)
    return text


_SAMPLE_ROWS = 200


def _csv(text: str, score: Callable[[Table], int]) -> Table:
    told = re.match(r"sep=(.)\r?\n", text)
    if told:
        return _table(text, told[1])
    best, best_score = ",", -1
    first = next((line for line in text[:CELL_CHARACTERS].splitlines() if line.strip()), "")
    for delimiter in sorted(",;\t", key=lambda each: -first.count(each)):
        if (points := score(_sample(text, delimiter))) > best_score:
            best, best_score = delimiter, points
    return _table(text, best)


def _sample(text: str, delimiter: str) -> Table:
    """The first rows, up to one that cannot be read."""
    rows: list[Row] = []
    with suppress(ListError):
        rows.extend(row for row, _ in islice(_records(text, delimiter), _SAMPLE_ROWS))
    return Table(None, rows)


def _table(text: str, delimiter: str) -> Table:
    rows: list[Row] = []
    places: list[list[tuple[int, int]]] = []
    cells = 0
    for row, place in _records(text, delimiter):
        cells += len(row)
        if len(rows) == ROWS or cells > CELLS:
            _refuse_size(rows=len(rows) == ROWS, at=f"{place[0][0]}:{place[0][1]}")
        rows.append(row)
        places.append(place)
    return Table(None, rows, places)


def _records(text: str, delimiter: str) -> Iterator[tuple[Row, list[tuple[int, int]]]]:
    """The records of CSV (RFC 4180) with line and column of each cell. Raises ListError."""
    plain = re.compile(rf"[^{re.escape(delimiter)}\r\n]*").match
    position, line, line_start, size = 0, 1, 0, len(text)
    row: Row = []
    place: list[tuple[int, int]] = []
    while position < size:
        start = position
        place.append((line, start - line_start + 1))
        if text[position] == '"':
            cell, position = _quoted(text, position, line, start - line_start + 1)
            inner = text.count("\n", start, position)
            if inner:
                line += inner
                line_start = text.rindex("\n", start, position) + 1
            rest = plain(text, position)
            assert rest is not None  # noqa: S101  (the pattern matches nothing, too)
            if rest[0].strip():
                _refuse_behind_quote(f"{line}:{position - line_start + 1}", f"{place[-1][0]}:{place[-1][1]}")
            position = rest.end()
        else:
            found = plain(text, position)
            assert found is not None  # noqa: S101  (as above)
            cell, position = found[0], found.end()
        if len(cell) > CELL_CHARACTERS:
            _refuse_cell(f"{line}:{place[-1][1]}")
        row.append(cell)
        if len(row) > COLUMNS:
            _refuse_columns(f"{line}:{place[-1][1]}")
        if position < size and text[position] == delimiter:
            position += 1
            if position < size and text[position] not in "\r\n":
                continue
            row.append("")
            place.append((line, position - line_start + 1))
        if position < size:
            position += 2 if text.startswith("\r\n", position) else 1
            line += 1
            line_start = position
        yield row, place
        row, place = [], []


def _quoted(text: str, start: int, line: int, column: int) -> tuple[str, int]:
    """The content of a cell in quotes, and the position behind them."""
    position = start + 1
    while True:
        end = text.find('"', position)
        if end < 0:
            raise ListError(
                "a quotation mark is opened here and never closed",
                "close it, or write it twice where it is part of the text",
                code="quote",
                at=f"{line}:{column}",
            )
        if text.startswith('""', end):
            position = end + 2
            continue
        return text[start + 1 : end].replace('""', '"'), end + 1


def _refuse_behind_quote(at: str, opened: str) -> NoReturn:
    raise ListError(
        FormattedMessage(
            "a cell in quotation marks, opened at {place}, ends here, and more text follows", place=opened
        ),
        "close the quotation mark where its cell ends, or write it twice where it is part of the text",
        code="quote",
        at=at,
    )


def _refuse_columns(at: str) -> NoReturn:
    raise ListError(
        FormattedMessage("the table has more than {limit} columns", limit=COLUMNS),
        "delete what is right of the list",
        code="too-wide",
        at=at,
    )


def _refuse_cell(at: str, remedy: str = "shorten it; where a quotation mark was never closed, close it") -> NoReturn:
    raise ListError(
        FormattedMessage("a cell has more than {limit} characters", limit=f"{CELL_CHARACTERS:,}"),
        remedy,
        code="too-long",
        at=at,
    )


# --- XLSX -----------------------------------------------------------------------------------------------------------

#: A row or a cell with its reference (letters and digits of a cell), its attributes, and what stands in it.
_ELEMENT = re.compile(
    rb"""<(?:\w+:)?(?:c\ r="([A-Z]{1,3})([0-9]{1,7})"|(c|row)(?=[\s/>]))([^<>]*)>(?=(\s*<[^/])?)""", re.VERBOSE
)
_REFERENCE = re.compile(rb"""(?:^|\s)r\s*=\s*["']([A-Za-z]{0,7})([0-9]{0,10})["']""")
_SHARED = re.compile(rb"""\st\s*=\s*["']s["'][^<>]*>\s*<(?:\w+:)?v>\s*([0-9]{1,7})""")
_MARKUP = re.compile(rb"<[^<>]*>")


def _sheets(data: bytes) -> list[Table]:
    from inspector.model.errors import ScanFailure
    from inspector.network.sandbox.jobs import run_isolated
    from inspector.pipeline.event_loop import run_async

    _check_zip(data)
    reading = run_isolated(workbook.read_in_worker, data, timeout=workbook.SECONDS, memory_bytes=workbook.MEMORY_BYTES)
    try:
        sheets = workbook.unpack(run_async(reading))
    except workbook.Refused as refused:
        _refuse_workbook(str(refused))
    except ScanFailure:
        raise ListError(
            FormattedMessage(
                "it cannot be read with {memory} MiB of memory in {seconds} s",
                memory=workbook.MEMORY_BYTES >> 20,
                seconds=f"{workbook.SECONDS:g}",
            ),
            "delete what stands far below or right of the list, or save it as .csv",
            code="too-large",
        ) from None
    return [
        Table(each.name, [list(map(_cell, row)) for row in each.rows], merged=tuple(each.merged), hidden=each.hidden)
        for each in sheets
    ]


def _cell(value: workbook.Cell) -> str:
    """The text of a spreadsheet's cell; a number has a decimal point."""
    return value if isinstance(value, str) else Numeric(value)


def _refuse_workbook(word: str) -> NoReturn:
    """Raise the error for a word of ``workbook.Refused``."""
    match word:
        case "password":
            raise ListError("the file has a password", "save it without one", code="format")
        case "columns":
            _refuse_columns("")
        case "cells":
            _refuse_size(rows=False, at="")
        case "characters":
            _refuse_cell("")
        case "sheets":
            raise ListError(
                FormattedMessage("the file has more than {limit} sheets", limit=workbook.SHEETS),
                "split it into several files",
                code="too-large",
            )
        case "text":
            raise ListError(
                FormattedMessage("its cells hold more than {limit} bytes", limit=f"{workbook.TEXT_BYTES:,}"),
                "split it into several files",
                code="too-large",
            )
    raise _damaged()


def _damaged() -> ListError:
    return ListError(
        "the XLSX file is damaged or cut off", "send it again, or open it and save it anew", code="damaged"
    )


def _check_zip(data: bytes) -> None:
    """Raise ListError for what is no XLSX, damaged, or unpacks to more than is read."""
    left = UNPACKED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise ListError(
                    "this is no XLSX file", "open it in a spreadsheet and save it as .xlsx or .csv", code="format"
                )
            if len(entries) > _ENTRIES:
                _refuse_bomb()
            entries.sort(key=lambda entry: not entry.filename.lower().endswith("sharedstrings.xml"))
            names = _sheet_names(archive)
            texts: list[int] = []
            for entry in entries:
                with archive.open(entry) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    _refuse_bomb()
                if entry.filename.lower().endswith("sharedstrings.xml"):
                    texts = max(texts, _sizes(content), key=sum)
                elif b"sheetData" in content:
                    _check_sheet(content, texts, names.get(entry.filename, ""))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
        raise _damaged() from None


def _refuse_bomb() -> NoReturn:
    raise ListError(
        FormattedMessage("it unpacks to more than {limit} bytes", limit=f"{UNPACKED_BYTES:,}"),
        "delete pictures and empty rows, or split it into several files",
        code="too-large",
    )


def _sheet_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """The names of the sheets by the files that they are in; what cannot be told is left out."""
    found: dict[str, str] = {}
    with suppress(KeyError):
        targets = {}
        for relation in _TAG.findall(archive.open("xl/_rels/workbook.xml.rels").read(1_000_000)):
            told = _attributes(relation)
            targets[told.get("Id", "")] = told.get("Target", "")
        for sheet in _TAG.findall(archive.open("xl/workbook.xml").read(1_000_000)):
            told = _attributes(sheet)
            if (target := targets.get(told.get("id", ""))) and "name" in told:
                found[target.removeprefix("/") if target.startswith("/") else f"xl/{target}"] = told["name"]
    return found


_TAG = re.compile(rb"<(?:\w+:)?(?:sheet|Relationship)\s([^<>]*)>")
_ATTRIBUTE = re.compile(r"""(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def _attributes(tag: bytes) -> dict[str, str]:
    found = _ATTRIBUTE.findall(tag.decode("utf-8", errors="replace"))
    return {name: html.unescape(one or other) for name, one, other in found}


def _sizes(content: bytes) -> list[int]:
    """The sizes of the shared strings in bytes. Raises ListError where one is longer than a cell may be."""
    found = [len(each) for each in content.split(b"</si>")]
    if max(found) > 4 * CELL_CHARACTERS:  # a character has four bytes at most, but there is markup
        found = [len(_MARKUP.sub(b"", each)) for each in content.split(b"</si>")]
        if max(found) > 4 * CELL_CHARACTERS:
            _refuse_cell("", "shorten it")
    return found


def _check_sheet(content: bytes, texts: Sequence[int], name: str) -> None:
    """Raise ListError where a sheet has more cells, up to its last one, or more text than is read.

    ``texts`` are the sizes of the shared strings, which may stand in many cells. Columns and rows are counted as
    calamine does for cells and rows without a reference.
    """
    rows = columns = cells = row = column = 0
    known: dict[bytes, int] = {}
    for given, digits, kind, attributes, inner in map(_GROUPS, _ELEMENT.finditer(content)):
        letters, number = given, digits
        if kind:
            told = _REFERENCE.search(attributes)
            letters, number = told.groups() if told else (b"", b"")
        if kind == b"row":
            row, column = int(number) if number else row + 1, 0
            continue
        cells += 1
        if number:
            row = int(number)
        if not letters:
            column += 1
        elif (column := known.get(letters, 0)) == 0:
            column = known[letters] = _column(letters)
        if inner is not None and not attributes.endswith(b"/"):
            rows, columns = max(rows, row), max(columns, column)
            if columns > COLUMNS:
                _refuse_columns(f"{name}!{column_name(column - 1)}{row}" if name else "")
    if rows > ROWS or rows * columns > CELLS or cells > CELLS:
        _refuse_size(rows=rows > ROWS, at=f"{name}!{rows}:{rows}" if name else "")
    if texts and cells * max(texts) > UNPACKED_BYTES:
        size = sum(texts[index] for each in _SHARED.finditer(content) if (index := int(each[1])) < len(texts))
        if size > UNPACKED_BYTES:
            _refuse_bomb()


_GROUPS = methodcaller("groups")


def _column(letters: bytes) -> int:
    column = 0
    for letter in letters.upper():
        column = column * 26 + letter - 64
    return column


def _refuse_size(*, rows: bool, at: str) -> NoReturn:
    raise ListError(
        FormattedMessage("a table has more than {limit} rows", limit=f"{ROWS:,}")
        if rows
        else FormattedMessage("a table has more than {limit} cells up to its last one", limit=f"{CELLS:,}"),
        "delete what stands far below or right of the list, empty rows too, or split it into several files",
        code="too-large",
        at=at,
    )
