"""The list of organisations (``organisations.csv``), read with the place of each fault; and names resolved by date."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspector.inventory import columns
from inspector.inventory.cells import BadCell, text_of
from inspector.inventory.notes import Note, Severity
from inspector.inventory.organisation import CODE, Organisation, OrganisationKind, Organisations, Scope
from inspector.inventory.tables import ListError, Table, read_tables
from inspector.inventory.text import Unreadable, day, fold, is_nothing, same_name
from inspector.model.base import digest
from inspector.model.formatted import FormattedMessage

_NEEDED = ("code",)


@dataclass(slots=True)
class OrganisationList:
    """The organisations of a file, and the faults in it."""

    file: str
    sha256: str = ""
    data: bytes = b""
    organisations: dict[str, Organisation] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        """Whether it has a fault."""
        return any(each.severity is Severity.FAULT for each in self.notes)


def read_organisations(path: Path) -> OrganisationList:
    """The organisations in a file; what is wrong is a fault in its notes."""
    found = OrganisationList(str(path))
    try:
        _read(path, found)
    except ListError as error:
        found.notes.append(Note.of(Severity.FAULT, error.code, found.file, error.at, error.what, error.remedy))
    return found


def _read(path: Path, found: OrganisationList) -> None:
    found.data, tables = read_tables(path, lambda table: columns.points(table, "organisations", {}, _NEEDED))
    found.sha256 = digest(found.data)
    places: dict[tuple[str, str], str] = {}
    for table in tables:
        header = columns.header(table, "organisations", {}, _NEEDED)
        if header is not None and not table.hidden:
            _read_rows(found, table, header, places)
    if not found.organisations and not found.notes:
        raise columns.no_headings(
            tables, "code, name, kind, parent, head, position, valid_from, valid_until, successor"
        )
    _check_references(found, places)


def _read_rows(
    found: OrganisationList, table: Table, header: columns.Header, places: dict[tuple[str, str], str]
) -> None:
    for index in range(header.first_row, len(table.rows)):
        row = table.rows[index]
        cells = {name: row[column] for name, column in header.columns.items() if column < len(row)}
        if not any(each.strip() for each in cells.values()):
            continue
        values: dict[str, Any] = {}
        for name, cell in cells.items():
            at = table.at(index, header.columns[name])
            try:
                values |= _value(name, text_of(cell))
            except BadCell as error:
                found.notes.append(Note.of(Severity.FAULT, name, found.file, at, error.what, error.remedy))
                values.clear()
                break
            places[str(values.get("code", "")), name] = at
        if values:
            _add(found, values, table.at(index, header.columns["code"]))


def _add(found: OrganisationList, values: dict[str, Any], at: str) -> None:
    def refuse(what: str, remedy: str, *, fault: str) -> None:
        found.notes.append(Note.of(Severity.FAULT, fault, found.file, at, what, remedy))

    code = values.get("code")
    if not code or not values.get("name"):
        refuse("an organisation needs a code and a name", "write both", fault="incomplete")
    elif code in found.organisations:
        what = FormattedMessage("code {code} is given twice", code=code)
        refuse(what, "give each organisation a code of its own", fault="code-twice")
    elif values.get("valid_from") and values.get("valid_until") and values["valid_until"] < values["valid_from"]:
        refuse("it ends before it begins", "correct one of the two days", fault="validity")
    else:
        found.organisations[code] = Organisation(**values)


_WORDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "kind": ("organisation.kind", OrganisationKind),
    "scope": ("scope", Scope),
}


def _value(name: str, cell: str) -> dict[str, Any]:
    if not cell or is_nothing(cell):
        return {}
    if name in _WORDS:
        table, kind = _WORDS[name]
        meaning = columns.words(table).get(fold(cell))
        if meaning is None:
            raise BadCell(
                FormattedMessage("{text} is not one of the values of this column", text=f"“{cell[:80]}”"),
                FormattedMessage("write one of {known}", known=columns.vocabulary(table)),
            )
        return {name: kind(meaning)}
    if name in ("valid_from", "valid_until"):
        try:
            return {name: day(cell)}
        except Unreadable:
            raise BadCell(
                FormattedMessage("{text} is no day", text=f"“{cell[:80]}”"), "write the day first, as 14/12/2026"
            ) from None
    if name in ("code", "parent", "successor") and not re.fullmatch(CODE, cell):
        raise BadCell(
            FormattedMessage("{text} is no code of an organisation", text=f"“{cell[:80]}”"),
            "write 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first",
        )
    return {name: cell}


def _check_references(found: OrganisationList, places: Mapping[tuple[str, str], str]) -> None:
    """Faults for parents and successors that do not exist, and for cycles among them."""
    for name in ("parent", "successor"):
        links = {code: getattr(each, name) for code, each in found.organisations.items() if getattr(each, name)}
        for code, to in links.items():
            if to not in found.organisations:
                what = FormattedMessage("there is no organisation {code}", code=to)
                remedy = FormattedMessage("add it to the list, or correct the code")
                note = Note.of(Severity.FAULT, name, found.file, places.get((code, name), ""), what, remedy)
                found.notes.append(note)
        for cycle in _cycles(links):
            what = FormattedMessage("organisations form a cycle: {codes}", codes=" → ".join((*cycle, cycle[0])))
            remedy = FormattedMessage("correct one of them")
            note = Note.of(Severity.FAULT, "cycle", found.file, places.get((cycle[0], name), ""), what, remedy)
            found.notes.append(note)


def _cycles(links: Mapping[str, str]) -> Iterator[list[str]]:
    """Each cycle of the links once, from its first code by order."""
    done: set[str] = set()
    for start in links:
        path: list[str] = []
        code = start
        while code in links and code not in done:
            done.add(code)
            path.append(code)
            code = links[code]
        if code in path:
            cycle = path[path.index(code) :]
            first = cycle.index(min(cycle))
            yield [*cycle[first:], *cycle[:first]]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a text names: the code of the organisation that answers on the day, and the one that was named."""

    code: str
    named: Organisation | None = None

    @property
    def is_successor(self) -> bool:
        """Whether the named organisation ended and another answers for it."""
        return self.named is not None and self.named.code != self.code


