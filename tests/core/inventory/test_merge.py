"""Lists are merged by rule: who holds over whom, what is told, and what a newer list leaves out."""

import datetime as dt
from pathlib import Path

import pytest

from inspector.inventory.imports import Imported
from inspector.inventory.notes import Severity
from inspector.inventory.statistics import statistics
from inspector.inventory.system import Role
from inspector.model.errors import UsageError
from tests.core.inventory.kit import AS_OF, after, codes, faults, imported, put

HEAD = "STT,Mã hệ thống,Tên hệ thống,Chủ quản,Đơn vị vận hành,Cấp độ,Tình trạng phê duyệt\n"
LATER = dt.date(2027, 12, 14)


def differences(found: Imported) -> list[str]:
    return [each.text for each in found.notes if each.code == "difference"]


def test_equal_rows_count_once_and_are_told(tmp_path: Path) -> None:
    """Equal but for case, spaces and their number."""
    text = HEAD + "1,,Cổng  TTĐT,Bộ Tài chính,,3,Đang dự thảo\n7,, Cổng TTĐT,Bộ Tài chính,,III,ĐANG DỰ THẢO\n"
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert len(found.systems) == 1
    (told,) = [each for each in found.notes if each.code == "equal-rows"]
    assert (told.at, told.severity) == ("2:4", Severity.NOTICE)
    assert "3:4" in told.text


def test_unequal_rows_of_one_system_are_both_refused(tmp_path: Path) -> None:
    """By name within an owner, or by code; the other rows are taken with --accept-partial."""
    text = HEAD + "1,,Cổng,Bộ Tài chính,,3,\n2,,cổng,Bộ Tài chính,,2,\n3,,Cổng,Cục Thuế,,1,\n"
    path = put(tmp_path, "G05.csv", text)
    assert imported(tmp_path, path).is_empty
    found = imported(tmp_path, path, partial=True)
    assert faults(found) == [("2:4", "unequal-rows"), ("3:4", "unequal-rows")]
    assert [(each.organisation, each.level) for each in found.systems] == [("G05.1", 1)]


def test_the_owners_value_holds_over_the_operators(tmp_path: Path) -> None:
    """In whatever order the files are read; what only the operator says is kept; the difference is told."""
    owner = HEAD + "1,HT1,Cổng,Bộ Tài chính,Cục Thuế,3,Đã thẩm định\n"
    operator = HEAD.strip() + ",Nhà cung cấp\n1,HT1,Cổng,Bộ Tài chính,Cục Thuế,2,Đang dự thảo,VNPT\n"
    for first, second in (("G05.csv", "G05.1.csv"), ("a/G05.1.csv", "b/G05.csv")):
        for name, text in (
            (first, owner if first.endswith("G05.csv") else operator),
            (second, owner if second.endswith("G05.csv") else operator),
        ):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            put(tmp_path, name, text)
        found = imported(tmp_path, tmp_path / first, tmp_path / second)
        (system,) = found.systems
        assert (system.key, system.level, system.approval.status, system.provider) == (
            "G05/HT1",
            3,
            "appraised",
            "VNPT",
        )
        assert (system.origin.role, system.origins["provider"].role) == (Role.OWNER, Role.OPERATOR)
        assert differences(found) == [
            "level: 3 is kept, not 2; the owner's list holds over the operator's",
            "approval.status: appraised is kept, not drafting; the owner's list holds over the operator's",
        ]


def test_the_later_list_holds_over_the_earlier(tmp_path: Path) -> None:
    """Also when the earlier one is imported last."""
    path = put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,2,Đang dự thảo\n")
    old = imported(tmp_path, path)
    new = imported(
        tmp_path, put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,3,Đã thẩm định\n"), previous=after(old), as_of=LATER
    )
    (system,) = new.systems
    assert (system.level, system.origin.as_of) == (3, LATER)
    assert "level: 3 is kept, not 2; the later list holds" in differences(new)
    again = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,1,Đang dự thảo\n"), previous=after(new))
    assert again.systems[0].level == 3
    assert "level: 3 is kept, not 1; the later list holds" in differences(again)


