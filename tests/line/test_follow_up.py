"""What an organisation was told to mend: recorded, claimed, and mended only when an inspection has seen it."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inspector.cli.follow_up import FollowUpAction
from inspector.follow_up.records import FOLDER
from tests.line.harness import Line, RunResult, document, free_port, run_cli, serving, system
from tests.line.test_difference import BAD, GOOD, ONLY
from tests.line.test_store import MERGED, SYSTEMS, everything, exported, list_systems, rebuilt

EN = ("--lang", "en")
INSPECTOR = "Nguyễn Văn Thanh tra"
SETTINGS: dict[str, Any] = {"inspectors": [INSPECTOR], "contact": "thanhtra@example.vn"}
KEY = "T-1/portal"
#: What makes a mandatory requirement fail, without a packet: the facts call for level 4.
FACTS = dict.fromkeys(("state_body", "shared_infrastructure", "nationwide", "always_on"), True)
TODAY = datetime.now(UTC).astimezone().date()
DUE = TODAY + timedelta(days=30)
RESPONSIBLE = ("--responsible", "Trần Thị Quản trị", "--email", "quantri@example.vn")


class Told(NamedTuple):
    """An archive of four inspections, with what was recorded between them, and the store that took all in its turn."""

    line: Line
    output: Path
    page: str
    gone: str
    lists: dict[str, list[dict[str, Any]]]

    def call(self, *arguments: object, **more: Any) -> RunResult:
        return followed(self.line, self.output, *arguments, **more)


def followed(line: Line, output: Path, *arguments: object, **more: Any) -> RunResult:
    return line.call("followup", *arguments, *EN, output=output, **(SETTINGS | more))


def listed(line: Line, output: Path, *options: object) -> list[dict[str, Any]]:
    said = followed(line, output, "list", "--format", "json", *options)
    rows: list[dict[str, Any]] = json.loads(said.out)
    return rows


@pytest.fixture(scope="module")
def told(line: Line) -> Told:
    """Both pages fail; then one is mended, the other not declared any more; it comes back, and still fails."""
    ports = (free_port(), free_port())
    page, gone = (f"http://127.0.0.1:{port}/" for port in ports)
    output = line.new_output()
    both = line.declare(system(page, gone, facts=FACTS), name="both.yaml")
    less = line.declare(system(page), name="fewer.yaml")

    def inspected(declared: Path, *orders: dict[str, Any]) -> None:
        with serving(*orders):
            line.call("run", declared, *ONLY, output=output)
        assert line.call("store", "ingest", output=output).code == 0

    bad = [{"name": str(port), "mode": "page", "port": port, "headers": BAD} for port in ports]
    good = {"name": "page", "mode": "page", "port": ports[0], "headers": GOOD}
    lists: dict[str, list[dict[str, Any]]] = {}
    inspected(both, *bad)
    by = ("--by", INSPECTOR, "--document", "12/KL-TTr ngày 01/12/2026")
    ids = [each["id"] for each in exported(line, "findings", output / "store.sqlite3") if each["subject"] != "system:"]
    for more in ((), ids):
        said = followed(line, output, "demand", KEY, *more, "--due", DUE, *RESPONSIBLE, *by)
        assert said.code == 0, said.err
    lists["demanded"] = listed(line, output)
    said = followed(line, output, "claim", KEY, "--by", "Trần Thị Quản trị", "--document", "7/BC-VP")
    assert said.code == 0, said.err
    lists["claimed"] = listed(line, output)
    inspected(less, good)
    lists["inspected"] = listed(line, output)
    said = followed(line, output, "agree", KEY, *by)
    assert said.code == 0, said.err
    lists["agreed"] = listed(line, output)
    inspected(both, *bad)
    lists["back"] = listed(line, output)
    inspected(less, good)
    return Told(line, output, page, gone, lists)


def states(rows: list[dict[str, Any]], subject: str) -> dict[str, str]:
    return {each["requirement"]: each["state"] for each in rows if each["subject"] == subject}


def test_a_claim_is_no_mending(told: Told) -> None:
    """What was demanded is open, then claimed; an inspection since then decides, and nothing else."""
    for name, state in (("demanded", "open"), ("claimed", "claimed")):
        assert {each["state"] for each in told.lists[name]} == {state}
    assert states(told.lists["demanded"], "system:")["level-fits-facts"] == "open"
    after = states(told.lists["inspected"], told.page)
    assert after["content-type-nosniff"] == "mended"
    assert after["framing-restricted"] == "not-mended"
    assert set(states(told.lists["inspected"], told.gone).values()) == {"claimed"}
    one = told.lists["claimed"][0]
    assert (one["claimed_by"], one["responsible"], one["due"]) == ("Trần Thị Quản trị", "Trần Thị Quản trị", str(DUE))


def test_the_follow_up_goes_on_under_the_present_key(told: Told, tmp_path: Path) -> None:
    """Where the organisation was merged, demands and consents are those of its successor's system; rebuilt, too."""
    place = Path(shutil.copytree(told.output, tmp_path / "out"))
    store = place / "store.sqlite3"
    assert rebuilt(told.line, place, store).code == 0
    before = listed(told.line, place)
    list_systems(told.line, place, "2030-01-01", MERGED, SYSTEMS.replace("portal,Cổng", "portal,Cổng thông tin"))
    assert told.line.call("store", "ingest", output=place).code == 0
    after = listed(told.line, place)
    assert {each["system"] for each in after} == {"T-2/portal"}
    assert [each | {"system": KEY} for each in after] == before
    kept = everything(told.line, store)
    assert rebuilt(told.line, place, store).code == 0
    assert everything(told.line, store) == kept