_COMMITTEE = re.compile(f"^(?:ubnd|{same_name('ủy ban nhân dân')}|{same_name('uỷ ban nhân dân')}) +")


def _without_committee(name: str) -> str:
    """A name without the words *people's committee*: a province's or a commune's stands for the place itself."""
    return _COMMITTEE.sub("", same_name(name))


class Names:
    """Finds organisations by code or name, on one day."""

    def __init__(self, organisations: Organisations, day_: dt.date) -> None:
        self.organisations, self.day = organisations, day_
        self._by_name: dict[str, list[Organisation]] = {}
        self._by_committee: dict[str, list[Organisation]] = {}
        for each in organisations:
            self._by_name.setdefault(same_name(each.name), []).append(each)
            self._by_committee.setdefault(_without_committee(each.name), []).append(each)

    def find(self, text: str) -> Resolved | None:
        """The organisation that a text names; None where it names none, or more than one."""
        found = self.organisations.by_code.get(text)
        if found is None:
            found = self._alone(self._by_name.get(same_name(text), []))
        if found is None:
            found = self._alone(self._by_committee.get(_without_committee(text), []))
        if found is None:
            return None
        return Resolved(self.organisations.current(found.code, self.day), found)

    def _alone(self, found: Iterable[Organisation]) -> Organisation | None:
        found = list(found)
        living = [
            each for each in found if not each.has_ended(self.day) and (each.valid_from or dt.date.min) <= self.day
        ]
        for some in (living, found):
            if len({self.organisations.current(each.code, self.day) for each in some}) == 1:
                return some[0]
        return None

    def of_file(self, path: Path) -> Resolved | None:
        """The organisation whose list a file is by its name: a code, a name, or either before a separator."""
        stem = path.name
        while True:
            if (found := self.find(stem)) is not None:
                return found
            shorter = re.sub(r"[\s._()-]+[^\s._()-]*$", "", stem)
            if shorter == stem or not shorter:
                return None
            stem = shorter
