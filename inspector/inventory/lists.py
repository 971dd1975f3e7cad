"""A list of systems: its tables, its rows, what is wrong in them, and the totals that its first part gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

from inspector.inventory import columns
from inspector.inventory.cells import PLACES, BadCell, places_of, read_cell
from inspector.inventory.columns import Header
from inspector.inventory.notes import Note, Severity
from inspector.inventory.tables import ListError, Table, read_tables
from inspector.inventory.text import Unreadable, clean, fold, number
from inspector.model.base import digest
from inspector.model.declared import ApprovalStatus, PlanStatus, Stage
from inspector.model.escaping import truncate
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import Scheme

_NEEDED = ("name", "code")
_EXAMPLE = "STT, Tên hệ thống thông tin, Chủ quản, Đơn vị vận hành, Cấp độ đề xuất, Tình trạng phê duyệt"
#: The most rows below the headings of one table.
ROWS = 200_000


@dataclass(slots=True, eq=False)
class Record:
    """A row that is a system: its place, the values by field, and where each of them stands.

    ``is_continued``: its name or code stands in a cell that is merged with those above it.
    """

    file: str
    row: int
    table: Table
    columns: Mapping[str, int]
    values: dict[str, Any] = field(default_factory=dict)
    is_continued: bool = False

    @property
    def at(self) -> str:
        """The place of the row: of its name, or of its code."""
        return self.place("name" if "name" in self.columns else "code")

    def place(self, name: str) -> str:
        """The place of the cell with a field; of the row where no cell has it alone."""
        for each in (name, name.rpartition(".")[0], {"approval": "approval.decision"}.get(name.partition(".")[0], "")):
            if each in self.columns:
                return self.table.at(self.row, self.columns[each])
        if name in ("hosts", "endpoints"):
            return next(self.table.at(self.row, self.columns[each]) for each in PLACES if each in self.columns)
        return self.at

    @property
    def name(self) -> str:
        """The name of the system."""
        return str(self.values.get("name", ""))


@dataclass(slots=True, eq=False)
class SystemList:
    """What a file lists. ``refused`` are names of rows that were not taken, ``fields`` what its columns state.

    ``organisation`` is the one that answers for it on the day, ``named`` the one that it names, which may have ended.
    """

    file: str
    sha256: str = ""
    data: bytes = b""
    records: list[Record] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)
    organisation: str = ""
    named: str = ""

    @property
    def is_annex(self) -> bool:
        """Whether it only adds where systems are reached, and so does not list all of them."""
        return bool(self.fields & set(PLACES)) and not self.fields & {"level", "approval.status", "plan.status"}

    @property
    def is_refused(self) -> bool:
        """Whether it has a fault."""
        return any(each.severity is Severity.FAULT for each in self.notes)

    def note(self, severity: Severity, at: str, what: str, remedy: str = "", *, code: str) -> None:
        """Add a note about a place of the list."""
        self.notes.append(Note.of(severity, code, self.file, at, what, remedy))


def read_list(path: Path, own: Mapping[str, str], schemes: Callable[[], Mapping[str, Scheme]]) -> SystemList:
    """The list in a file; what cannot be read is a fault in its notes. ``own`` are headings of ``--columns``."""
    found = SystemList(str(path))
    try:
        _read(path, found, own, schemes)
    except ListError as error:
        found.note(Severity.FAULT, error.at, error.what, error.remedy, code=error.code)
    return found


def _read(path: Path, found: SystemList, own: Mapping[str, str], schemes: Callable[[], Mapping[str, Scheme]]) -> None:
    def score(table: Table) -> int:
        return columns.points(table, "systems", own, _NEEDED)

    found.data, tables = read_tables(path, score)
    found.sha256 = digest(found.data)
    read = 0
    for table in tables:
        header = columns.header(table, "systems", own, _NEEDED)
        if header is None:
            continue
        if table.hidden:
            what = FormattedMessage("sheet {sheet} is hidden and was not read", sheet=table.sheet)
            found.note(Severity.NOTICE, table.at(0, 0), what, code="hidden-sheet")
            continue
        read += 1
        found.fields |= set(header.columns)
        _tell_not_read(found, table, header)
        _Reader(found, table, header, schemes).read()
    if not read:
        raise columns.no_headings(tables, _EXAMPLE)
    if not found.records and not found.is_refused:
        raise ListError(
            "there are no systems below the headings",
            "add them, or leave the list out of the import",
            code="no-systems",
        )
    _check_totals(found, tables)


def _tell_not_read(found: SystemList, table: Table, header: Header) -> None:
    left = columns.not_read(table, header)
    if not left:
        return
    names = ", ".join(f"“{truncate(header.headings[each], _MOST_SHOWN)}”" for each in left[:20])
    what = FormattedMessage("columns that are not read: {names}", names=names + ("…" if len(left) > 20 else ""))
    remedy = "if one says something of the systems, name its field with --columns"
    found.note(Severity.NOTICE, table.at(header.last_row, left[0]), what, remedy, code="columns-not-read")


#: So many characters of a heading are shown.
_MOST_SHOWN = 60
_ARABIC = re.compile(r"\d+(?:[.,]\d+)*[.)]?")
_NUMBERED = re.compile(r"\(?(\d{1,2})\)?(?:\s*=.*)?")
_TOTAL = re.compile(
    r"(?:tổng cộng|tổng số|tổng|cộng|total|sum)[\s:.,;(=–-]*"
    r"(?:$|\d|(?:nhóm|mục|phần|hệ thống|httt|toàn|chung|theo|cấp độ|[ivx]+)\b)"
    r"|(?:tong cong|tong so|tong|cong)$"
)
#: Fields whose cells are of few kinds, so that what stands there tells a system from a signature.
_TELLING = ("kind", "level", "stage", "approval.status", "plan.status")
#: So many other cells make a row without a number a system.
_FILLED = 2


class _Reader:
    """Reads the rows of one table into a list."""

    def __init__(
        self, found: SystemList, table: Table, header: Header, schemes: Callable[[], Mapping[str, Scheme]]
    ) -> None:
        self.found, self.table, self.header, self.schemes = found, table, header, schemes
        self.columns = header.columns
        self.is_annex = not {"level", "approval.status", "plan.status"} & set(header.columns)
        self.left_out: list[int] = []
        self.last_numbered = max((index for index, row in self._below() if self._is_numbered(row)), default=-1)

    def _below(self) -> Iterator[tuple[int, Sequence[str]]]:
        first = self.header.first_row
        return enumerate(self.table.rows[first:], first)

    def _is_numbered(self, row: Sequence[str]) -> bool:
        column = self.columns.get("number", len(row))
        return column < len(row) and bool(_ARABIC.fullmatch(clean(row[column])))

    def read(self) -> None:
        """Add the systems, faults and warnings of the table."""
        filled = _filled_down(self.table, self.header)
        if len(self.table.rows) - self.header.first_row > ROWS:
            raise ListError(
                FormattedMessage("more than {limit} rows", limit=f"{ROWS:,}"),
                "split it into several files",
                code="too-long",
            )
        for index, row in self._below():
            cells = {name: row[column] if column < len(row) else "" for name, column in self.columns.items()}
            above = filled.get(index, {})
            names = {name: each for name, each in above.items() if name in _NEEDED}
            if self._is_system(index, row, cells | names, is_continued=bool(names)):
                self._take(index, row, cells | above, is_continued=bool(names))
        if self.left_out:
            rows = ", ".join(str(self._row_number(each)) for each in self.left_out[:20])
            more = "…" if len(self.left_out) > 20 else ""
            what = FormattedMessage(
                "{count} rows are headings of groups, totals or signatures and no systems: {rows}",
                count=len(self.left_out),
                rows=rows + more,
            )
            self.found.note(Severity.NOTICE, self.table.at(self.left_out[0], 0), what, code="no-systems")

    def _row_number(self, index: int) -> int:
        return index + 1 if self.table.sheet is not None else self.table.places[index][0][0]

    def _is_system(self, index: int, row: Sequence[str], cells: Mapping[str, str], *, is_continued: bool) -> bool:
        texts = [clean(each) for each in row]
        if not any(texts) or self._is_numbering(index, texts) or self._is_header(texts):
            return False
        named = any(clean(cells.get(each, "")) for each in _NEEDED)
        others = sum(1 for name, each in cells.items() if name not in (*_NEEDED, "number") and clean(each))
        if self._is_numbered(row):
            if named and not others and self._has_members(index, clean(cells["number"])):
                self.left_out.append(index)
                return False
            return named or others > 0
        first = next(each for each in texts if each)
        if _TOTAL.match(first.casefold()):
            self.left_out.append(index)
            return False
        if not named and self.is_annex and self.found.records and any(clean(cells.get(each, "")) for each in PLACES):
            return True
        enough = _FILLED if "number" in self.columns and not is_continued else 1
        if others >= enough and (named or others > _FILLED) and not self._is_below_the_list(index, cells):
            return True
        self.left_out.append(index)
        return False

    def _is_below_the_list(self, index: int, cells: Mapping[str, str]) -> bool:
        """Whether a row without a number is below all that have one, and none of its telling cells is understood."""
        if index < self.last_numbered or self.last_numbered < 0:
            return False
        told = [(name, cells[name]) for name in _TELLING if clean(cells.get(name, ""))]
        return bool(told) and not any(_is_understood(name, cell) for name, cell in told)

    def _is_numbering(self, index: int, texts: Sequence[str]) -> bool:
        """Whether this is the row (1) … (12) below the headings."""
        if index > self.header.last_row + 2:
            return False
        found = [_NUMBERED.fullmatch(each) for each in texts if each]
        numbers = [int(each[1]) for each in found if each]
        return len(numbers) == len(found) > 2 and all(b - a == 1 for a, b in pairwise(numbers))

    def _is_header(self, texts: Sequence[str]) -> bool:
        """Whether the headings are repeated here, as at the top of a printed page."""
        given = [(each, heading) for each, heading in zip_longest(texts, self.header.headings, fillvalue="") if each]
        return len(given) > 1 and all(heading and fold(each) == fold(heading) for each, heading in given)

    def _has_members(self, index: int, label: str) -> bool:
        """Whether the next row's number continues this one: 1 before 1.1."""
        column = self.columns["number"]
        if index + 1 == len(self.table.rows) or column >= len(self.table.rows[index + 1]):
            return False
        return clean(self.table.rows[index + 1][column]).startswith(f"{label.rstrip('.)')}.")

    def _take(self, index: int, row: Sequence[str], cells: dict[str, str], *, is_continued: bool) -> None:
        record = Record(self.found.file, index, self.table, self.columns, is_continued=is_continued)
        named = any(clean(cells.get(each, "")) for each in _NEEDED)
        if not named and self.is_annex and self.found.records:  # a further address of the system above
            above = self.found.records[-1]
            record.values = {each: above.values[each] for each in ("code", "name", "owner") if each in above.values}
        faults = [*self._beyond_the_headings(index, row), *self._fill(record, cells)]
        if not record.values.get("name") and not record.values.get("code") and not faults:
            what = "the row has no name of a system"
            remedy = "write the name, or delete the row"
            faults = [(record.at, "no-name", what, remedy)]
        for at, code, what, remedy in faults:
            self.found.note(Severity.FAULT, at, what, remedy, code=code)
        if faults:
            self.found.refused.append(record.values)
        else:
            self.found.records.append(record)
            self._warn(record)

    def _beyond_the_headings(self, index: int, row: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
        """The fault of a row of CSV that has more cells than the headings: the others may have moved, too."""
        width = len(self.header.headings)
        if self.table.sheet is None and any(map(clean, row[width:])):
            yield (
                self.table.at(index, width),
                "too-many-cells",
                "the row has more cells than there are headings",
                "put a cell that contains the separator in quotes",
            )

    def _fill(self, record: Record, cells: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
        """Read the cells into the record; gives the faults."""
        for name, cell in cells.items():
            if name in PLACES or (not cell and name != "inspected"):
                continue
            try:
                record.values |= read_cell(name, cell)
            except BadCell as error:
                yield self.table.at(record.row, self.columns[name]), name, error.what, error.remedy
        if any(cells.get(each) for each in PLACES):
            try:
                places = places_of(cells, self.schemes)
            except BadCell as error:
                yield record.place("hosts"), "place", error.what, error.remedy
                return
            if places.hosts or places.endpoints:
                record.values |= {"hosts": places.hosts, "endpoints": places.endpoints}
            for host in places.assumed:
                what = FormattedMessage("{host} has no port: taken as https://{host}/", host=host)
                self.found.note(Severity.NOTICE, record.place("hosts"), what, code="port-assumed")

    def _warn(self, record: Record) -> None:
        values, given = record.values, self.columns
        if record.name[:1] in "=+-@" and record.name:
            what = "the name begins as a formula does"
            self.found.note(
                Severity.WARNING, record.at, what, "it is kept as text; correct it if it is no name", code="formula"
            )
        if values.get("stage") is Stage.RETIRED:
            return
        if "approval.status" in given:
            self._warn_of_approval(record)
        if "plan.status" in given:
            self._warn_of_plan(record)

    def _warn_of_approval(self, record: Record) -> None:
        values = record.values
        status = values.get("approval.status")
        if status is None:
            self._warn_of_unknown(record, "approval.status", "the state of the approval is not given")
        elif status is ApprovalStatus.APPROVED:
            if "approval.number" not in values or "approval.date" not in values:
                what = "approved, but number and date of the decision are not both given"
                self.found.note(
                    Severity.WARNING,
                    record.place("approval.decision"),
                    what,
                    "write both; it does not count as approved",
                    code="approval-unproven",
                )
            if not {"regulation.number", "regulation.date"} & set(values):
                what = "approved, but no regulation is given"
                self.found.note(
                    Severity.WARNING,
                    record.place("regulation"),
                    what,
                    "write its number, date and body",
                    code="no-regulation",
                )
        elif "approval.expected" not in values:
            what = "not approved, and no day is given by which it will be"
            self.found.note(
                Severity.WARNING,
                record.place("approval.expected"),
                what,
                "write the expected day of approval",
                code="no-expected-approval",
            )

    def _warn_of_unknown(self, record: Record, name: str, what: str) -> None:
        remedy = FormattedMessage("write one of {known}", known=columns.vocabulary(name))
        self.found.note(Severity.WARNING, record.place(name), what, remedy, code=f"no-{name.replace('.', '-')}")

    def _warn_of_plan(self, record: Record) -> None:
        values = record.values
        status = values.get("plan.status")
        if status is None:
            self._warn_of_unknown(record, "plan.status", "how far the plan is carried out is not given")
        elif status is not PlanStatus.FULL and "plan.expected" not in values:
            what = "the plan is not carried out in full, and no day is given by which it will be"
            self.found.note(
                Severity.WARNING,
                record.place("plan.expected"),
                what,
                "write the expected day of full deployment",
                code="no-expected-plan",
            )


def _is_understood(name: str, cell: str) -> bool:
    try:
        return bool(read_cell(name, cell))
    except BadCell:
        return False


def _filled_down(table: Table, header: Header) -> dict[int, dict[str, str]]:
    """The cells that a cell above, merged over several rows, gives to the rows below it; not those of row numbers."""
    names = {column: name for name, column in header.columns.items() if name != "number"}
    found: dict[int, dict[str, str]] = {}
    covered: dict[int, int] = {}  # the last row of each column that is filled: ranges that overlap are filled once
    for top, left, bottom, right in sorted(table.merged):
        if top < header.first_row or left != right or left not in names or top >= len(table.rows):
            continue
        text = table.rows[top][left] if left < len(table.rows[top]) else ""
        for row in range(max(top, covered.get(left, top)) + 1, min(bottom, len(table.rows) - 1) + 1):
            found.setdefault(row, {})[names[left]] = text
        covered[left] = max(bottom, covered.get(left, bottom))
    return found


# --- Totals of part 1 -----------------------------------------------------------------------------------------------

_APPRAISED: tuple[ApprovalStatus, ...] = (ApprovalStatus.APPRAISED, ApprovalStatus.APPROVED)
_Count = Callable[[Mapping[str, Any]], bool]


def _has_status(*statuses: ApprovalStatus) -> _Count:
    return lambda row: row.get("approval.status") in statuses


#: What the lines of part 1 of Form 08 count of the rows, by words that they have, the first that fits. Whether a
#: dossier that is being drafted is drawn up is read either way.
_TOTALS: tuple[tuple[str, tuple[_Count, ...]], ...] = (
    (
        r"phe duyet .*kiem tra",
        (lambda row: row.get("approval.status") is ApprovalStatus.APPROVED and bool(row.get("inspected.periodic")),),
    ),
    (r"phe duyet", (_has_status(ApprovalStatus.APPROVED),)),
    (r"tham dinh", (_has_status(*_APPRAISED),)),
    (
        r"(?:xay dung|lap) ho so",
        (
            _has_status(ApprovalStatus.DRAFTING, ApprovalStatus.SUBMITTED, *_APPRAISED),
            _has_status(ApprovalStatus.SUBMITTED, *_APPRAISED),
        ),
    ),
    (r"phan loai|xac dinh cap do", (lambda row: row.get("level") is not None,)),
    (r"thuoc pham vi|quan ly", (lambda _: True,)),
)
_BEGINS_TOTAL = re.compile(r"[\W\d_]*(?:tổng|tong|số|so)\b", re.IGNORECASE)
_TOTAL_OF = re.compile(r"(?:\d+ )?(?:tong so|so luong|tong so luong) he thong(?: thong tin)? (?P<what>.+)")
#: Words of lines that count something else.
_OTHER_TOTALS = re.compile(r"\d|\b(?:chua|du kien|quy che|phuong an|trien khai)\b")
_COUNT = re.compile(r":\s*([\d.,]+)\s*(?:hệ thống)?[;.\s]*$")


def _check_totals(found: SystemList, tables: Sequence[Table]) -> None:
    """Warn where the totals of part 1 are not those of the rows."""
    for table in tables:
        for index, row in enumerate(table.rows[:_PART_ROWS]):
            for column, cell in enumerate(row):
                if cell and (counts := _counts_of(cell)):
                    _check_total(found, table, (index, column), counts)


_PART_ROWS = 300


def _counts_of(cell: str) -> tuple[_Count, ...]:
    """What a line of part 1 counts, in each way that it is read; nothing for other cells."""
    if not _BEGINS_TOTAL.match(clean(cell)):
        return ()
    told = _TOTAL_OF.fullmatch(columns.heading_key(cell.partition(":")[0]))
    if told is None or _OTHER_TOTALS.search(told["what"]):
        return ()
    what = re.sub(r"\b(?:da|duoc)\b ?", "", told["what"])
    return next((counts for words, counts in _TOTALS if re.search(words, what)), ())


def _check_total(found: SystemList, table: Table, place: tuple[int, int], counts: Sequence[_Count]) -> None:
    index, column = place
    in_text = _COUNT.search(clean(table.rows[index][column]))
    given = [in_text[1].strip(".,")] if in_text else [clean(each) for each in table.rows[index][column + 1 :]]
    total = next((each for each in map(_number, given) if each is not None), None)
    if total is None:
        return
    counted = [_count(found, each) for each in counts]
    if total not in counted:
        what = FormattedMessage("the total is {total}, but the rows are {counted}", total=total, counted=counted[0])
        found.note(Severity.WARNING, table.at(index, column), what, "correct one of the two", code="total")


def _count(found: SystemList, counts: _Count) -> int:
    taken = {
        (each.values.get("code"), each.name, each.values.get("owner")) for each in found.records if counts(each.values)
    }
    return len(taken) + sum(1 for each in found.refused if counts(each))


def _number(text: str) -> Decimal | None:
    try:
        return number(text)
    except Unreadable:
        return None
