"""Lists as people write them: headings, rows that are no systems, vocabulary, addresses, totals, own tables."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest
from xlsxwriter import Workbook

from inspector.inventory.columns import load_map
from inspector.inventory.notes import Severity
from inspector.inventory.system import SystemKind
from inspector.model.declared import ApprovalStatus, PlanStatus, Stage
from inspector.model.errors import InputFileError
from tests.core.inventory.kit import codes, faults, imported, notes, put

FORM_08 = (
    "STT,Tên HTTT,Chủ quản HTTT,Đơn vị vận hành HTTT,Cấp độ đề xuất,Tình trạng phê duyệt cấp độ,"
    "Quyết định phê duyệt cấp độ,Quy chế bảo đảm ANM cho hệ thống,Dự kiến thời điểm phê duyệt HSĐXCĐ,"
    'Đã triển khai đầy đủ PA BĐANM,Dự kiến thời điểm triển khai đầy đủ PA BĐANM,"Đã kiểm tra, đánh giá ANM"\n'
)


def test_every_column_of_form_08_is_read(tmp_path: Path) -> None:
    text = FORM_08 + (
        "1,Cổng dịch vụ công,Bộ Tài chính,Cục CNTT,Cấp độ 3,Đã được phê duyệt,Số 12/QĐ-BTC ngày 05/03/2025 của Bộ,"
        "Số 3/QĐ-BTC ngày 01/02/2025,,Đã triển khai một số hạng mục,Quý II/2027,Trước khi đưa vào sử dụng; Định kỳ\n"
        "2,Thư điện tử,Bộ Tài chính,,2,Đã gửi thẩm định,,,T6/2027,Chưa triển khai,2027,\n"
    )
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert faults(found) == []
    first, second = sorted(found.systems, key=lambda each: each.name)
    assert (first.name, first.level, first.operator, first.organisation) == ("Cổng dịch vụ công", 3, "Cục CNTT", "G05")
    assert first.approval.model_dump() == {
        "status": ApprovalStatus.APPROVED,
        "number": "12/QĐ-BTC",
        "date": dt.date(2025, 3, 5),
        "by": "Bộ",
        "expected": None,
    }
    assert first.regulation is not None
    assert (first.regulation.number, first.regulation.date) == ("3/QĐ-BTC", dt.date(2025, 2, 1))
    assert (first.plan.status, first.plan.expected) == (PlanStatus.PARTIAL, dt.date(2027, 6, 30))
    assert (first.inspected.before_use, first.inspected.periodic) == (True, True)
    assert (second.approval.status, second.approval.expected) == (ApprovalStatus.SUBMITTED, dt.date(2027, 6, 30))
    assert (second.plan.status, second.plan.expected) == (PlanStatus.NOT_STARTED, dt.date(2027, 12, 31))
    assert (second.inspected.before_use, second.inspected.periodic) == (False, False)
    assert first.origin.at == "2:3"


def test_a_repeated_expected_belongs_to_what_stands_left_of_it(tmp_path: Path) -> None:
    """Two columns that are both called Dự kiến."""
    text = (
        "STT,Tên,Tình trạng phê duyệt,Dự kiến,Phương án đã triển khai đầy đủ,Dự kiến\n"
        "1,Cổng,Đang dự thảo,2027,Chưa triển khai,2028\n"
    )
    (system,) = imported(tmp_path, put(tmp_path, "G05.csv", text)).systems
    assert (system.approval.expected, system.plan.expected) == (dt.date(2027, 12, 31), dt.date(2028, 12, 31))


def test_rows_that_are_no_systems_are_told_and_left_out(tmp_path: Path) -> None:
    """Group rows, totals, signatures, the row (1) to (4), repeated headings and blank rows."""
    text = (
        "Phụ lục\n\nSTT,Tên hệ thống,Cấp độ,Tình trạng phê duyệt\n(1),(2),(3),(4)\nI,Hệ thống cấp độ 3,,\n"
        "1,Cổng,3,Đang dự thảo\nSTT,Tên hệ thống,Cấp độ,Tình trạng phê duyệt\n,,,\n"
        "2,Cục Thuế,,\n2.1,Hóa đơn,2,Đã thẩm định\n"
        "2.2,Tổng đài,1,Đã thẩm định\n,Tổng cộng,3,\nTổng số: 3 hệ thống,,,\n,Người lập biểu,,Thủ trưởng đơn vị\n"
        '"Hà Nội, ngày 14 tháng 12 năm 2026",,,\n'
    )
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert faults(found) == []
    assert {each.name for each in found.systems} == {"Cổng", "Hóa đơn", "Tổng đài"}
    (told,) = [each for each in found.notes if each.code == "no-systems"]
    assert told.text.endswith("5, 9, 12, 13, 14, 15")


def test_totals_signatures_and_notes_below_the_list_are_no_systems(tmp_path: Path) -> None:
    """Totals in several columns, three signatures beside each other, an explanation of columns; none is a fault."""
    text = (
        "STT,Tên hệ thống,Chủ quản,Đơn vị vận hành,Cấp độ,Tình trạng phê duyệt,Quyết định phê duyệt,Dự kiến phê duyệt\n"
        "I,I. Bộ Tài chính,,,,,,\n1,Cổng,,,3,Đang dự thảo,,2027\n2,Tổng hợp số liệu,,,3,Đang dự thảo,,2027\n"
        "Cộng nhóm I,,,2,,0,0,\n,Tổng cộng (2 hệ thống),,2,,0,0,\n,,,,,,,\n"
        ",Người lập biểu,,,,Trưởng phòng,,Thủ trưởng đơn vị\n"
        ",Nguyễn Văn A,,,,Trần Thị B,,Lê Văn C\n,Ghi chú,Cột 2: tên,Cột 3: chủ quản,Cột 5: cấp độ,,,\n"
    )
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert faults(found) == []
    assert [each.name for each in found.systems] == ["Cổng", "Tổng hợp số liệu"]
    (told,) = [each for each in found.notes if each.code == "no-systems"]
    assert told.text.endswith("2, 5, 6, 8, 9, 10")


def test_a_system_without_a_number_at_the_end_of_a_list_is_taken(tmp_path: Path) -> None:
    """As long as one of its telling cells is understood; what is wrong in another is a fault."""
    head = "STT,Tên hệ thống,Cấp độ,Tình trạng phê duyệt\n"
    text = head + "1,Cổng,3,Đang dự thảo\n,Thư,2,Đã thẩm định\n,Kho,9,Đã thẩm định\n"
    found = imported(tmp_path, put(tmp_path, "G05.csv", text), partial=True)
    assert [each.name for each in found.systems] == ["Cổng", "Thư"]
    assert [code for _, code in faults(found)] == ["level"]


def test_columns_of_the_form_are_known_by_their_numbers(tmp_path: Path) -> None:
    """Where the others stand at theirs; in another list an unknown heading is told, and its cells are not read."""
    head = FORM_08.replace("Đã triển khai đầy đủ PA BĐANM,", "Mức độ hoàn thành,")
    numbers = ",".join(f"({number})" for number in range(1, 13)) + "\n"
    row = "1,Cổng,Bộ Tài chính,Cục CNTT,3,Đã thẩm định,,,2027,Chưa triển khai,2028,Định kỳ\n"
    (system,) = imported(tmp_path, put(tmp_path, "G05.csv", head + numbers + row)).systems
    assert (system.plan.status, system.inspected.periodic) == (PlanStatus.NOT_STARTED, True)
    moved = head.replace("Chủ quản HTTT,Đơn vị vận hành HTTT", "Đơn vị vận hành HTTT,Chủ quản HTTT")
    for text in (head + row, moved + numbers + row):
        found = imported(tmp_path, put(tmp_path, "G05.csv", text))
        assert found.systems[0].plan.status is None
        (told,) = [each for each in found.notes if each.code == "columns-not-read"]
        assert "“Mức độ hoàn thành”" in told.text


def test_two_rows_of_headings_in_csv(tmp_path: Path) -> None:
    """As a spreadsheet saves merged headings: only the first cell of each has its text."""
    text = (
        "STT;Tên HTTT;Chủ quản;Vận hành;Cấp độ;Phê duyệt cấp độ;;Quy chế;Dự kiến phê duyệt;Phương án BĐANM;;Kiểm tra\n"
        ";;;;;Tình trạng;Quyết định;;;Triển khai đầy đủ;Dự kiến;\n"
        "01;Cổng;Bộ Tài chính;Cục CNTT;III;Đã thẩm định;;;Q.IV/2026;Chưa triển khai;T12/2026;Định kỳ\n"
    )
    (system,) = imported(tmp_path, put(tmp_path, "G05.csv", text)).systems
    assert (system.approval.expected, system.plan.status) == (dt.date(2026, 12, 31), PlanStatus.NOT_STARTED)
    assert (system.plan.expected, system.inspected.periodic) == (dt.date(2026, 12, 31), True)


@pytest.mark.parametrize("heading", ["Số, ngày QĐ phê duyệt cấp độ", "Số quyết định", "Quyết định phê duyệt"])
def test_number_and_day_in_one_cell_are_both_read(tmp_path: Path, heading: str) -> None:
    """Whatever the heading says of them; so is one with the number alone."""
    text = (
        f'STT,Tên,Cấp độ,Tình trạng phê duyệt,"{heading}"\n'
        "1,Cổng,3,Đã phê duyệt,Số: 5/QĐ-BYT ngày 5 tháng 1 năm 2025 của Bộ Y tế\n2,Thư,3,Đã phê duyệt,12/QĐ-BYT\n"
    )
    first, second = imported(tmp_path, put(tmp_path, "G05.csv", text)).systems
    approval = first.approval
    assert (approval.number, approval.date, approval.by) == ("5/QĐ-BYT", dt.date(2025, 1, 5), "Bộ Y tế")
    assert (second.approval.number, second.approval.date) == ("12/QĐ-BYT", None)


def test_abbreviated_headings_of_own_forms(tmp_path: Path) -> None:
    """Every column of an abbreviated Form 08 in the words of Circular 12/2022 is read."""
    text = (
        "Số TT,Tên HTTT,Chủ quản HTTT,Vận hành,Cấp độ,Tình trạng hồ sơ,QĐ phê duyệt cấp độ,Quy chế BĐATTT,"
        'Thời hạn phê duyệt,Tình trạng triển khai phương án,Thời hạn triển khai đầy đủ,"Kiểm tra, đánh giá ATTT"\n'
        "1,Cổng,Bộ Tài chính,Cục CNTT,3,Đã thẩm định,,,9/2026,Triển khai một phần,11/2026,Định kỳ\n"
    )
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert [each for each in found.notes if each.code == "columns-not-read"] == []
    (system,) = found.systems
    assert (system.operator, system.inspected.periodic) == ("Cục CNTT", True)
    assert (system.approval.expected, system.plan.expected) == (dt.date(2026, 9, 30), dt.date(2026, 11, 30))


@pytest.mark.parametrize("owner", ["UBND thành phố Hà Nội", "Uỷ ban nhân dân Thành phố Hà Nội", "THÀNH PHỐ HÀ NỘI"])
def test_the_peoples_committee_of_a_place_stands_for_it(tmp_path: Path, owner: str) -> None:
    """As an owner in a list, which names it so, while the list of organisations names the place."""
    text = f"Tên,Chủ quản,Cấp độ\nCổng,{owner},3\n"
    (system,) = imported(tmp_path, put(tmp_path, "G05.csv", text)).systems
    assert system.organisation == "H26"


def test_a_cell_merged_over_rows_holds_for_each_of_them(tmp_path: Path) -> None:
    """Owner, decision and state of several systems in one cell; blank rows and totals under it are no systems."""
    path = tmp_path / "G05.xlsx"
    with Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        head = ("STT", "Tên hệ thống", "Chủ quản", "Cấp độ", "Tình trạng phê duyệt", "Quyết định phê duyệt", "Quy chế")
        sheet.write_row("A1", head)
        sheet.write_row("A2", [1, "Cổng"])
        sheet.write_row("A3", [2, "Thư"])
        sheet.write_row("A4", [3, "Kho"])
        sheet.write_row("D2", ["3"])
        sheet.write_row("D4", ["Cấp độ 02"])
        sheet.merge_range("C2:C3", "Cục Thuế")
        sheet.merge_range("D2:D3", "3")
        sheet.merge_range("E2:E5", "Đã được phê duyệt")
        sheet.merge_range("F2:F4", "Số 12/QĐ-BTC ngày 05/03/2025")
        sheet.merge_range("G2:G5", "Số 3/QĐ-BTC ngày 01/02/2025")
        sheet.write("B6", "Tổng cộng: 3")
    found = imported(tmp_path, path)
    assert faults(found) == []
    assert {(each.key, each.level) for each in found.systems} == {("G05.1/cong", 3), ("G05.1/thu", 3), ("G05/kho", 2)}
    assert all(each.approval.is_proven and each.regulation for each in found.systems)


def test_rows_under_one_merged_name_are_one_system(tmp_path: Path) -> None:
    """Its further domain names stand below it; rows of one name that are not merged stay unequal."""
    for is_merged in (True, False):
        path = tmp_path / "G05.xlsx"
        with Workbook(path) as workbook:
            sheet = workbook.add_worksheet()
            sheet.write_row("A1", ["STT", "Tên hệ thống", "Cấp độ", "Tên miền"])
            sheet.write_row("A2", [1, "Cổng", 3, "a.example.vn"])
            sheet.write_row("A3", ["", "" if is_merged else "Cổng", "" if is_merged else 3, "b.example.vn"])
            if is_merged:
                for column, value in (("A", 1), ("B", "Cổng"), ("C", 3)):
                    sheet.merge_range(f"{column}2:{column}3", value)
        found = imported(tmp_path, path, partial=True)
        names = [[host.name for host in each.hosts] for each in found.systems]
        assert names == ([["a.example.vn", "b.example.vn"]] if is_merged else [])
        assert len(faults(found)) == (0 if is_merged else 2)


def test_headings_over_two_merged_rows(tmp_path: Path) -> None:
    """A parent heading over several columns, others merged over both rows, below banners; cells are the places."""
    path = tmp_path / "G05.xlsx"
    with Workbook(path) as workbook:
        sheet = workbook.add_worksheet("Phụ lục 1")
        sheet.merge_range("A1:G2", "BÁO CÁO")
        for cells, text in (("A4:A5", "STT"), ("B4:B5", "Tên hệ thống"), ("C4:C5", "Cấp độ")):
            sheet.merge_range(cells, text)
        sheet.merge_range("D4:F4", "Phê duyệt cấp độ")
        sheet.write_row("D5", ["Tình trạng", "Số quyết định", "Ngày quyết định"])
        sheet.write("G5", "Tiến độ")
        sheet.write_row("A6", [f"({number})" for number in range(1, 8)])
        sheet.write_row("A7", [1, "Cổng", 3, "ĐÃ ĐƯỢC PHÊ DUYỆT", "12/QĐ"])
        sheet.write_datetime("F7", dt.datetime(2025, 3, 5), workbook.add_format({"num_format": "dd/mm/yyyy"}))  # noqa: DTZ001
        sheet.write_number("G7", 0.875, workbook.add_format({"num_format": "0.0%"}))
        sheet.write_formula("A8", "=A7+1", None, 2)
        sheet.write_formula("B8", '="Thư"', None, "Thư")
        sheet.write_row("C8", ["VII", "Đang dự thảo"])
    found = imported(tmp_path, path, partial=True)
    (system,) = found.systems
    assert (system.approval.number, system.approval.date) == ("12/QĐ", dt.date(2025, 3, 5))
    assert system.approval.status is ApprovalStatus.APPROVED
    assert system.plan.progress == Decimal("87.5")
    assert system.origin.at == "Phụ lục 1!B7"
    assert faults(found) == [("Phụ lục 1!C8", "level")]


def test_a_hidden_sheet_is_told_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "G05.xlsx"
    with Workbook(path) as workbook:
        for name, system in (("Hiện", "Cổng"), ("Ẩn", "Thư")):
            sheet = workbook.add_worksheet(name)
            sheet.write_row(0, 0, ["STT", "Tên hệ thống", "Cấp độ"])
            sheet.write_row(1, 0, ["1", system, "3"])
        sheet.hide()
    found = imported(tmp_path, path)
    assert [each.name for each in found.systems] == ["Cổng"]
    assert "hidden-sheet" in codes(found)


def test_an_annex_in_the_dossiers_words_says_where_systems_are(tmp_path: Path) -> None:
    """Domains, public addresses and ports, several rows for a system; the list of systems is not changed by it."""
    main = put(tmp_path, "G05.csv", "STT,Tên hệ thống,Cấp độ\n1,Cổng,3\n2,Thư,2\n")
    annex = put(
        tmp_path,
        "G05-phu-luc.csv",
        "STT,Tên hệ thống,Tên miền,Địa chỉ IP công khai,Cổng\n1,Cổng,Cong.Example.gov.vn,203.0.113.5,443; 8443\n"
        ',,api.example.gov.vn,,\n2,Thư,,203.0.113.9,"25/tcp, 53/udp"\n',
    )
    found = imported(tmp_path, main, annex)
    assert faults(found) == []
    portal, mail = sorted(found.systems, key=lambda each: each.name)
    assert (portal.level, mail.level) == (3, 2)
    assert portal.endpoints == (
        *("https://cong.example.gov.vn/", "https://cong.example.gov.vn:8443/", "host:203.0.113.5"),
        "https://api.example.gov.vn/",
    )
    assert [(each.name, [str(port) for port in each.ports]) for each in portal.hosts] == [
        ("cong.example.gov.vn", ["443/tcp", "8443/tcp"]),
        ("203.0.113.5", ["443/tcp", "8443/tcp"]),
        ("api.example.gov.vn", []),
    ]
    assert mail.endpoints == ("host:203.0.113.9",)
    assert [str(port) for port in mail.hosts[0].ports] == ["25/tcp", "53/udp"]
    assert "port-assumed" in codes(found)


@pytest.mark.parametrize(
    ("domain", "address", "port"),
    [("", "203.0.113.0/28", ""), ("không phải tên miền!", "", ""), ("a.vn", "", "99999"), ("", "203.0.113.1", "web")],
)
def test_a_wrong_address_is_refused_with_its_place(tmp_path: Path, domain: str, address: str, port: str) -> None:
    text = f"STT,Tên hệ thống,Cấp độ,Tên miền,IP công khai,Cổng\n1,Cổng,3,{domain},{address},{port}\n"
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert found.is_empty
    assert [code for _, code in faults(found)] == ["place"]


def test_own_tables_by_synonyms_and_by_a_map(tmp_path: Path) -> None:
    """English headings are known; others are named in a file."""
    text = "Code,Software,Owner,Level,Kind,Stage,Internal only\nHT1,Portal,Bộ Tài chính,3,service,operating,no\n"
    path = put(tmp_path, "G05.csv", text)
    own = load_map(put(tmp_path, "map.yaml", "name: [Software, Phần mềm]\n"), "systems")
    (system,) = imported(tmp_path, path, own=own).systems
    assert (system.key, system.name, system.kind) == ("G05/HT1", "Portal", SystemKind.SERVICE)
    assert (system.stage, system.internal_only) == (Stage.OPERATING, False)


def test_a_wrong_map_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"map.yaml:2:1: there is no field 'levl'.*did you mean"):
        load_map(put(tmp_path, "map.yaml", "name: Software\nlevl: Cấp\n"), "systems")


def test_totals_of_part_1_are_compared_with_the_rows(tmp_path: Path) -> None:
    """The number of systems and of approved ones; one is right and one is wrong."""
    text = (
        "- Tổng số hệ thống thông tin thuộc phạm vi quản lý: 2;\n"
        "- Tổng số hệ thống thông tin đã được phê duyệt cấp độ: 5;\n"
        "- Tổng số hệ thống thông tin đã phê duyệt cấp độ được kiểm tra định kỳ theo quy định: 0;\n"
    ) + FORM_08
    text += "1,Cổng,,,3,Đã được phê duyệt,,,,,,\n2,Thư,,,2,Đang dự thảo,,,,,,\n"
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    totals = [(each.at, each.text) for each in found.notes if each.code == "total"]
    assert totals == [("2:1", "the total is 5, but the rows are 1")]


@pytest.mark.parametrize(
    ("line", "total"),
    [
        ("Tổng số hệ thống thông tin đã được phê duyệt cấp độ", 1),
        ("Số lượng hệ thống thông tin được phê duyệt cấp độ", 1),
        ("Tổng số HTTT đã được phê duyệt cấp độ và được kiểm tra định kỳ", 0),
        ("Tổng số hệ thống thông tin đã được thẩm định hồ sơ đề xuất cấp độ", 1),
        ("Tổng số hệ thống thông tin đã được xác định cấp độ", 3),
        ("Tổng số hệ thống thông tin thuộc phạm vi quản lý", 3),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_totals_in_a_table_of_their_own(tmp_path: Path, line: str, total: int, form: Literal["NFC", "NFD"]) -> None:
    """The number stands in a cell beside; the words vary, and may be decomposed."""
    rows = (
        "STT,Tên hệ thống,Cấp độ,Tình trạng phê duyệt,Đã kiểm tra\n"
        "1,Cổng,3,Đã được phê duyệt,\n2,Thư,2,Đang dự thảo,\n3,Kho,1,Đã gửi thẩm định,\n"
    )
    for given in (total, total + 7):
        text = normalize(form, f"STT,Chỉ tiêu,Đơn vị tính,Số lượng\n1,{line},hệ thống,{given}\n\n{rows}")
        found = imported(tmp_path, put(tmp_path, "G05.csv", text))
        assert len(found.systems) == 3
        told = [(each.at, each.text) for each in found.notes if each.code == "total"]
        assert told == ([] if given == total else [("2:3", f"the total is {given}, but the rows are {total}")])


@pytest.mark.parametrize("total", [1, 2])
def test_a_dossier_being_drafted_counts_as_drawn_up_or_not(tmp_path: Path, total: int) -> None:
    text = (
        f"Tổng số hệ thống thông tin đã xây dựng hồ sơ đề xuất cấp độ: {total}\n"
        "STT,Tên hệ thống,Cấp độ,Tình trạng phê duyệt\n1,Cổng,3,Đang dự thảo\n2,Thư,2,Đã gửi thẩm định\n"
    )
    assert "total" not in codes(imported(tmp_path, put(tmp_path, "G05.csv", text)))


def test_what_is_missing_is_warned_of(tmp_path: Path) -> None:
    text = FORM_08 + "1,Cổng,,,3,Đã được phê duyệt,Số 12/QĐ,,,,,\n2,Thư,,,2,Đang dự thảo,,,,,,\n"
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert [(each.at.partition(":")[0], each.code) for each in notes(found, Severity.WARNING)] == [
        *[("2", "approval-unproven"), ("2", "no-regulation"), ("2", "no-plan-status")],
        *[("3", "no-expected-approval"), ("3", "no-plan-status")],
    ]


def test_a_missing_day_is_warned_of_only_where_one_is_due(tmp_path: Path) -> None:
    """Not of a state that is unknown, of a column that the list has not, or of a system out of use."""
    text = (
        "STT,Tên hệ thống,Giai đoạn,Tình trạng phê duyệt\n"
        "1,Cổng,Đang vận hành,\n2,Thư,Đã thanh lý,Đang dự thảo\n3,Kho,Đang vận hành,Đang dự thảo\n"
    )
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert [(each.at.partition(":")[0], each.code) for each in notes(found, Severity.WARNING)] == [
        ("2", "no-approval-status"),
        ("4", "no-expected-approval"),
    ]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("Cấp độ", "cao"),
        ("Tình trạng phê duyệt", "Chưa được phê duyệt"),
        ("Đã triển khai đầy đủ", "xong một nửa"),
        ("Dự kiến phê duyệt", "sắp tới"),
        ("Đã kiểm tra", "Hằng năm"),
        ("Quy chế", "đã có"),
        ("Tiến độ", "nhiều"),
        ("Loại hình", "lạ"),
    ],
)
def test_what_is_not_understood_is_refused_not_guessed(tmp_path: Path, column: str, cell: str) -> None:
    found = imported(tmp_path, put(tmp_path, "G05.csv", f"STT,Tên hệ thống,{column}\n1,Cổng,{cell}\n"))
    assert found.is_empty
    (fault,) = notes(found, Severity.FAULT)
    assert fault.at == "2:8"
    assert fault.advice


def test_with_accept_partial_the_good_rows_are_taken(tmp_path: Path) -> None:
    """Without it a list with a refused row changes nothing."""
    path = put(tmp_path, "G05.csv", "STT,Tên hệ thống,Cấp độ\n1,Cổng,3\n2,Thư,9\n")
    assert imported(tmp_path, path).is_empty
    found = imported(tmp_path, path, partial=True)
    assert [each.name for each in found.systems] == ["Cổng"]
    assert faults(found) == [("3:7", "level")]
    assert [(each.systems, each.refused) for each, _ in found.sources][1:] == [(1, 1)]
