"""The commands of the inventory from lists to statistics, declarations, dates and a plan."""

import csv
import io
import json
from pathlib import Path

import pytest

from inspector.declare import declaration
from inspector.registry.registry import installed
from tests.core.inventory.estate import AS_OF, Estate, expected, make_estate, write_lists
from tests.line.harness import RunResult, run_cli

DAY = AS_OF.isoformat()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> tuple[Estate, Path, RunResult]:
    """An estate, its folder, and what the import printed."""
    folder = tmp_path_factory.mktemp("estate")
    estate = make_estate(11, 4, 80)
    write_lists(estate, folder / "lists", 11)
    return estate, folder, importing(folder, folder / "lists")


def importing(folder: Path, *arguments: object, day: str = DAY) -> RunResult:
    own = ("--organisations", folder / "organisations.csv", "--as-of", day, "--inventory", folder / "inventory")
    return run_cli("inventory", "import", *map(str, (*arguments, *own)))


def command(folder: Path, *arguments: object) -> RunResult:
    return run_cli("inventory", *map(str, (*arguments, "--inventory", folder / "inventory")))


def test_statistics_of_imported_lists(work: tuple[Estate, Path, RunResult]) -> None:
    """``import`` and then ``stats --format csv`` gives the counts of the estate."""
    estate, folder, run = work
    assert run.code == 0, run.err
    assert "Systems in the inventory: 80" in run.out
    printed = command(folder, "stats", "--by", "organisation,level", "--format", "csv")
    assert printed.code == 0
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    got = {(row.pop("organisation"), row.pop("level")): {k: int(v) for k, v in row.items()} for row in rows}
    assert got == expected(estate)


def test_a_table_prints_both_numbers_of_a_share(work: tuple[Estate, Path, RunResult]) -> None:
    estate, folder, _ = work
    counts = expected(estate)["*", "all"]
    printed = command(folder, "stats", "--by", "level")
    assert f"{counts['approved']}/{counts['systems']} (" in printed.out


def test_a_declaration_for_each_owner_is_planned(work: tuple[Estate, Path, RunResult], tmp_path: Path) -> None:
    """What ``export`` writes loads as a declaration, has no system made up, and ``plan`` reads it."""
    estate, folder, _ = work
    run = command(folder, "export", tmp_path)
    assert run.code == 1
    declared = {}
    for path in tmp_path.glob("*.jsonl"):
        loaded, _ = declaration.load(path, installed().schemes)
        declared |= {(loaded.organisation.code, each.name): each for each in loaded.systems}
    wanted = {
        (each["org"], each["name"]): each
        for each in estate.systems
        if each["status"] and not (each["status"] == "approved" and not each["date"])
    }
    assert set(declared) == set(wanted)
    for key, system in declared.items():
        assert system.level == wanted[key]["level"]
        assert system.approval is not None
        assert system.approval.status == wanted[key]["status"]
        assert str(system.approval.date) == str(wanted[key]["date"])
    assert f"not declared: {len(estate.systems) - len(wanted)}" in run.out


def test_an_annexs_endpoint_is_in_the_plan(tmp_path: Path) -> None:
    """From a domain in a list to a plan that would scan it."""
    (tmp_path / "organisations.csv").write_text("code,name\nG05,Bộ Tài chính\n", encoding="utf-8")
    row = "1,Cổng,3,Đã được phê duyệt,Số 1/QĐ ngày 01/02/2025,127.0.0.1,8443\n"
    (tmp_path / "G05.csv").write_text(
        "STT,Tên hệ thống,Cấp độ,Tình trạng phê duyệt,Quyết định,IP công khai,Cổng\n" + row, encoding="utf-8"
    )
    assert importing(tmp_path, tmp_path / "G05.csv").code == 0
    assert command(tmp_path, "export", tmp_path / "out").code == 0
    planned = run_cli("plan", str(tmp_path / "out" / "G05.jsonl"), "--only", "ports")
    assert "no authorisation" in planned.err
    permit = tmp_path / "authorisation.yaml"
    permit.write_text(
        "id: a\nkind: owner-request\nbasis: x\ngranted_by: Bộ Tài chính\ndocument: {number: '1', date: 2026-01-01}\n"
        "emergency_contact: a@example.vn\ncovers: {blocks: [127.0.0.1], ports: [1-65535]}\n"
        "valid_from: 2026-01-01T00:00:00+07:00\nvalid_until: 2036-01-01T00:00:00+07:00\n",
        encoding="utf-8",
    )
    planned = run_cli("plan", str(tmp_path / "out" / "G05.jsonl"), "-a", str(permit), "--only", "ports")
    assert planned.code == 0, planned.err
    assert "127.0.0.1" in planned.out