def test_a_withdrawal_is_closed_by_consent_until_it_is_back(told: Told) -> None:
    """Failures of an endpoint that is not declared any more stay open until an inspector agrees; then they return."""
    assert set(states(told.lists["agreed"], told.gone).values()) == {"closed"}
    assert states(told.lists["agreed"], told.page) == states(told.lists["inspected"], told.page)
    assert set(states(told.lists["back"], told.gone).values()) == {"open"}
    rows = exported(told.line, "events", told.output / "store.sqlite3")
    changes = [each["state"] for each in rows if (each["subject"], each["requirement"]) == (told.gone, "csp-set")]
    assert changes == ["new", "withdrawn", "withdrawn", "returned", "withdrawn"]


def test_a_rebuilt_store_is_equal(told: Told, tmp_path: Path) -> None:
    """The records are in the archive: an empty database filled from it gives equal exports."""
    store = tmp_path / "store.sqlite3"
    assert rebuilt(told.line, told.output, store).code == 0
    found = everything(told.line, store)
    assert found == everything(told.line, told.output / "store.sqlite3")
    assert [each["action"] for each in found["follow-up"]] == ["demand", "demand", "claim", "agree-withdrawal"]


def test_a_consent_that_comes_late_takes_its_place(told: Told, tmp_path: Path) -> None:
    """A store that did not know of it, and then does, is that which took it in time."""
    place, store = tmp_path / "archive", tmp_path / "store.sqlite3"
    shutil.copytree(told.output, place, ignore=shutil.ignore_patterns("store.sqlite3*"))
    (record,) = (place / FOLDER).glob("000004-*")
    record.rename(tmp_path / record.name)
    assert rebuilt(told.line, place, store).code == 0
    without = everything(told.line, store)
    (tmp_path / record.name).rename(record)
    assert told.line.call("store", "ingest", "--store", store, output=place).code == 0
    assert everything(told.line, store) == everything(told.line, told.output / "store.sqlite3") != without


