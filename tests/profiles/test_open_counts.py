"""Where the count of days is open, the earlier day is used and both are said, in the pack and in the terminal."""

import re
from calendar import month_name
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from inspector.regime.loader import load_all
from inspector.regime.regime import BilingualText
from inspector_profiles import inspector_profiles
from tests.line.harness import run_cli

REGIMES = load_all(inspector_profiles())


def counted_in_months() -> Iterator[tuple[str, date, BilingualText | None]]:
    """The last days that follow from a number of months, as Art 39.1 and Art 45.1 give them."""
    for regime in REGIMES:
        for transition in regime.transitions:
            yield transition.regime, transition.until, transition.note
            if transition.approved_until:
                yield transition.regime, transition.approved_until, transition.note
        for deadline in regime.deadlines:
            if deadline.on and deadline.id != "certificates" and not deadline.id.startswith("directive-09-"):
                yield deadline.id, deadline.on, deadline.note


@pytest.mark.parametrize(("name", "last", "note"), list(counted_in_months()))
def test_the_later_day_is_said_beside_the_earlier_one(name: str, last: date, note: BilingualText | None) -> None:
    """The term ends on the earlier day; the note names the day after as the other count."""
    later = last + timedelta(days=1)
    assert note is not None, name
    assert f"{later:%d/%m/%Y}" in note.vi
    assert re.search(rf"\b{later.day} {month_name[later.month]}\b", note.en)


@pytest.mark.parametrize(
    ("language", "expected"),
    [("vi", ["30/06/2027", "Cách tính khác là 01/07/2027"]), ("en", ["2027-06-30", "Another count gives 1 July 2027"])],
)
def test_explain_says_both(language: str, expected: list[str]) -> None:
    """``inspector explain`` of the clause on transition shows the day that is used and the other count."""
    printed = run_cli("explain", "law116-45.1", "--lang", language).out
    assert [each for each in expected if each not in printed] == []
