"""What is written in cells, in the ways that people write it: texts, numbers, levels, days, decisions.

Each function takes a text as ``clean`` leaves it, and raises ``Unreadable`` for what it does not understand: nothing is
guessed.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple


class Unreadable(ValueError):
    """A text that is none of the kind that is asked for."""


#: Format characters (category Cf) that lists copied from other programs contain.
_FORMAT = re.compile(
    "["
    + "".join(
        re.escape(chr(code))
        for code in (*range(0x10000), *range(0xE0000, 0xE0080), *range(0x1D173, 0x1D17B))
        if unicodedata.category(chr(code)) == "Cf"
    )
    + "]"
)


#: Marks on letters (the combining characters that Vietnamese uses, and their neighbours), and what is in no word.
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
_NO_WORD = re.compile(r"[\W_]+")


def clean(text: str) -> str:
    """``text`` without format characters, in NFC, its spaces (also no-break ones) joined to single ones."""
    return _short_cleaned(text) if len(text) < _SHORT else _cleaned(text)


#: Texts up to this length are remembered: the cells of a row are cleaned several times, and repeat in other rows.
_SHORT = 500


def _cleaned(text: str) -> str:
    if not text.isascii():
        if not text.isprintable():  # which all of them are not
            text = _FORMAT.sub("", text)
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


_short_cleaned = lru_cache(maxsize=1 << 13)(_cleaned)


@lru_cache(maxsize=1 << 16)
def fold(text: str) -> str:
    """``text`` in lower case without diacritics and punctuation, its words separated by one space: for comparing."""
    lower = unicodedata.normalize("NFD", clean(text).casefold()).replace("đ", "d")
    return " ".join(_NO_WORD.sub(" ", _MARKS.sub("", lower)).split())


@lru_cache(maxsize=1 << 16)
def same_name(text: str) -> str:
    """What two names have in common that are written alike but for case, spaces and the place of the tone mark."""
    return _TONE.sub(r"\1\3\2", unicodedata.normalize("NFD", clean(text).casefold()))


#: A tone mark on the first of the vowels oa, oe, uy at the end of a word, where others write it on the second.
_TONE = re.compile("([ou])([\u0300\u0301\u0303\u0309\u0323])([aey])(?![a-z])")

#: What stands for "nothing" in a cell.
_NOTHING = frozenset(
    ("", "n a", "na", "null", "none", "khong", "khong co", "chua", "chua co", "chua xac dinh", "chua ro", "chua biet")
)


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is no value: empty, a dash, dots, *không có*, *chưa xác định*."""
    return fold(text) in _NOTHING


# --- Numbers and levels ---------------------------------------------------------------------------------------------

_GROUPED = re.compile(r"\d{1,3}(?:[. ]\d{3})+(?:,\d+)?|\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?|\d{1,3},\d{3}\.\d+")
_DECIMAL = re.compile(r"\d+(?:[.,]\d+)?")


class Numeric(str):
    """The text of a cell that holds a number, not text: its point is a decimal point."""

    __slots__ = ()


def number(text: str) -> Decimal:
    """A number as Vietnam writes it: ``120.000`` is 120000, ``87,5`` is 87.5. Raises Unreadable."""
    if isinstance(text, Numeric):
        return Decimal(text)
    if _GROUPED.fullmatch(text):
        comma_groups = text.count(",") > 1 or ("," in text and "." in text and text.index(",") < text.index("."))
        plain = text.replace(",", "") if comma_groups else text.replace(".", "").replace(" ", "").replace(",", ".")
        return Decimal(plain)
    if _DECIMAL.fullmatch(text):
        return Decimal(text.replace(",", "."))
    raise Unreadable


def percent(text: str) -> Decimal:
    """A percentage from 0 to 100, with or without its sign; a spreadsheet's 0.875 is 87.5 %. Raises Unreadable.

    A spreadsheet's 1 is 1 % or 100 %, which only the cell's format tells: it is unreadable.
    """
    if isinstance(text, Numeric):
        value = Decimal(text)
        if 0 < value < 1:
            return value * 100
        if value == 1:
            raise Unreadable
    else:
        value = number(text.removesuffix("%").strip())
    if not 0 <= value <= 100:
        raise Unreadable
    return value


_LEVEL_PREFIX = re.compile(r"^(?:cap do|cap|muc do|muc|level|cd|l)\s*(?=[0-9iv])")
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5}


def level(text: str) -> int:
    """A security level: ``3``, ``03``, ``3,0``, ``Cấp độ 3``, ``III``. Raises Unreadable."""
    folded = _LEVEL_PREFIX.sub("", " ".join(_without_marks(text).split()).strip(" .:"))
    if folded in _ROMAN:
        return _ROMAN[folded]
    found = re.fullmatch(r"0?([1-5])(?:[.,]0+)?", folded)
    if not found:
        raise Unreadable
    return int(found[1])


def _without_marks(text: str) -> str:
    lower = unicodedata.normalize("NFD", clean(text).casefold()).replace("đ", "d")
    return "".join(each for each in lower if not unicodedata.combining(each))


# --- Days -----------------------------------------------------------------------------------------------------------

