"""The exposure to ransomware: what was seen of each way in, told apart from what was not."""

from __future__ import annotations

import pytest

from inspector import EntryPath, Outcome, PathExposure, Reach, exposure_of
from inspector.model.finding import Finding
from inspector.regime.regime import Requirement
from tests.reports import examples


def _rows(*tags: str) -> list[Requirement]:
    return [each.model_copy(update={"tags": tags}) for each in examples.ROWS if each.id == "open-ports"]


def _found(*outcomes: Outcome) -> list[Finding]:
    return [examples.finding("open-ports", each, "telnet is there") for each in outcomes]


def _rdp(*outcomes: Outcome) -> PathExposure:
    seen = exposure_of(_rows("ransomware", "ransomware-rdp"), _found(*outcomes))
    return next(each for each in seen if each.path is EntryPath.RDP)


@pytest.mark.parametrize(
    ("outcomes", "reach"),
    [
        ((Outcome.FAIL, Outcome.PASS), Reach.EXPOSED),
        ((Outcome.FAIL, Outcome.INCONCLUSIVE), Reach.EXPOSED),
        ((Outcome.PASS,), Reach.NOT_SEEN),
        ((Outcome.PASS, Outcome.NOT_APPLICABLE), Reach.NOT_SEEN),
        ((Outcome.PASS, Outcome.INCONCLUSIVE), Reach.UNKNOWN),
        ((Outcome.PASS, Outcome.ERROR), Reach.UNKNOWN),
        ((Outcome.NOT_APPLICABLE,), Reach.UNKNOWN),
        ((), Reach.UNKNOWN),
    ],
)
def test_a_way_in_is_absent_only_where_everything_was_seen(outcomes: tuple[Outcome, ...], reach: Reach) -> None:
    """One failure shows a way in; one thing that was not seen leaves it unknown; nothing at all is unknown, too."""
    assert _rdp(*outcomes).reach is reach


def test_a_way_that_no_row_is_about_is_unknown() -> None:
    """What no requirement asks about was not looked at; one without a tag of its own counts as another way."""
    named = exposure_of(_rows("ransomware", "ransomware-rdp"), _found(Outcome.PASS))
    assert {each.path: each.reach for each in named} == {
        path: Reach.NOT_SEEN if path is EntryPath.RDP else Reach.UNKNOWN
        for path in EntryPath
        if path is not EntryPath.OTHER
    }
    other = exposure_of(_rows("ransomware"), _found(Outcome.FAIL))
    assert [each.path for each in other if each.reach is Reach.EXPOSED] == [EntryPath.OTHER]
    assert exposure_of(_rows("smoke"), _found(Outcome.FAIL)) == ()


def test_a_way_in_names_its_failures() -> None:
    """The failures that show a way in stand beside it."""
    assert [each.outcome for each in _rdp(Outcome.FAIL, Outcome.PASS).open] == [Outcome.FAIL]
