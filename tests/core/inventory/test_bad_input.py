"""Lists that cannot be read are refused with their place and what to do; nothing of them is taken."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from xlsxwriter import Workbook

from inspector.inventory import tables, workbook
from inspector.inventory.imports import ImportRequest, import_lists
from inspector.inventory.notes import Severity
from tests.core.inventory.kit import AS_OF, codes, faults, imported, notes, put

HEAD = "STT,Tên hệ thống,Cấp độ đề xuất,Tình trạng phê duyệt\n"


def refused(folder: Path, path: Path) -> tuple[str, str, str]:
    """Place, text and remedy of the one fault of a list of which nothing was taken."""
    found = imported(folder, path, organisation="G05")
    assert found.is_empty
    assert found.systems == ()
    (fault,) = notes(found, Severity.FAULT)
    assert fault.file == str(path)
    assert fault.advice
    return fault.at, fault.text, fault.advice


def test_tcvn3_is_named(tmp_path: Path) -> None:
    """Bytes of the fonts before Unicode: the place, and how to convert them."""
    path = tmp_path / "G05.csv"
    path.write_bytes(
        b"STT,T\xaan h\xd6 th\xe8ng,C\xcep \xae\xe9\n1,Qu\xb6n l\xfd v\xa8n b\xb6n v\xb5 \xaei\xd2u h\xb5nh,3\n"
    )
    at, text, advice = refused(tmp_path, path)
    assert at == "1:6"
    assert "TCVN3" in text
    assert "Unicode" in advice


def test_tcvn3_in_a_workbook_is_named(tmp_path: Path) -> None:
    path = tmp_path / "G05.xlsx"
    with Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["STT", "Tªn hÖ thèng", "CÊp ®é", "T×nh tr¹ng phª duyÖt"])
        sheet.write_row(1, 0, ["1", "Qu¶n lý v¨n b¶n vµ ®iÒu hµnh", "3", "§ang dù th¶o"])
    assert "TCVN3" in refused(tmp_path, path)[1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("\ufeff\r\n ,,, \r\n", "the file is empty"),
        (HEAD, "there are no systems below the headings"),
        (HEAD + ",Tổng cộng,,\n", "there are no systems below the headings"),
        ("1,Cổng thông tin,3,Đang dự thảo\n2,Thư điện tử,2,Đã thẩm định\n", "no row of headings was found"),
        ("xin chào", "no row of headings was found"),
    ],
)
def test_a_list_without_systems_changes_nothing(tmp_path: Path, content: str, says: str) -> None:
    assert refused(tmp_path, put(tmp_path, "G05.csv", content))[1] == says


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "this is no list, but a picture (PNG)"),
        (b"%PDF-1.7", "this is no list, but a PDF file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "old format (.xls)"),
        (b"a,b,c\n1,2,3\n", "this is no XLSX file"),
        (b"PK\x03\x04" + bytes(60), "damaged or cut off"),
    ],
)
def test_another_file_named_xlsx_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "G05.xlsx"
    path.write_bytes(content)
    assert says in refused(tmp_path, path)[1]


def workbook_of(rows: list[list[str]]) -> bytes:
    file = io.BytesIO()
    with Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as workbook:
        sheet = workbook.add_worksheet("Danh sách")
        for index, row in enumerate(rows):
            sheet.write_row(index, 0, row)
    return file.getvalue()


GOOD = workbook_of([["STT", "Tên hệ thống", "Cấp độ"], ["1", "Cổng thông tin", "3"]])


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_workbook_is_told(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "G05.xlsx"
    path.write_bytes(GOOD[: int(len(GOOD) * kept)])
    assert "damaged or cut off" in refused(tmp_path, path)[1]


def test_flipped_bytes_never_end_in_a_traceback(tmp_path: Path) -> None:
    """Each byte of a workbook flipped: it is read, or refused with a fault."""
    path = tmp_path / "G05.xlsx"
    for position in range(0, len(GOOD), 23):
        path.write_bytes(GOOD[:position] + bytes([GOOD[position] ^ 0x55]) + GOOD[position + 1 :])
        found = imported(tmp_path, path, organisation="G05")
        assert found.taken or faults(found)


def repacked(replaced: dict[str, bytes]) -> bytes:
    """The good workbook with other content of some parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, replaced.get(name, old.read(name)))
        for name in set(replaced) - set(old.namelist()):
            new.writestr(name, replaced[name])
    return file.getvalue()


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than the limit is refused, also when its directory gives a smaller size."""
    monkeypatch.setattr(tables, "UNPACKED_BYTES", 1_000_000)
    data = repacked({"xl/media/image1.png": bytes(5_000_000)})
    assert len(data) < 100_000
    path = tmp_path / "G05.xlsx"
    path.write_bytes(data)
    assert "unpacks to more than" in refused(tmp_path, path)[1]
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"xl/media/image1.png"))
    path.write_bytes(data[: at + 24] + struct.pack("<L", 10) + data[at + 28 :])
    assert "damaged or cut off" in refused(tmp_path, path)[1]


@pytest.mark.parametrize("cell", ['<c r="XFD1048576"><v>1</v></c>', "<c\n s='0' r='ZZ9' ><v>1</v></c>"])
def test_a_cell_far_away_takes_no_memory(tmp_path: Path, cell: str) -> None:
    """A sheet whose last cell is far away would be a table of billions of cells."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    far = sheet.replace("</sheetData>", f"<row>{cell}</row></sheetData>").encode()
    path = tmp_path / "G05.xlsx"
    path.write_bytes(repacked({"xl/worksheets/sheet1.xml": far}))
    assert "more than 500 columns" in refused(tmp_path, path)[1]


