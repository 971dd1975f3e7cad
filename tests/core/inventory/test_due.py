"""What is due: frequencies from the last inspection, transitions, promises, and what lists do not tell."""

import datetime as dt
from pathlib import Path

import pytest

from inspector.inventory.due import State, as_csv, due
from inspector.regime.loader import load_all
from inspector_profiles import inspector_profiles
from tests.core.inventory.kit import after, imported, put

REGIMES = load_all(inspector_profiles())
HEAD = "STT,Mã hệ thống,Tên hệ thống,Cấp độ,Tình trạng phê duyệt,Quyết định,Dự kiến phê duyệt\n"
ROWS = (
    "1,OLD,Cổng,3,Đã được phê duyệt,Số 1/QĐ ngày 01/02/2025,\n"
    "2,NEW,Thư,5,Đã được phê duyệt,Số 2/QĐ ngày 01/10/2026,\n"
    "3,DRAFT,Kho,2,Đang dự thảo,,13/12/2026\n"
)


def test_the_next_inspection_follows_from_the_last(tmp_path: Path) -> None:
    """Every three months at level 5 under the new rules; unknown where no inspection is known."""
    snapshot = after(imported(tmp_path, put(tmp_path, "G05.csv", HEAD + ROWS)))
    found = due(snapshot, REGIMES, dt.date(2026, 12, 14), inspected={"G05/NEW": dt.date(2026, 8, 31)})
    scans = {each.system: (each.state, each.day) for each in found if each.deadline.startswith("scan-")}
    assert scans["G05/NEW"] == (State.LATE, dt.date(2026, 11, 30))
    assert scans["G05/DRAFT"] == (State.UNKNOWN, None)
    old = due(snapshot, REGIMES, dt.date(2026, 6, 1), inspected={"G05/OLD": dt.date(2025, 6, 2)})
    frequency = [each for each in old if each.deadline == "inspection-3"]
    assert [(each.system, each.state, each.day) for each in frequency] == [("G05/OLD", State.DUE, dt.date(2026, 6, 2))]
    assert frequency[0].source == "Decree 85/2016/NĐ-CP Art 20.2.c"


def test_a_transition_ends_on_its_day(tmp_path: Path) -> None:
    """For a system approved before 1 July 2026, and for no other."""
    snapshot = after(imported(tmp_path, put(tmp_path, "G05.csv", HEAD + ROWS)))
    found = [each for each in due(snapshot, REGIMES, dt.date(2026, 12, 14)) if each.deadline == "transition"]
    assert [(each.system, each.day, each.confidence) for each in found] == [("G05/OLD", dt.date(2027, 6, 30), "H")]


def test_a_promise_is_late_from_the_day_after(tmp_path: Path) -> None:
    snapshot = after(imported(tmp_path, put(tmp_path, "G05.csv", HEAD + ROWS)))
    for day, state in ((13, State.DUE), (14, State.LATE)):
        found = due(snapshot, REGIMES, dt.date(2026, 12, day))
        assert [each.state for each in found if each.deadline == "promised-approval"] == [state]


@pytest.mark.parametrize("day", [dt.date(2026, 7, 15), dt.date(2020, 1, 1)])
def test_a_day_without_a_regime_has_no_dates_of_one(tmp_path: Path, day: dt.date) -> None:
    """Promises stand; nothing is said by a law that was not in force."""
    snapshot = after(imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "3,DRAFT,Kho,2,Đang dự thảo,,13/12/2026\n")))
    assert {each.regime for each in due(snapshot, REGIMES, day)} == {"promise"}


def test_an_organisation_and_those_below_it(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"{code}.csv", HEAD + ROWS) for code in ("G05", "G05.1", "H26")]
    snapshot = after(imported(tmp_path, *paths))
    found = due(snapshot, REGIMES, dt.date(2026, 12, 14), below="G05")
    assert {each.organisation for each in found} == {"G05", "G05.1"}
    assert as_csv(found).count(b"\r\n") == len(found) + 1