def test_a_corrected_list_of_the_same_day_replaces_the_first(tmp_path: Path) -> None:
    first = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,2,\n"))
    second = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,3,\n"), previous=after(first))
    assert second.systems[0].level == 3
    assert differences(second) == ["level: 3 is kept, not 2; the list that was imported last holds"]


def test_two_lists_without_a_rule_are_warned_of(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"G05 {n}.csv", HEAD + f"1,HT1,Cổng,,,{n},\n") for n in (2, 3)]
    found = imported(tmp_path, *paths)
    assert found.systems[0].level == 2
    (told,) = [each for each in found.notes if each.code == "difference"]
    assert told.severity is Severity.WARNING


def test_what_a_newer_list_leaves_out_is_not_listed_any_more(tmp_path: Path) -> None:
    """It is kept and counted; it comes back; neither an annex nor another's list nor a refused row removes it."""
    both = HEAD + "1,HT1,Cổng,,,3,\n2,HT2,Thư,,,2,\n"
    first = imported(tmp_path, put(tmp_path, "G05.csv", both))
    one = put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,3,\n")
    second = imported(tmp_path, one, previous=after(first), as_of=LATER)
    gone = {each.id: each.unlisted_since for each in second.systems}
    assert gone == {"HT1": None, "HT2": LATER}
    assert "not-listed" in codes(second)
    assert statistics(after(second), (), LATER).rows[0].counts.systems == 2
    third = imported(tmp_path, put(tmp_path, "G05.csv", both), previous=after(second), as_of=dt.date(2028, 12, 14))
    assert {each.unlisted_since for each in third.systems} == {None}
    assert "listed-again" in codes(third)
    annex = put(tmp_path, "G05.csv", "Tên hệ thống,Tên miền\nCổng,cong.example.vn\n")
    other = put(tmp_path, "H26.csv", HEAD + "1,HT1,Cổng,,,3,\n")
    partial = put(tmp_path, "G05.1.csv", both)
    for path in (annex, other, partial):
        found = imported(tmp_path, path, previous=after(first), as_of=LATER)
        assert {each.unlisted_since for each in found.systems} == {None}
    broken = put(tmp_path, "G05.csv", HEAD + "1,HT2,Thư,,,9,\n2,HT1,Cổng,,,3,\n")
    found = imported(tmp_path, broken, previous=after(first), as_of=LATER, partial=True)
    assert {each.unlisted_since for each in found.systems} == {None}


def test_an_older_list_takes_nothing_off(tmp_path: Path) -> None:
    first = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,3,\n2,HT2,Thư,,,2,\n"))
    old = put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,3,\n")
    found = imported(tmp_path, old, previous=after(first), as_of=dt.date(2025, 12, 14))
    assert {each.unlisted_since for each in found.systems} == {None}


def test_a_system_keeps_its_id_and_its_former_name(tmp_path: Path) -> None:
    """Renamed under its code, or by the column of former names; a code given later is told."""
    first = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,3,\n2,,Thư,,,2,\n"))
    text = HEAD.strip() + ",Tên cũ\n1,HT1,Cổng dữ liệu,,,3,,\n2,,Thư công vụ,,,2,,Thư\n"
    second = imported(tmp_path, put(tmp_path, "G05.csv", text), previous=after(first), as_of=LATER)
    assert {(each.key, each.name, each.formerly) for each in second.systems} == {
        ("G05/HT1", "Cổng dữ liệu", ("Cổng",)),
        ("G05/thu", "Thư công vụ", ("Thư",)),
    }
    text = HEAD + "1,HT1,Cổng dữ liệu,,,3,\n2,HT2,Thư công vụ,,,2,\n"
    third = imported(tmp_path, put(tmp_path, "G05.csv", text), previous=after(second), as_of=dt.date(2028, 12, 14))
    assert {each.key for each in third.systems} == {"G05/HT1", "G05/HT2"}
    assert next(each.formerly for each in third.systems if each.id == "HT2") == ("Thư", "G05/thu")