def far_sheet(cells: str) -> bytes:
    """The good sheet with further rows."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        return archive.read("xl/worksheets/sheet1.xml").replace(b"</sheetData>", cells.encode() + b"</sheetData>")


def shared_text(size: int) -> bytes:
    """The texts of the workbook, with one of this size as number 6."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        texts = archive.read("xl/sharedStrings.xml")
    return texts.replace(b"</sst>", b"<si><t>" + b"A" * size + b"</t></si></sst>")


def sharing(count: int) -> bytes:
    """The good sheet with so many cells that hold text number 6."""
    rows = (f'<row r="{row}"><c r="A{row}" t="s"><v>6</v></c></row>' for row in range(3, 3 + count))
    return far_sheet("".join(rows))


def other_part(name: str) -> bytes:
    """The relations of the workbook, with the sheet in a part of this name."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        return archive.read("xl/_rels/workbook.xml.rels").replace(b"worksheets/sheet1.xml", name.encode())


#: Cells that are far away, or texts that are long, where a look at the file does not tell it.
FAR = '<row><c r="XFD1048576"><v>1</v></c></row>'
GREEDY = {
    "a sheet in another part": {"xl/other.bin": far_sheet(FAR), "xl/_rels/workbook.xml.rels": other_part("other.bin")},
    "cells without references": {
        "xl/worksheets/sheet1.xml": far_sheet(
            f'<row r="3">{"<c><v>1</v></c>" * 500}</row><row r="1048570"><c><v>1</v></c></row>'
        )
    },
    "an attribute with a bracket": {"xl/worksheets/sheet1.xml": far_sheet(FAR.replace("<c ", '<c x="a>b" '))},
    "texts before the value": {"xl/worksheets/sheet1.xml": far_sheet(FAR.replace("<v>", "x<v>"))},
    "a text that is shared": {
        "xl/sharedStrings.xml": shared_text(8_000_000),
        "xl/worksheets/sheet1.xml": sharing(500),
    },
    "a count that is not true": {
        "xl/sharedStrings.xml": b'<sst count="4000000000" uniqueCount="4000000000"><si><t>A</t></si></sst>'
    },
}


@pytest.mark.parametrize("parts", GREEDY.values(), ids=list(GREEDY))
def test_a_workbook_that_needs_more_memory_than_there_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: dict[str, bytes]
) -> None:
    """The reader ends its process there, which is not that of the command; whatever a look at the file tells before."""
    monkeypatch.setattr(tables, "_check_zip", lambda _data: None)
    monkeypatch.setattr(workbook, "MEMORY_BYTES", 400 << 20)
    path = tmp_path / "G05.xlsx"
    path.write_bytes(repacked(parts))
    assert refused(tmp_path, path)[1].startswith("it cannot be read with 400 MiB")


def test_thousands_of_sheets_are_refused(tmp_path: Path) -> None:
    """Each may be the same part, and be read again."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        book = archive.read("xl/workbook.xml").decode()
    more = "".join(f'<sheet name="s{number}" sheetId="{number}" r:id="rId1"/>' for number in range(5, 300))
    path = tmp_path / "G05.xlsx"
    path.write_bytes(repacked({"xl/workbook.xml": book.replace("</sheets>", f"{more}</sheets>").encode()}))
    assert "more than 200 sheets" in refused(tmp_path, path)[1]


def test_a_long_text_that_many_cells_share_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "G05.xlsx"
    path.write_bytes(repacked({"xl/sharedStrings.xml": shared_text(32_000), "xl/worksheets/sheet1.xml": sharing(2000)}))
    assert "hold more than 48,000,000 bytes" in refused(tmp_path, path)[1]


