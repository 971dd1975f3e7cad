"""Estates with known totals: systems made at random, written as lists in the ways people write, counted by SQL.

Nothing here uses the code under test: values are written out by hand, and the expected counts come from SQLite.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook

AS_OF = dt.date(2026, 12, 14)
STATUS = {
    "drafting": "Đang dự thảo",
    "submitted": "Đã gửi thẩm định",
    "appraised": "Đã thẩm định",
    "approved": "Đã được phê duyệt",
}
PLAN = {"none": "Chưa triển khai", "part": "Đã triển khai một số hạng mục", "full": "Đã triển khai đầy đủ"}
HEADINGS = (
    *("STT", "Tên HTTT", "Chủ quản HTTT", "Đơn vị vận hành HTTT", "Cấp độ đề xuất", "Tình trạng phê duyệt cấp độ"),
    *("Quyết định phê duyệt cấp độ", "Quy chế bảo đảm ANM cho hệ thống", "Dự kiến thời điểm phê duyệt HSĐXCĐ"),
    *("Đã triển khai đầy đủ PA BĐANM", "Dự kiến thời điểm triển khai đầy đủ PA BĐANM", "Đã kiểm tra, đánh giá ANM"),
)
LEVELS = {
    1: ("1", "Cấp độ 1", "I", "1,0"),
    2: ("2", "cấp độ 2", "II", "2.0"),
    3: ("3", "Cấp độ 3", "III", "3,0", "CẤP ĐỘ 3"),
    4: ("4", "Cấp 4", "IV"),
    5: ("5", "Cấp độ 5", "V"),
}


@dataclass
class Estate:
    """Organisations as (code, name, kind, parent) and systems as rows of the table ``s``."""

    organisations: list[tuple[str, str, str, str]]
    systems: list[dict[str, Any]] = field(default_factory=list)


def make_estate(seed: int, organisations: int, systems: int) -> Estate:
    """An estate of so many ministries and provinces, and so many systems in all."""
    rng = random.Random(seed)
    found = Estate(
        [
            (f"G{n:02}", f"Bộ số {n}", "ministry", "")
            if n % 3
            else (f"H{n:02}", f"Ủy ban nhân dân tỉnh {n}", "province", "")
            for n in range(1, organisations + 1)
        ]
    )
    for number in range(systems):
        code = rng.choice(found.organisations)[0]
        status = rng.choice([*STATUS, "approved", "approved", ""])
        plan = rng.choice([*PLAN, ""])
        found.systems.append(
            {
                "org": code,
                "name": f"Hệ thống thông tin {number} của {code}",
                "level": rng.choice((1, 1, 1, 2, 2, 2, 3, 3, 4, 5)),
                "status": status,
                "number": f"{rng.randint(1, 999)}/QĐ-{code}" if status == "approved" and rng.random() < 0.9 else None,
                "date": str(dt.date(2024, 1, 1) + dt.timedelta(rng.randrange(900)))
                if status == "approved" and rng.random() < 0.9
                else None,
                "expected": _promised(rng) if status not in ("approved", "") and rng.random() < 0.8 else None,
                "plan": plan,
                "plan_expected": _promised(rng) if plan != "full" and rng.random() < 0.7 else None,
                "before": rng.random() < 0.5,
                "periodic": rng.random() < 0.4,
            }
        )
    return found


def _promised(rng: random.Random) -> tuple[str, str]:
    """A promised day as it is written, and as ISO 8601 says it."""
    return rng.choice(
        [
            ("14/12/2026", "2026-12-14"),
            ("13/12/2026", "2026-12-13"),
            ("Quý II/2027", "2027-06-30"),
            ("quý 3 năm 2026", "2026-09-30"),
            ("T6/2026", "2026-06-30"),
            ("Tháng 2/2028", "2028-02-29"),
            ("2025", "2025-12-31"),
            ("2026", "2026-12-31"),
        ]
    )


def cells(rng: random.Random, estate: Estate, number: int, system: dict[str, Any]) -> list[str]:
    """The twelve cells of Form 08, written in one of the ways that people write."""
    name = next(each[1] for each in estate.organisations if each[0] == system["org"])
    decision = ""
    if system["status"] == "approved":
        day = dt.date.fromisoformat(system["date"]).strftime("%d/%m/%Y") if system["date"] else ""
        parts = [f"Số {system['number']}" if system["number"] else "", f"ngày {day}" if day else "", f"của {name}"]
        decision = " ".join(each for each in parts if each) if system["number"] or day else ""
    inspected = [
        *(["Trước khi đưa vào sử dụng"] if system["before"] else []),
        *(["Định kỳ"] if system["periodic"] else []),
    ]
    return [
        str(number),
        _messy(rng, system["name"]),
        _messy(rng, name),
        f"Trung tâm CNTT {system['org']}",
        rng.choice(LEVELS[system["level"]]),
        _cased(rng, STATUS.get(system["status"], "")),
        decision,
        rng.choice(("", f"Số 7/QĐ-{system['org']} ngày 02/01/2024")),
        system["expected"][0] if system["expected"] else "",
        _cased(rng, PLAN.get(system["plan"], "")),
        system["plan_expected"][0] if system["plan_expected"] else "",
        rng.choice(("; ", " và ", "\n", ", ")).join(inspected),
    ]


def _messy(rng: random.Random, text: str) -> str:
    return rng.choice((text, f" {text} ", text.replace(" ", "  ", 1), text.replace(" ", "\u00a0", 1), f"\u200b{text}"))


def _cased(rng: random.Random, text: str) -> str:
    return rng.choice((text, text.upper(), text.lower()))


def write_lists(estate: Estate, folder: Path, seed: int = 0) -> None:
    """One list for each organisation, each in another format; organisations.csv beside the folder."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "organisations.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "name", "kind", "parent"])
        writer.writerows(estate.organisations)
    for index, (code, *_) in enumerate(estate.organisations):
        systems = [each for each in estate.systems if each["org"] == code]
        if not systems:
            continue
        rows = [cells(rng, estate, number, each) for number, each in enumerate(systems, 1)]
        if index % 3 == 0:
            write_xlsx(folder / f"{code}.xlsx", rows)
        else:
            delimiter = ",;\t"[index % 3 if index % 2 else 1]
            encoding = ("utf-8", "utf-8-sig", "utf-16")[index % 3]
            (folder / f"{code}.csv").write_bytes(csv_text(rows, delimiter).encode(encoding))