_YEAR = r"(?:nam )?(?P<year>20\d\d|19\d\d)"
_OF_YEAR = rf"(?:\s*[/.-]\s*|\s+){_YEAR}"
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?:[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?")
_DAY = re.compile(
    r"(?:ngay )?(?P<day>\d{1,2})(?:\s*[/.-]\s*|\s+thang\s+)(?P<month>\d{1,2})"
    r"(?:\s*[/.-]\s*|\s+(?:nam\s+)?)(?P<year>\d{4})"
    r"(?: \d\d:\d\d(?::\d\d)?)?"
)
_QUARTER = re.compile(rf"(?:quy|q)\s*\.?\s*(?P<quarter>iv|i{{1,3}}|[1-4]){_OF_YEAR}")
_MONTH = re.compile(rf"(?:(?:thang|t)\s*)?(?P<month>\d{{1,2}}){_OF_YEAR}")
_HALF = re.compile(rf"(?:6|sau) thang (?P<half>dau|cuoi){_OF_YEAR}")
_ONLY_YEAR = re.compile(rf"(?:cuoi )?{_YEAR}")
_QUARTERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4}


def day(text: str) -> dt.date:
    """A day, the day first: ``5/3/2027``, ``ngày 5 tháng 3 năm 2027``, or ISO 8601. Raises Unreadable."""
    folded = _without_marks(text)
    found = _ISO.fullmatch(folded) or _DAY.fullmatch(folded)
    if not found:
        raise Unreadable
    return _date(int(found["year"]), int(found["month"]), int(found["day"]))


def last_day(text: str) -> dt.date:
    """A day, or the last one of ``Quý II/2027``, ``T6/2027``, ``6 tháng đầu năm 2027``, ``2027``. Raises Unreadable."""
    folded = _without_marks(text).strip(" .")
    try:
        return day(folded)
    except Unreadable:
        pass
    if found := _QUARTER.fullmatch(folded):
        quarter = found["quarter"]
        return _end(int(found["year"]), 3 * (_QUARTERS.get(quarter) or int(quarter)))
    if found := _HALF.fullmatch(folded):
        return _end(int(found["year"]), 6 if found["half"] == "dau" else 12)
    if found := _MONTH.fullmatch(folded):
        return _end(int(found["year"]), int(found["month"]))
    if found := _ONLY_YEAR.fullmatch(folded):
        return _end(int(found["year"]), 12)
    raise Unreadable


def _end(year: int, month: int) -> dt.date:
    if month not in range(1, 13):
        raise Unreadable
    return _date(year, month, calendar.monthrange(year, month)[1])


def _date(year: int, month: int, of_month: int) -> dt.date:
    try:
        found = dt.date(year, month, of_month)
    except ValueError:
        raise Unreadable from None
    if not 1900 <= year <= 2200:
        raise Unreadable
    return found


# --- Decisions ------------------------------------------------------------------------------------------------------


class Decision(NamedTuple):
    """A decision in one cell: its number, its day, and the body that issued it; what is missing is None."""

    number: str | None
    date: dt.date | None
    by: str | None


_DATE_IN = re.compile(
    r"(?:\bngày\s*)?(?P<day>\d{1,2})(?:\s*[/.-]\s*|\s+tháng\s+)(?P<month>\d{1,2})(?:\s*[/.-]\s*|\s+năm\s+)(?P<year>\d{4})(?![\w/])"
    r"|(?P<isoyear>\d{4})-(?P<isomonth>\d{2})-(?P<isoday>\d{2})(?!\w)",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^(?:(?:quyết định|nghị quyết|công văn|văn bản|qđ|số|no)\b(?![-/])[\s.:]*)+", re.IGNORECASE)
_NUMBER_IN = re.compile(r"^(?P<number>[^\s,;()]*\d[^\s,;()]*)")
_BY = re.compile(r"^(?:[\s,;.:()–-]|\b(?:của|do|ngày|ban hành|cấp|phê duyệt)\b)+", re.IGNORECASE)


def decision(text: str) -> Decision:
    """The parts of ``Quyết định số 12/QĐ-BTC ngày 05/03/2025 của Bộ Tài chính``, in that order or with the day first.

    Raises Unreadable where there is neither a number nor a day.
    """
    rest = clean(text)
    date: dt.date | None = None
    if found := _DATE_IN.search(rest):
        parts = [found[name] or found[f"iso{name}"] for name in ("year", "month", "day")]
        date = _date(*(int(each) for each in parts))
        rest = f"{rest[: found.start()]} \x00 {rest[found.end() :]}"
    rest = _PREFIX.sub("", rest.strip(" ,;.\x00"))
    number_ = None
    if named := _NUMBER_IN.match(rest):
        number_ = named["number"].strip(".:")
        rest = rest[named.end() :]
    by = clean(_BY.sub("", rest.replace("\x00", " ").strip())).strip(" ,;.()") or None
    if number_ is None and date is None:
        raise Unreadable
    return Decision(number_, date, by)


# --- Encodings before Unicode ---------------------------------------------------------------------------------------

#: Letters of TCVN3 (ABC) as they appear when its bytes are taken for Latin-1, inside words.
_TCVN3 = re.compile("[a-zA-Z][µ¸¶·¹¨©ª«¬\u00ad®¾¼½Æ»][a-zA-Z]|[a-z][µ¸¶·¹¾¼½Æ»ËÐÌÎÏÑÕÒÓÔÖÝ×ØÜÞ](?=[ a-z,.;]|$)")


def is_tcvn3(text: str) -> bool:
    """Whether a text looks like TCVN3 (fonts .VnTime, .VnArial) that was taken for Latin-1."""
    return len(_TCVN3.findall(text)) >= 2