def test_an_empty_cell_far_away_does_no_harm(tmp_path: Path) -> None:
    """A cell that only has a format, as spreadsheets leave them behind."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    far = sheet.replace("</sheetData>", '<row r="900000"><c r="XFD900000" s="0"/></row></sheetData>').encode()
    path = tmp_path / "G05.xlsx"
    path.write_bytes(repacked({"xl/worksheets/sheet1.xml": far}))
    assert len(imported(tmp_path, path, organisation="G05").systems) == 1


def with_sheet(path: Path, rows: str, behind: str = "") -> Path:
    """A good list with these rows, and what stands behind them, in the XML of its sheet."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    changed = sheet.replace("</sheetData>", f"{rows}</sheetData>{behind}").encode()
    path.write_bytes(repacked({"xl/worksheets/sheet1.xml": changed}))
    return path


@pytest.mark.parametrize(
    ("rows", "at"),
    [
        ('<row r="5"><c r="XFD5"><v>1</v></c></row>', "!XFD5"),
        ('<row r="5">' + "<c><v>1</v></c>" * 501 + "</row>", "!SG5"),
        ('<row r="1048576"><c><v>1</v></c></row>', "!1048576:1048576"),
    ],
)
def test_a_sheet_that_is_too_large_is_told_where(tmp_path: Path, rows: str, at: str) -> None:
    """Also where its cells have no reference, which would be a table of billions of cells."""
    assert refused(tmp_path, with_sheet(tmp_path / "G05.xlsx", rows))[0].endswith(at)


def test_open_tags_of_cells_take_no_time(tmp_path: Path) -> None:
    """The cells are counted in time that grows with the sheet; a square of it would be hours here."""
    assert "damaged" in refused(tmp_path, with_sheet(tmp_path / "G05.xlsx", "<c " * 2_000_000))[1]


def test_merged_ranges_that_overlap_are_filled_once(tmp_path: Path) -> None:
    """Thousands of ranges over a million rows each; the name above holds for the rows that there are."""
    ranges = '<mergeCell ref="B2:B1048576"/>' * 20_000
    rows = '<row r="3"><c r="A3"><v>2</v></c><c r="C3"><v>2</v></c></row>'
    path = with_sheet(tmp_path / "G05.xlsx", rows, f"<mergeCells>{ranges}</mergeCells>")
    assert {code for _, code in faults(imported(tmp_path, path))} <= {"unequal-rows"}