def csv_text(rows: list[list[str]], delimiter: str = ",") -> str:
    """A list below a banner, with the row (1) to (12), a group row, a total and a signature."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"])
    writer.writerow([])
    writer.writerow(HEADINGS)
    writer.writerow([f"({n})" for n in range(1, 13)])
    writer.writerow(["I", "Hệ thống của đơn vị", *[""] * 10])
    writer.writerows(rows)
    writer.writerow(["", "Tổng cộng", str(len(rows)), *[""] * 9])
    writer.writerow(["Người lập biểu", "", "", "", "", "", "", "", "Thủ trưởng đơn vị"])
    return text.getvalue()


def write_xlsx(path: Path, rows: list[list[str]]) -> None:
    """A list as a workbook: merged headings over two rows, days as dates, levels as numbers or computed."""
    with Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as workbook:
        day = workbook.add_format({"num_format": "dd/mm/yyyy"})
        workbook.add_worksheet("Bìa").write("A1", "BÁO CÁO")
        sheet = workbook.add_worksheet("Danh mục HTTT")
        sheet.merge_range("A1:L1", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
        sheet.write("A2", f"- Tổng số hệ thống thông tin thuộc phạm vi quản lý: {len(rows)};")
        for column in (0, 1, 2, 3, 4, 11):
            sheet.merge_range(3, column, 4, column, HEADINGS[column])
        sheet.merge_range("F4:I4", "Phê duyệt cấp độ")
        sheet.merge_range("J4:K4", "Phương án BĐANM")
        for column in range(5, 11):
            sheet.write(4, column, HEADINGS[column])
        for column in range(12):
            sheet.write(5, column, f"({column + 1})")
        for index, row in enumerate(rows, start=6):
            for column, cell in enumerate(row):
                if column == 0 or (column == 4 and cell.isdigit()):
                    if index % 2:
                        sheet.write_formula(index, column, f"={cell}+0", None, int(cell))
                    else:
                        sheet.write_number(index, column, int(cell))
                elif column in (8, 10) and cell.count("/") == 2:
                    sheet.write_datetime(index, column, _midnight(cell), day)
                else:
                    sheet.write_string(index, column, cell)
        end = len(rows) + 6
        sheet.merge_range(end, 0, end, 3, "Tổng cộng")
        sheet.write_formula(end, 4, f"=COUNTA(B7:B{end})", None, len(rows))
        sheet.merge_range(end + 2, 8, end + 2, 11, "Hà Nội, ngày 14 tháng 12 năm 2026")


def _midnight(day: str) -> dt.datetime:
    return dt.datetime(*(int(each) for each in reversed(day.split("/"))))  # noqa: DTZ001  (cells have no zone)


def expected(estate: Estate, as_of: dt.date = AS_OF) -> dict[tuple[str, str], dict[str, int]]:
    """The counts by (organisation, level), computed by SQLite from what the estate is, not from its lists."""
    with closing(sqlite3.connect(":memory:")) as base:
        base.row_factory = sqlite3.Row
        base.execute(
            "create table s(org, name, level, status, number, date, expected, plan, plan_expected, before, periodic)"
        )
        base.executemany(
            "insert into s values"
            "(:org,:name,:level,:status,:number,:date,:expected,:plan,:plan_expected,:before,:periodic)",
            [
                {
                    **each,
                    "expected": each["expected"] and each["expected"][1],
                    "plan_expected": each["plan_expected"] and each["plan_expected"][1],
                }
                for each in estate.systems
            ],
        )
        proven = "status='approved' and number is not null and date is not null"
        sums = {
            "systems": "1",
            "dossier": "status in ('submitted','appraised','approved')",
            "appraised": "status in ('appraised','approved')",
            "approved": proven,
            "approved_unproven": "status='approved' and (number is null or date is null)",
            "plan_full": "plan='full'",
            "plan_partial": "plan='part'",
            "plan_not_started": "plan='none'",
            "plan_unknown": "plan=''",
            "inspected_before_use": "before",
            "inspected_periodic": f"periodic and {proven}",
            "late_approval": "status not in ('approved','') and expected < :day",
            "late_plan": "plan in ('none','part') and plan_expected < :day",
        }
        columns = ", ".join(f"coalesce(sum(({test})),0) as {name}" for name, test in sums.items())
        found = {}
        for code in ("*", *sorted({each["org"] for each in estate.systems})):
            for level in ("all", "1", "2", "3", "4", "5"):
                row = base.execute(
                    f"select {columns} from s where (:org='*' or org=:org) and (:level='all' or level=:level+0)",
                    {"org": code, "level": level, "day": as_of.isoformat()},
                ).fetchone()
                found[code, level] = dict(row)
    return found