@pytest.mark.parametrize("change", ["removed", "altered", "exchanged"])
def test_a_record_that_is_not_what_was_sealed_is_listed(told: Told, tmp_path: Path, change: str) -> None:
    """One that is missing, altered, or put in the place of another does not count, and is named."""
    place, store = tmp_path / "archive", tmp_path / "store.sqlite3"
    shutil.copytree(told.output, place, ignore=shutil.ignore_patterns("store.sqlite3*"))
    (second,) = (place / FOLDER).glob("000002-*")
    if change == "removed":
        second.unlink()
    elif change == "altered":
        second.write_bytes(second.read_bytes().replace(b"a", b"b", 1))
    else:
        (third,) = (place / FOLDER).glob("000003-*")
        second.write_bytes(third.read_bytes())
    assert rebuilt(told.line, place, store).code == 1
    (row,) = exported(told.line, "not-counted", store)
    assert (row["cause"], row["folder"].startswith(f"{FOLDER}/000002")) == (
        "missing" if change == "removed" else "altered",
        True,
    )
    strange = Line(tmp_path)
    assert strange.call("run", strange.declare(system("http://127.0.0.1:1/")), "--only", "dossier").code
    said = strange.call("store", "rebuild", told.output, "--store", store, *EN)
    assert "not signed by a trusted signer: 8" in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("demand", KEY, "--due", DUE, *RESPONSIBLE, "--by", "Ai đó"), "Ai đó is not one of the inspectors"),
        (("agree", KEY, "--by", "Ai đó"), "Ai đó is not one of the inspectors"),
        (("demand", "T-1/other", "--due", DUE, *RESPONSIBLE, "--by", INSPECTOR), "the store has no such system"),
        (("demand", KEY, "--due", "31/12/2026", *RESPONSIBLE, "--by", INSPECTOR), "--due: this is no date"),
        (
            ("demand", KEY, "--due", DUE, "--responsible", "A", "--email", "a@b", "--by", INSPECTOR),
            "--email: this is no mail address in ASCII",
        ),
        (
            ("demand", KEY, "--due", DUE, "--responsible", "A\r\nBcc: x@y.vn", "--email", "a@b.vn", "--by", INSPECTOR),
            "--responsible: this contains a line break or a control character",
        ),
        (("claim", KEY, "0" * 32, "--by", "A"), "names 0 findings"),
        (("list", "--as-of", "soon"), "--as-of 'soon' is no date"),
        (("list", "--format", "xml"), "--format 'xml' is not known"),
    ],
)
def test_what_cannot_be_recorded_is_refused(told: Told, arguments: tuple[object, ...], words: str) -> None:
    """With the exit code of misuse, and what to do; nothing is written."""
    before = sorted((told.output / FOLDER).iterdir())
    refused = told.call(*arguments)
    assert (refused.code, words in refused.err) == (2, True), refused.err
    assert sorted((told.output / FOLDER).iterdir()) == before


def test_a_file_is_recorded_as_a_whole_or_not(told: Told, tmp_path: Path) -> None:
    """Every fault has its place; the same file a second time records nothing."""
    shutil.copytree(told.output, tmp_path / "out")
    entry: dict[str, Any] = {"action": "claim", "system": KEY, "by": "Trần Thị Quản trị", "note": "đã sửa"}
    demand = {**entry, "action": "demand", "by": "Ai đó", "due": "2027-01-31"}
    demand |= {"responsible": {"name": "A", "email": "a@example.vn"}}
    file = document(tmp_path / "follow-up.yaml", {"entries": [demand, {**entry, "system": "T-9/x"}, entry]})
    wrong = followed(told.line, tmp_path / "out", "record", file)
    assert wrong.code == 2
    for words in ("Ai đó is not one of the inspectors", "T-9/x: the store has no such system"):
        (found,) = (each for each in wrong.err.splitlines() if words in each)
        assert f"{file}:" in found
    assert run_cli("check", file, *EN).code == 0
    document(file, {"entries": [{**entry, "due": "2027-01-31"}]})
    assert f"{file}:3:5: due and responsible belong to a demand" in run_cli("check", file, *EN).err
    store = tmp_path / "store.sqlite3"
    rebuilt(told.line, tmp_path / "out", store)
    document(file, {"entries": [entry]})
    first = followed(told.line, tmp_path / "out", "record", file, "--store", store)
    assert (first.code, "Recorded: " in first.out) == (0, True), first.err
    again = followed(told.line, tmp_path / "out", "record", file, "--store", store)
    assert "Recorded before: 1" in again.out