def test_one_text_in_many_cells_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared string may stand in each cell of a sheet: what they come to is counted before it is made."""
    monkeypatch.setattr(tables, "UNPACKED_BYTES", 1_000_000)
    path = tmp_path / "G05.xlsx"
    with Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["STT", "Tên hệ thống", "Cấp độ"])
        for row in range(1, 100):
            sheet.write_row(row, 0, [row, "A" * 20_000, 3])
    assert "more than 1,000,000 bytes" in refused(tmp_path, path)[1]


@pytest.mark.parametrize(("text", "limit", "at"), [("a\n" * 50, "ROWS", "41:1"), (",,,,\n" * 9, "CELLS", "9:1")])
def test_rows_and_cells_of_csv_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, limit: str, at: str
) -> None:
    monkeypatch.setattr(tables, limit, 40)
    path = put(tmp_path, "G05.csv", f"{HEAD}{text}")
    assert refused(tmp_path, path)[0] == at


def test_twenty_thousand_columns_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "G05.csv", HEAD.strip() + "," * 20_000 + "\n1,Cổng,3,Đang dự thảo\n")
    at, text, _ = refused(tmp_path, path)
    assert "more than 500 columns" in text
    assert at.startswith("1:")


def test_an_unclosed_quote_is_told_where_it_is_opened(tmp_path: Path) -> None:
    """Three megabytes behind it change neither the place nor the time much."""
    rows = "".join(f"{number},Hệ thống {number},3,Đang dự thảo\n" for number in range(100_000))
    path = put(tmp_path, "G05.csv", f'{HEAD}1,"Cổng thông tin,3,Đang dự thảo\n{rows}')
    assert path.stat().st_size > 3_000_000
    at, text, _ = refused(tmp_path, path)
    assert at == "2:3"
    assert "never closed" in text


def test_text_behind_a_closed_quote_is_refused(tmp_path: Path) -> None:
    """A quotation mark that was left open ends at the next one, lines below: the systems between would be lost."""
    path = put(tmp_path, "G05.csv", HEAD + '1,"Cổng,3,\n2,Thư,2,\n3,"Kho",1,\n')
    at, text, _ = refused(tmp_path, path)
    assert at == "4:4"
    assert "opened at 2:3" in text


def test_a_tree_with_a_cycle_is_refused(tmp_path: Path) -> None:
    """Parents and successors form no cycle; its members are named at the cell."""
    organisations = "code,name,parent,successor\nA,Một,B,\nB,Hai,C,\nC,Ba,A,\nD,Bốn,,E\nE,Năm,,D\nF,Sáu,F,\n"
    found = imported(tmp_path, put(tmp_path, "A.csv", HEAD + "1,Cổng,3,\n"), organisations=organisations)
    assert found.is_empty
    assert [(each.at, each.text.partition(": ")[2]) for each in notes(found, Severity.FAULT)] == [
        ("2:7", "A → B → C → A"),
        ("7:7", "F → F"),
        ("5:8", "D → E → D"),
    ]


@pytest.mark.parametrize(
    ("row", "at", "code"),
    [
        ("A,Hai,,\n", "3:1", "code-twice"),
        ("B,,,\n", "3:1", "incomplete"),
        ("B,Hai,X,\n", "3:7", "parent"),
        ("B,Hai,,X\n", "3:8", "successor"),
        ("a/b,Hai,,\n", "3:1", "code"),
    ],
)
def test_a_wrong_organisation_is_refused_with_its_place(tmp_path: Path, row: str, at: str, code: str) -> None:
    organisations = f"code,name,parent,successor\nA,Một,,\n{row}"
    found = imported(tmp_path, put(tmp_path, "A.csv", HEAD + "1,Cổng,3,\n"), organisations=organisations)
    assert found.is_empty
    assert faults(found) == [(at, code)]


def test_a_code_given_twice_refuses_both_rows(tmp_path: Path) -> None:
    text = "STT,Mã hệ thống,Tên hệ thống,Cấp độ\n1,HT1,Cổng,3\n2,HT1,Thư,2\n3,HT2,Kho,1\n"
    found = imported(tmp_path, put(tmp_path, "G05.csv", text))
    assert found.is_empty
    assert faults(found) == [("2:7", "unequal-rows"), ("3:7", "unequal-rows")]


def test_a_formula_as_a_name_is_kept_as_text(tmp_path: Path) -> None:
    """It is told, and no export begins a cell with it."""
    found = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,\"=cmd|' /C calc'!A0\",3,Đang dự thảo\n"))
    assert [each.name for each in found.systems] == ["=cmd|' /C calc'!A0"]
    assert "formula" in codes(found)


def test_control_characters_are_refused(tmp_path: Path) -> None:
    found = imported(tmp_path, put(tmp_path, "G05.csv", HEAD + "1,Cổng\x07 thông tin,3,\n"))
    assert faults(found) == [("2:3", "name")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_separators_are_recognised(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = "Danh sách\nSTT,Tên hệ thống,Cấp độ\n1,Cổng thông tin điện tử,3\n".replace(",", delimiter)
    found = imported(tmp_path, put(tmp_path, "G05.csv", text, encoding))
    assert [(each.name, each.level) for each in found.systems] == [("Cổng thông tin điện tử", 3)]


def test_cut_utf_16_is_told(tmp_path: Path) -> None:
    path = tmp_path / "G05.csv"
    path.write_bytes((HEAD + "1,Cổng,3,\n").encode("utf-16")[:-1])
    assert "not UTF-16" in refused(tmp_path, path)[1]


def test_a_bomb_of_one_deflate_stream_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sheet itself may be the bomb."""
    monkeypatch.setattr(tables, "UNPACKED_BYTES", 1_000_000)
    assert len(zlib.compress(b" " * 3_000_000)) < 10_000
    path = tmp_path / "G05.xlsx"
    path.write_bytes(repacked({"xl/worksheets/sheet1.xml": b"<worksheet>" + b" " * 3_000_000}))
    assert "unpacks to more than" in refused(tmp_path, path)[1]


@pytest.mark.parametrize("row", ["1,Cổng, thông tin,3,Đang dự thảo", "1,Cổng,3,Đang dự thảo,x"])
def test_a_row_of_more_cells_than_headings_is_refused(tmp_path: Path, row: str) -> None:
    """A name with the separator in it moves what stands to its right; cells that are empty do no harm."""
    found = imported(tmp_path, put(tmp_path, "G05.csv", f"{HEAD}{row}\n"))
    assert (f"2:{row.rindex(',') + 2}", "too-many-cells") in faults(found)
    assert found.systems == ()
    assert not faults(imported(tmp_path, put(tmp_path, "G05.csv", f"{HEAD}1,Cổng,3,Đang dự thảo,,\n")))


def test_links_in_a_circle_are_no_list(tmp_path: Path) -> None:
    """Named with its path, as a list and as the list of organisations."""
    circle = tmp_path / "G05.csv"
    circle.symlink_to(circle)
    assert refused(tmp_path, circle)[1]
    request = ImportRequest(files=(), organisations=circle, as_of=AS_OF)
    [fault] = notes(import_lists(request, None, dict), Severity.FAULT)
    assert fault.file == str(circle)