def test_systems_with_one_name_and_two_codes_are_two(tmp_path: Path) -> None:
    """A later row without a code could be either: it is refused."""
    first = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,HT1,Cổng,,,3,\n2,HT2,Cổng,,,2,\n"))
    assert len(first.systems) == 2
    second = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,,Cổng,,,3,\n"), previous=after(first), as_of=LATER)
    assert second.is_empty
    assert faults(second) == [("2:4", "ambiguous")]


def test_an_ended_name_is_its_successor_from_its_end_on(tmp_path: Path) -> None:
    """Before the end the old organisation owns the system; afterwards the new one does, and history follows."""
    path = put(tmp_path, "H30.csv", HEAD + "1,HT1,Cổng,Tỉnh Hải Dương,,3,\n")
    before = imported(tmp_path, path, as_of=dt.date(2025, 6, 30))
    assert [each.key for each in before.systems] == ["H30/HT1"]
    rows = statistics(after(before), ("organisation",), dt.date(2025, 7, 1)).rows
    assert [row.organisation for row in rows] == ["*", "H31"]
    found = imported(tmp_path, path, previous=after(before))
    assert [(each.key, each.formerly) for each in found.systems] == [("H31/HT1", ("H30/HT1",))]
    assert [each.code for each in found.notes if each.code == "successor"] == ["successor"] * 3


def test_systems_of_merged_organisations_stay_apart(tmp_path: Path) -> None:
    """Two that had one id have two, each with its earlier key."""
    paths = [put(tmp_path, f"{code}.csv", HEAD + f"1,HT1,Cổng {code},,,3,\n") for code in ("H30", "H31")]
    before = imported(tmp_path, *paths, as_of=dt.date(2025, 1, 1))
    found = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,X,Kho,,,1,\n"), previous=after(before))
    assert {(each.key, each.name) for each in found.systems} == {
        ("H31/HT1", "Cổng H31"),
        ("H31/HT1-H30", "Cổng H30"),
        ("G05/X", "Kho"),
    }


@pytest.mark.parametrize("code", ["", "HT1"])
def test_lists_of_merged_organisations_in_one_import_stay_apart(tmp_path: Path, code: str) -> None:
    """Each has its portal: of one name, and of one code, in lists that still bear the old names."""
    old = put(tmp_path, "H30.csv", HEAD + f"1,{code},Cổng,,,3,\n")
    new = put(tmp_path, "H31.csv", HEAD + f"1,{code},Cổng,,,2,\n")
    found = imported(tmp_path, old, new)
    assert sorted((each.level, each.organisation, each.formerly) for each in found.systems) == [
        (2, "H31", ()),
        (3, "H31", (f"H30/{code or 'cong'}",)),
    ]
    again = imported(tmp_path, old, new, previous=after(found), as_of=dt.date(2027, 12, 14))
    assert {each.key for each in again.systems} == {each.key for each in found.systems}
    assert not {"difference", "ambiguous"} & codes(again)


def test_rows_of_merged_organisations_in_one_list_stay_apart(tmp_path: Path) -> None:
    """Told by the owner that each names; a list that names only the new one is about its own."""
    paths = [put(tmp_path, f"{code}.csv", HEAD + f"1,,Cổng,,,{n},\n") for n, code in enumerate(("H30", "H31"), 1)]
    before = imported(tmp_path, *paths, as_of=dt.date(2025, 1, 1))
    both = HEAD + "1,,Cổng,Thành phố Hải Phòng,,5,\n2,,Cổng,Tỉnh Hải Dương,,4,\n"
    found = imported(tmp_path, put(tmp_path, "H31.csv", both), previous=after(before))
    assert faults(found) == []
    assert {(each.key, each.level) for each in found.systems} == {("H31/cong", 5), ("H31/cong-H30", 4)}
    alone = put(tmp_path, "H31.csv", HEAD + "1,,Cổng,,,5,\n")
    found = imported(tmp_path, alone, previous=after(before))
    assert faults(found) == []
    assert {(each.key, each.level, each.unlisted_since) for each in found.systems} == {
        ("H31/cong", 5, None),
        ("H31/cong-H30", 1, AS_OF),
    }