def test_the_list_is_told_in_both_languages(told: Told) -> None:
    """Late items are counted in days, and give the exit code of --late."""
    late = told.call("list", "--late", "--as-of", DUE + timedelta(days=3))
    assert (late.code, "late by 3 days" in late.out) == (1, True)
    assert told.call("list", "--late").code == 0
    vietnamese = told.line.call(
        *("followup", "list", "--as-of", DUE + timedelta(days=3), "--lang", "vi"), output=told.output, **SETTINGS
    )
    assert "quá hạn 3 ngày" in vietnamese.out
    assert "late" not in vietnamese.out


# --- Reminders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """The folder that reminders are written to."""
    return tmp_path / "mails"


def reminded(told: Told, folder: Path, days: int) -> list[str]:
    """The files that are written so many days after the last day."""
    before = {each.name for each in folder.glob("*")}
    said = told.call("remind", "--to", folder, "--as-of", DUE + timedelta(days=days))
    assert said.code == 0, said.err
    return sorted({each.name for each in folder.glob("*")} - before)


def test_reminders_are_written_on_their_days_once(told: Told, mails: Path) -> None:
    """14 and 3 days before, the day after, then weekly; one that was missed later; a sent one not again."""
    made = {days: reminded(told, mails, days) for days in (-15, -14, -14, -10, -3, 0, 1, 2, 7, 8, 16)}
    first = {days: (DUE + timedelta(days=days)).isoformat() for days in (-3, 1, 8, 15)}
    assert [made[days] for days in (-15, -14, -10, 0, 2, 7)] == [[]] * 6
    assert len(list(mails.iterdir())) == 5
    for days, day in {-3: first[-3], 1: first[1], 8: first[8], 16: first[15]}.items():
        assert [name[:10] for name in made[days]] == [day]
    (mails / "sent").mkdir()
    for each in mails.glob("*.eml"):
        each.rename(mails / "sent" / each.name)
    assert reminded(told, mails, 16) == []


def test_a_reminder_is_a_mail_in_both_languages(told: Told, mails: Path) -> None:
    """Headers are encoded, lines end as the standard says, and only what is open is in it."""
    (name,) = reminded(told, mails, 1)
    data = (mails / name).read_bytes()
    assert b"\r\n" in data
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    data.decode("ascii")
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert mail["To"].addresses[0].display_name == "Trần Thị Quản trị"
    assert (mail["To"].addresses[0].addr_spec, mail["From"].addresses[0].addr_spec) == (
        "quantri@example.vn",
        "thanhtra@example.vn",
    )
    text = mail.get_content()
    is_open = [each for each in listed(told.line, told.output) if each["state"] in ("open", "not-mended")]
    assert all(each["finding"] in text for each in is_open)
    assert "Reminder" in mail["Subject"]
    assert "Nhắc" in mail["Subject"]
    assert "late by 1 days" in text
    assert "quá hạn 1 ngày" in text
    assert "12/KL-TTr ngày 01/12/2026" in text
    mended = [each for each in listed(told.line, told.output) if each["state"] == "mended"]
    assert mended
    assert not any(each["finding"] in text for each in mended)


def test_two_processes_write_one_file(told: Told, mails: Path) -> None:
    """However many machines remind into one folder."""
    arguments = ("followup", "remind", "--to", mails, "--as-of", DUE - timedelta(days=3))
    both: list[subprocess.Popen[str]] = [told.line.start(*arguments, output=told.output, **SETTINGS) for _ in range(2)]
    for each in both:
        each.communicate(timeout=120)
        assert each.returncode == 0
    assert len(list(mails.iterdir())) == 1


def test_reminders_need_an_address_that_they_come_from(told: Told, mails: Path) -> None:
    """Without one nothing is written."""
    refused = told.call("remind", "--to", mails, contact="Phòng 12")
    assert (refused.code, "is no mail address that reminders can come from" in refused.err) == (2, True)
    assert not mails.exists()


def test_every_action_has_a_command() -> None:
    """A new one must not be forgotten."""
    assert [each.value for each in FollowUpAction] == ["demand", "claim", "agree-withdrawal"]