def test_refused_lists_and_exit_codes(work: tuple[Estate, Path, RunResult], tmp_path: Path) -> None:
    """2 and nothing sealed where nothing is taken; 1 where other lists are; faults in JSON carry file and place."""
    _, folder, _ = work
    (tmp_path / "organisations.csv").write_bytes((folder / "organisations.csv").read_bytes())
    bad = tmp_path / "G01.csv"
    bad.write_text("STT,Tên hệ thống,Cấp độ\n1,Cổng,9\n", encoding="utf-8")
    run = importing(tmp_path, bad, "--format", "json")
    assert run.code == 2
    told = json.loads(run.out)
    assert told["snapshot"] is None
    (fault,) = [each for each in told["notes"] if each["severity"] == "fault"]
    assert (fault["file"], fault["at"], fault["code"]) == (str(bad), "2:8", "level")
    assert not (tmp_path / "inventory").exists()
    good = tmp_path / "G02.csv"
    good.write_text("STT,Tên hệ thống,Cấp độ\n1,Cổng,3\n", encoding="utf-8")
    run = importing(tmp_path, bad, good)
    assert run.code == 1
    assert f"{bad}:2:8: fault: “9” is not a security level; write a level from 1 to 5" in run.err
    assert command(tmp_path, "stats", "--format", "csv").out.splitlines()[1].startswith("*,all,1,")


def test_messages_are_in_vietnamese(tmp_path: Path) -> None:
    bad = tmp_path / "G01.csv"
    bad.write_text("STT,Tên hệ thống,Cấp độ\n1,Cổng,9\n", encoding="utf-8")
    run = run_cli(
        *("inventory", "import", str(bad), "--as-of", DAY, "--inventory", str(tmp_path / "i"), "--lang", "vi")
    )
    assert run.code == 2
    assert "lỗi: “9” không phải cấp độ; ghi cấp độ từ 1 đến 5" in run.err
    assert "Không có gì được nhập" in run.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("stats", "--by", "owner"), "there is no such dimension"),
        (("stats", "--format", "pdf"), "is not known"),
        (("stats", "--format", "xlsx"), "cannot be printed"),
        (("stats", "--as-of", "14/12/2026"), "not a date"),
        (("stats", "--snapshot", "ffff"), "there are 0 snapshots"),
        (("due", "--organisation", "X"), "there is no such organisation"),
    ],
)
def test_misuse_is_told(work: tuple[Estate, Path, RunResult], arguments: tuple[str, ...], says: str) -> None:
    run = command(work[1], *arguments)
    assert run.code == 2
    assert says in run.err


def test_dates_have_source_confidence_and_status(work: tuple[Estate, Path, RunResult]) -> None:
    """The directive is late for running systems without approval, unknown for those that do not say it."""
    estate, folder, _ = work
    told = json.loads(command(folder, "due", "--format", "json").out)
    approval = [each for each in told["items"] if each["deadline"] == "directive-09-approval"]
    states = {state: sum(1 for each in approval if each["state"] == state) for state in ("late", "unknown", "due")}
    counts = expected(estate)["*", "all"]
    no_status = sum(1 for each in estate.systems if not each["status"])
    assert states == {
        "late": counts["systems"] - counts["approved"] - counts["approved_unproven"] - no_status,
        "unknown": counts["approved_unproven"] + no_status,
        "due": 0,
    }
    assert {(each["status"], each["confidence"], each["day"]) for each in approval} == {("unclear", "M", "2024-09-30")}
    promised = [each for each in told["items"] if each["deadline"] == "promised-approval" and each["state"] == "late"]
    assert len(promised) == counts["late_approval"]
    reports = {each["day"] for each in told["items"] if each["deadline"].startswith("yearly-report")}
    assert reports == {"2026-12-19", "2026-12-24"}
    printed = command(folder, "due", "--lang", "vi").out
    assert "Thời hạn đã cam kết" in printed


def test_the_schema_accepts_the_lines_of_a_snapshot(work: tuple[Estate, Path, RunResult]) -> None:
    import jsonschema
    import zstandard

    schema = json.loads(run_cli("schema", "inventory").out)
    (folder,) = (work[1] / "inventory").glob("0001-*")
    for name in ("organisations", "systems", "sources", "notes"):
        data = zstandard.ZstdDecompressor().decompress((folder / f"{name}.jsonl.zst").read_bytes())
        for line in data.splitlines()[:5]:
            jsonschema.validate(json.loads(line), schema)
