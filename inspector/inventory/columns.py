"""Which column of a table holds what: headings below banners, over one row or two, recognised by synonyms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from inspector.declare import document as documents
from inspector.declare.document.diagnostics import remedy_for_unknown
from inspector.inventory.tables import ListError, Row, Table
from inspector.inventory.text import clean, fold, is_tcvn3
from inspector.model.formatted import FormattedMessage

#: The headings of a table stand in its first rows.
_HEADER_ROWS = 200
#: A heading is recognised by a phrase that has at least this share of its words.
_COVERAGE = 0.6
_MOST_WORDS = 40
#: So many rows below the headings are looked at for better ones.
_BELOW = 3
#: So many merged ranges that begin in a row are looked at.
_MOST_MERGED = 1_000
_BRACKETS = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Header:
    """The headings of a table: the column of each field, the texts, and the first row below."""

    columns: Mapping[str, int]
    headings: Sequence[str]
    first_row: int
    last_row: int


@cache
def _data() -> dict[str, Any]:
    text = files("inspector.inventory").joinpath("columns.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = YAML(typ="safe").load(text)
    return data


@cache
def _short() -> dict[str, str]:
    return {fold(short): fold(long) for short, long in _data()["short"].items()}


@lru_cache(maxsize=1 << 12)
def heading_key(text: str) -> str:
    """A heading for comparing: folded, without what stands in brackets, its abbreviations written out."""
    words_of = fold(_BRACKETS.sub(" ", text)) or fold(text)
    return " ".join(_short().get(word, word) for word in words_of.split())


@cache
def _phrases(table: str) -> dict[str, tuple[tuple[str, frozenset[str]], ...]]:
    """The phrases of each field, with their words."""
    return {
        name: tuple((key := heading_key(each), frozenset(key.split())) for each in phrases)
        for name, phrases in _data()[table].items()
    }


def fields_of(table: str) -> tuple[str, ...]:
    """The fields of ``systems`` or ``organisations``."""
    return tuple(_data()[table])


@cache
def words(name: str) -> dict[str, str]:
    """What the cells of a field may say, folded, with what it means."""
    return {fold(each) or each: meaning for meaning, known in _data()["words"][name].items() for each in known}


@cache
def vocabulary(name: str) -> str:
    """The first word for each meaning of a field, for messages."""
    return " / ".join(f"“{known[0]}”" for known in _data()["words"][name].values())


@lru_cache(maxsize=1 << 14)
def field_of(heading: str, table: str) -> tuple[str, int] | None:
    """The field of a heading and how many of its words tell it; an exact heading counts more. None: no field."""
    key = heading_key(heading)
    given = frozenset(key.split())
    if not given or len(given) > _MOST_WORDS:
        return None
    best: tuple[tuple[float, float], str] | None = None
    for name, phrases in _phrases(table).items():
        for phrase, known in phrases:
            if phrase == key:
                rank = (1000.0, 1.0)
            elif known <= given and len(known) >= 2 and len(known) >= _COVERAGE * len(given):
                rank = (float(len(known)), len(known) / len(given))
            else:
                continue
            if best is None or rank > best[0]:
                best = rank, name
    return (best[1], int(best[0][0])) if best else None


def load_map(path: Path, table: str) -> dict[str, str]:
    """The fields of own headings, from a file that maps fields to a heading or several, by heading (as compared).

    Raises InputFileError.
    """
    document = documents.read(path)
    found: dict[str, str] = {}
    known = fields_of(table)
    for name, value in document.data.items() if isinstance(document.data, dict) else ():
        if name not in known:
            what = FormattedMessage("there is no field {name}", name=repr(name))
            document.diagnostic_of_key((name,), what, remedy_for_unknown(str(name), known))
            continue
        for heading in value if isinstance(value, list) else [value]:
            if not isinstance(heading, str) or not fold(heading):
                document.diagnostic((name,), "this is no heading", "write the text of the heading, or a list of them")
            else:
                found[heading_key(heading)] = name
    if not isinstance(document.data, dict) or not document.data:
        document.diagnostic((), "this is no mapping of fields to headings", "write for example level: Cấp độ phần mềm")
    document.close()
    return found


def header(table: Table, kind: str, own: Mapping[str, str], needed: Sequence[str]) -> Header | None:
    """The headings of a table, None where there are none: at least two fields, one of them in ``needed``."""
    best: tuple[int, Header] | None = None
    merged: dict[int, list[tuple[int, int, int]]] = {}
    for top, left, bottom, right in table.merged:
        if top < _HEADER_ROWS and len(merged.setdefault(top, [])) < _MOST_MERGED:
            merged[top].append((left, bottom, right))
    for index, row in enumerate(table.rows[:_HEADER_ROWS]):
        if best is not None and index > best[1].last_row + _BELOW:
            break
        if sum(1 for each in row if each.strip()) < 2:
            continue
        for last, headings in _candidates(table, index, merged.get(index, ())):
            columns, points = _recognise(headings, kind, own)
            if len(columns) < 2 or not any(each in columns for each in needed):
                continue
            if best is None or points > best[0]:
                best = points, Header(columns, [each[0] for each in headings], last + 1, last)
    if best is None:
        return None
    return _with_numbered(table, best[1]) if kind == "systems" else best[1]


def _with_numbered(table: Table, found: Header) -> Header:
    """Take columns by the form's row (1) … (12) whose heading is not recognised, if no other one contradicts it."""
    for row in table.rows[found.last_row + 1 : found.last_row + 3]:
        numbers = {column: int(each[1]) for column, text in enumerate(row) if (each := _NUMBER.fullmatch(clean(text)))}
        by_number = {number: column for column, number in numbers.items()}
        if sorted(numbers.values()) != list(range(1, len(FORM_08) + 1)):
            continue
        known = {name: by_number[number] for number, name in enumerate(FORM_08, 1)}
        same = [name for name, column in found.columns.items() if known.get(name) == column]
        others = [name for name, column in found.columns.items() if name not in same]
        if len(same) >= _SURE and not others:
            return replace(found, columns=known)
    return found


