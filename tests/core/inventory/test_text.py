"""Texts, numbers, levels, days and decisions in the ways that people write them."""

import calendar
import datetime as dt
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.inventory.text import (
    Numeric,
    Unreadable,
    clean,
    day,
    decision,
    fold,
    is_tcvn3,
    last_day,
    level,
    number,
    percent,
    same_name,
)

days = st.dates(dt.date(1990, 1, 1), dt.date(2100, 12, 31))
words = st.text(st.sampled_from("aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậ ABĐ"), min_size=1, max_size=30)


@given(st.text(max_size=60))
def test_cleaning_is_done_once(text: str) -> None:
    """A cleaned text stays as it is, is in NFC, and has no format character and no two spaces."""
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(unicodedata.category(each) == "Cf" for each in once)
    assert "  " not in once
    assert once == once.strip()


@given(words, st.lists(st.sampled_from("\u200b\u200e\ufeff\u00ad"), max_size=4))
def test_what_cannot_be_seen_does_not_count(text: str, hidden: list[str]) -> None:
    """Decomposed letters, no-break spaces and invisible characters give the same text."""
    written = unicodedata.normalize("NFD", text).replace(" ", "\u00a0") + "".join(hidden)
    assert clean(written) == clean(text)
    assert fold(written.upper()) == fold(text)
    assert same_name(written) == same_name(text)


def test_names_are_the_same_wherever_the_tone_mark_stands() -> None:
    assert same_name("Hoà Bình") == same_name("Hòa Bình")
    assert same_name("Uỷ ban") == same_name("Ủy ban")
    assert same_name("Hòa Bình") != same_name("Hoa Bình")


@given(st.integers(0, 10**12))
def test_grouped_numbers_are_read(value: int) -> None:
    """120.000 is 120000, whether digits are grouped by points or spaces or not at all."""
    grouped = f"{value:,}"
    assert number(grouped.replace(",", ".")) == value
    assert number(grouped.replace(",", " ")) == value
    assert number(str(value)) == value


@given(st.integers(0, 10**6), st.integers(0, 99))
def test_a_comma_is_the_decimal_sign(whole: int, hundredths: int) -> None:
    """87,5 is 87.5; a number that a spreadsheet holds keeps its point."""
    assert number(f"{whole},{hundredths:02}") == Decimal(f"{whole}.{hundredths:02}")
    assert number(Numeric(f"{whole}.{hundredths:02}1")) == Decimal(f"{whole}.{hundredths:02}1")


def test_examples_of_numbers() -> None:
    assert number("120.000") == 120000
    assert number("87,5") == Decimal("87.5")
    assert percent("87,5%") == Decimal("87.5")
    assert percent(Numeric("0.875")) == Decimal("87.5")
    for text in ("101", "-1", "abc", "", "1,2,3", "12.34.56"):
        with pytest.raises(Unreadable):
            percent(text)
    with pytest.raises(Unreadable):
        percent(Numeric("1"))  # 1 % or 100 %


@given(
    st.integers(1, 5),
    st.sampled_from(["{}", "{},0", "{}.0", "Cấp độ {}", "cấp {}", "CẤP ĐỘ {}", "L{}", "  {} "]),
    st.booleans(),
)
def test_levels_are_read(value: int, form: str, is_roman: bool) -> None:
    roman = ("I", "II", "III", "IV", "V")[value - 1]
    text = form.format(roman if is_roman and "0" not in form else value)
    assert level(clean(text)) == value


@pytest.mark.parametrize("text", ["0", "6", "3,5", "33", "VI", "IIII", "4-5", "cao", "-3", "3 và 4"])
def test_other_levels_are_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        level(text)


@given(days)
def test_days_are_read_day_first(value: dt.date) -> None:
    """As 5/3/2027, with any separator, in words, or as ISO 8601."""
    for text in (
        f"{value.day}/{value.month}/{value.year}",
        f"{value:%d-%m-%Y}",
        f"{value:%d.%m.%Y}",
        f"ngày {value.day} tháng {value.month} năm {value.year}",
        value.isoformat(),
    ):
        assert day(text) == value
        assert last_day(text) == value


@given(st.integers(2000, 2099), st.integers(1, 12))
def test_a_period_means_its_last_day(year: int, month: int) -> None:
    """A month, a quarter, a half and a year mean their last day, as the calendar has it."""
    end = dt.date(year, month, calendar.monthrange(year, month)[1])
    for text in (f"T{month}/{year}", f"Tháng {month}/{year}", f"{month:02}/{year}", f"tháng {month} năm {year}"):
        assert last_day(text) == end
    quarter = (month - 1) // 3 + 1
    of_quarter = dt.date(year, quarter * 3, 30 if quarter in (2, 3) else 31)
    for text in (f"Quý {quarter}/{year}", f"Quý {('I', 'II', 'III', 'IV')[quarter - 1]}/{year}", f"Q{quarter}/{year}"):
        assert last_day(text) == of_quarter
    assert last_day(str(year)) == dt.date(year, 12, 31)
    assert last_day(f"6 tháng đầu năm {year}") == dt.date(year, 6, 30)


@pytest.mark.parametrize("text", ["31/02/2027", "13/13/2027", "Quý V/2027", "T13/2027", "27", "sớm", "1/1/27", "99999"])
def test_other_days_are_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        last_day(text)


@given(
    st.from_regex(r"[1-9][0-9]{0,3}(/2025)?/QĐ-[A-Z]{2,6}", fullmatch=True),
    days,
    st.sampled_from(["Bộ Tài chính", "UBND tỉnh Bắc Ninh", "Cục Công nghệ thông tin"]),
    st.sampled_from(
        [
            "Quyết định số {n} ngày {d} của {b}",
            "QĐ số {n} ngày {d} của {b}",
            "{n}, {d}, {b}",
            "Số: {n}; ngày {d}; {b}",
            "{n} ({d}) {b}",
            "ngày {d}, số {n} của {b}",
        ]
    ),
)
def test_decisions_are_taken_apart(written: str, when: dt.date, body: str, form: str) -> None:
    """Number, day and body, whatever stands around them."""
    assert decision(form.format(n=written, d=f"{when:%d/%m/%Y}", b=body)) == (written, when, body)


def test_a_decision_may_be_incomplete() -> None:
    assert decision("Số 12/QĐ-BTC") == ("12/QĐ-BTC", None, None)
    assert decision("ngày 05/03/2025") == (None, dt.date(2025, 3, 5), None)
    with pytest.raises(Unreadable):
        decision("đã có")


def test_tcvn3_is_recognised() -> None:
    """Bytes of TCVN3 taken for Latin-1 are; Vietnamese in Unicode is not."""
    assert is_tcvn3("HÖ thèng th«ng tin qu¶n lý v¨n b¶n")
    assert not is_tcvn3("Hệ thống thông tin quản lý văn bản và điều hành")