def test_an_old_list_of_an_ended_organisation_adds_nothing(tmp_path: Path) -> None:
    """Imported after its systems went to the successor: they are known, and the later values hold."""
    path = put(tmp_path, "H30.csv", HEAD + "1,,Cổng,,,3,\n2,HT2,Thư,,,3,\n")
    before = imported(tmp_path, path, as_of=dt.date(2025, 1, 1))
    moved = imported(tmp_path, path, previous=after(before))
    put(tmp_path, "H30.csv", HEAD + "1,,Cổng,,,1,\n2,HT2,Thư,,,1,\n")
    found = imported(tmp_path, path, previous=after(moved), as_of=dt.date(2024, 1, 1))
    assert {(each.key, each.level) for each in found.systems} == {("H31/cong", 3), ("H31/HT2", 3)}


def test_a_refused_list_takes_nothing_off(tmp_path: Path) -> None:
    """Of two lists of an organisation one is refused: what it lists is not missing from the other."""
    first, second = (put(tmp_path, f"G05 {n}.csv", HEAD + f"1,,Hệ thống {n},,,3,\n") for n in (1, 2))
    before = imported(tmp_path, first, second, as_of=dt.date(2025, 12, 14))
    put(tmp_path, "G05 2.csv", HEAD + "1,,Hệ thống 2,,,9,\n")
    found = imported(tmp_path, first, second, previous=after(before))
    assert [each.unlisted_since for each in found.systems] == [None, None]


def test_a_slash_in_a_code_tells_systems_apart(tmp_path: Path) -> None:
    """Only an organisation's code before it makes it a whole key."""
    text = HEAD + "1,HT01/2024,Cổng,,,3,\n2,HT02/2024,Thư,,,2,\n3,G05/HT3,Kho,,,1,\n"
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert {(each.key, each.code) for each in found.systems} == {
        ("G05/HT01-2024", "HT01/2024"),
        ("G05/HT02-2024", "HT02/2024"),
        ("G05/HT3", "G05/HT3"),
    }


def test_an_unknown_owner_is_told_and_counts_for_the_list(tmp_path: Path) -> None:
    found = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,,Cổng,Bộ TC,,3,\n"))
    assert [each.organisation for each in found.systems] == ["G05"]

    assert "unknown-owner" in codes(found)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("G05", "G05"),
        ("G05.1", "G05.1"),
        ("G05 năm 2026", "G05"),
        ("G05_mau-08", "G05"),
        ("Bộ Tài chính", "G05"),
        ("Cục Thuế (bản 2)", "G05.1"),
    ],
)
def test_a_files_name_says_whose_list_it_is(tmp_path: Path, name: str, code: str) -> None:
    found = imported(tmp_path, put(tmp_path, f"{name}.csv", HEAD + "1,,Cổng,,,3,\n"))
    assert [each.organisation for each in found.systems] == [code]


def test_a_list_of_nobody_is_refused(tmp_path: Path) -> None:
    found = imported(tmp_path, put(tmp_path, "danh-sach.csv", HEAD + "1,,Cổng,,,3,\n"))
    assert found.is_empty
    assert faults(found) == [("", "whose-list")]
    with pytest.raises(UsageError, match="there is no such organisation"):
        imported(tmp_path, put(tmp_path, "G05.csv", HEAD), organisation="X9")


def test_good_lists_are_taken_beside_a_refused_one(tmp_path: Path) -> None:
    good = put(tmp_path, "G05.csv", HEAD + "1,,Cổng,,,3,\n")
    bad = put(tmp_path, "H26.csv", HEAD + "1,,Thư,,,9,\n")
    found = imported(tmp_path, good, bad)
    assert [each.name for each in found.systems] == ["Cổng"]
    assert [each.file for each in found.refused] == [str(bad)]