_NUMBER = re.compile(r"\(?(\d{1,2})\)?")
#: The columns of Decree 331/2026 Form 08, part 3, by their numbers.
FORM_08 = (
    *("number", "name", "owner", "operator", "level", "approval.status", "approval.decision", "regulation"),
    *("approval.expected", "plan.status", "plan.expected", "inspected"),
)
#: With so many columns at their numbers a list is the form.
_SURE = 6


def not_read(table: Table, found: Header) -> list[int]:
    """The columns with a heading and a cell below it that no field is read from."""
    taken = set(found.columns.values())
    below = table.rows[found.first_row :]
    return [
        column
        for column, heading in enumerate(found.headings)
        if heading and column not in taken and any(column < len(row) and row[column].strip() for row in below)
    ]


def points(table: Table, kind: str, own: Mapping[str, str], needed: Sequence[str]) -> int:
    """How many fields the best row of headings has."""
    found = header(table, kind, own, needed)
    return len(found.columns) if found else 0


def _candidates(
    table: Table, index: int, merged: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
    """The headings that begin in a row: of it alone, and of it with the one below, with their last row.

    Of two rows each column has three texts: both together, the lower and the upper one.
    """
    upper = [clean(each) for each in table.rows[index]]
    yield index, [(each,) for each in upper]
    if index + 1 == len(table.rows):
        return
    lower = [clean(each) for each in table.rows[index + 1]]
    width = max(len(upper), len(lower))
    upper, lower = [*upper, *[""] * (width - len(upper))], [*lower, *[""] * (width - len(lower))]
    if not _is_double(index, merged, upper, lower):
        return
    above = _spread(index, merged, upper, lower)
    yield index + 1, [(clean(f"{up} {low}"), low, up) for up, low in zip(above, lower, strict=True)]


def _is_double(index: int, merged_here: Sequence[tuple[int, int, int]], upper: Row, lower: Row) -> bool:
    """Whether two rows of headings may belong together: merged cells say so, or an empty one over a filled one."""
    merged = any(
        bottom > index or (right > left and any(lower[left : right + 1])) for left, bottom, right in merged_here
    )
    below_empty = any(low and not up for up, low in zip(upper, lower, strict=True))
    return (merged or below_empty) and not any(each.isdigit() for each in lower)


def _spread(index: int, merged: Sequence[tuple[int, int, int]], upper: Row, lower: Row) -> Row:
    """The upper headings, each over all columns to which it belongs."""
    spread = [*upper, *[""] * (len(lower) - len(upper))]
    ranges = [(left, right) for left, bottom, right in merged if index == bottom and right > left]
    if ranges:
        for left, right in ranges:
            for column in range(left + 1, min(right + 1, len(spread))):
                spread[column] = spread[left]
        return spread
    for column in range(1, len(spread)):  # CSV has no merged cells: an empty heading over a filled one
        if not spread[column] and column < len(lower) and lower[column]:
            spread[column] = spread[column - 1]
    return spread


def _recognise(headings: Sequence[tuple[str, ...]], kind: str, own: Mapping[str, str]) -> tuple[dict[str, int], int]:
    """The column of each field, and the sum of words that tell them. Of two headings of a field the surer holds."""
    found: dict[str, tuple[int, int]] = {}
    for column, texts in enumerate(headings):
        told = [each for each in (_told(text, kind, own) for text in texts if text) if each is not None]
        if not told:
            continue
        name, rank = max(told, key=lambda each: each[1])
        if name == "expected":  # what is expected depends on what stands left of it
            left = [each for each, _ in sorted(found.items(), key=lambda item: item[1][0])]
            name = "plan.expected" if "plan.status" in left else "approval.expected"
        if name not in found or rank > found[name][1]:
            found[name] = column, rank
    return {name: column for name, (column, _) in found.items()}, sum(min(rank, 10) for _, rank in found.values())


def _told(heading: str, kind: str, own: Mapping[str, str]) -> tuple[str, int] | None:
    mapped = own.get(heading_key(heading))
    return (mapped, 2000) if mapped else field_of(heading, kind)


def no_headings(tables: Sequence[Table], example: str) -> ListError:
    """The error for a list in which no row of headings was found."""
    sample = " ".join(each for table in tables for row in table.rows[:40] for each in row)[:20_000]
    if is_tcvn3(sample):
        return ListError(
            "no row of headings was found; the text looks like TCVN3 (fonts .VnTime), which is not Unicode",
            "convert it to Unicode (for instance with UniKey's tool), then save it again",
            code="encoding",
        )
    return ListError(
        "no row of headings was found",
        FormattedMessage("write a row of headings such as {example}, or name yours with --columns", example=example),
        code="no-headings",
    )
