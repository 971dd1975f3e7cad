"""The store over an archive of real inspections: states, rebuilding, and what is not counted."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from inspector.demo import environment
from inspector.demo.documents import write
from inspector.demo.http_pages import sound_page
from inspector.model.errors import UsageError
from inspector.registry.registry import installed
from inspector.seal.layout import CAPTURE, INDEX, INDEX_MANIFEST, MANIFEST, PACK
from inspector.seal.run_index import RunIndex
from inspector.seal.signing import SigningKey
from inspector.store.database import location_of, opened
from inspector.store.ingest import ingest
from inspector.store.queries import LISTS, OF_INVENTORY
from tests.line.harness import Line, RunResult, free_port, run_cli, serving, system, wait_until
from tests.line.test_difference import BAD, GOOD, ONLY
from tests.postgresql import PostgreSQL


class Archive(NamedTuple):
    """Three inspections of one system, and the store that took each of them when it was made."""

    folder: Path
    store: Path
    runs: tuple[Path, ...]
    page: str
    gone: str


@pytest.fixture(scope="module")
def archive(line: Line, certificate: dict[str, str]) -> Archive:
    """Two bad pages; then one is better in some and worse in one respect, the other down; then no longer declared."""
    ports = (free_port(), free_port())
    page, gone = (f"https://127.0.0.1:{port}/" for port in ports)
    output = line.new_output()
    both = line.declare(system(page, gone))
    less = line.declare(system(page), name="less.yaml")

    def inspected(declared: Path, *orders: dict[str, Any]) -> Path:
        before = set(output.glob("*/portal/*/capture"))
        with serving(*orders):
            line.call("run", declared, *ONLY, output=output)
        (folder,) = set(output.glob("*/portal/*/capture")) - before
        assert line.call("store", "ingest", output=output).code == 0
        return folder.parent

    bad = [{"name": str(port), "mode": "page", "port": port, "headers": BAD, **certificate} for port in ports]
    good = {"name": "page", "mode": "page", "port": ports[0], "headers": GOOD, **certificate}
    runs = inspected(both, *bad), inspected(both, good), inspected(less, good)
    return Archive(output, output / "store.sqlite3", runs, page, gone)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes places of new stores, on each database."""
    numbers = count()
    if request.param == "sqlite":
        yield lambda: str(tmp_path / f"store-{next(numbers)}.sqlite3")
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    made: list[str] = []

    def create() -> str:
        made.append(server.create())
        return made[-1]

    yield create
    for each in made:
        server.drop(each)


def exported(line: Line, what: str, store: Path | str) -> list[dict[str, Any]]:
    said = line.call("store", "export", what, "--format", "json", "--store", store)
    assert said.code == 0, said.err
    rows: list[dict[str, Any]] = json.loads(said.out)
    return rows


def everything(line: Line, store: Path | str) -> dict[str, list[dict[str, Any]]]:
    return {what: exported(line, what, store) for what in LISTS if what not in OF_INVENTORY}


def rebuilt(line: Line, folder: Path, store: Path | str) -> RunResult:
    return line.call("store", "rebuild", folder, "--store", store, "--lang", "en")


def states(line: Line, store: Path | str) -> dict[tuple[str, str], str]:
    return {(each["check"], each["subject"]): each["state"] for each in exported(line, "findings", store)}


def copied(archive: Archive, place: Path, *numbers: int) -> Path:
    """A copy of the archive with these inspections."""
    shutil.copytree(archive.folder / "shared", place / "shared")
    for number in numbers:
        run = archive.runs[number].parents[1]
        shutil.copytree(run, place / run.name)
    return place


def test_every_failure_has_the_state_that_was_seen(line: Line, archive: Archive) -> None:
    """What is mended is fixed, what is worse new and still, what is down or taken away is open."""
    found = states(line, archive.store)
    assert found["content-type-nosniff", archive.page] == "fixed"
    assert found["no-version-disclosed", archive.page] == "fixed"
    assert found["framing-restricted", archive.page] == "still"
    assert found["cookies-flagged", archive.page] == "still"
    assert found["content-type-nosniff", archive.gone] == "withdrawn"
    assert {state for (_, subject), state in found.items() if subject == archive.gone} == {"withdrawn"}
    changes = {
        (each["requirement"], each["subject"], each["state"]): each["inspection"]
        for each in exported(line, "events", archive.store)
    }
    first, second, third = (run.name for run in archive.runs)
    assert changes["content-type-nosniff", archive.page, "new"] == first
    assert changes["content-type-nosniff", archive.page, "fixed"] == second
    assert changes["cookies-flagged", archive.page, "new"] == second
    assert changes["content-type-nosniff", archive.gone, "not-seen-again"] == second
    assert changes["content-type-nosniff", archive.gone, "withdrawn"] == third
    assert ("framing-restricted", archive.page, "still") not in {key[:3] for key in changes}


def test_a_rebuilt_store_is_equal(line: Line, archive: Archive, tmp_path: Path, new_store: Callable[[], str]) -> None:
    """An empty database filled from the archive gives the exports of the one that took each inspection in its turn."""
    store = new_store()
    said = rebuilt(line, archive.folder, store)
    assert (said.code, "3 taken" in said.out) == (0, True), said.err
    first = everything(line, archive.store)
    assert [len(first[what]) for what in ("systems", "inspections")] == [1, 3]
    assert everything(line, store) == first
    assert rebuilt(line, archive.folder, store).code == 0
    assert everything(line, store) == first


def test_an_inspection_that_comes_late_takes_its_place(
    line: Line, archive: Archive, tmp_path: Path, new_store: Callable[[], str]
) -> None:
    """A bundle that is older than what is known changes the history as if it had been there in time."""
    place, store = copied(archive, tmp_path / "late", 1, 2), new_store()
    assert line.call("store", "ingest", place, "--store", store).code == 0
    assert ("content-type-nosniff", archive.page) not in states(line, store)
    run = archive.runs[0].parents[1]
    shutil.copytree(run, place / run.name)
    said = line.call("store", "ingest", "--store", store, "--lang", "en", output=place)
    assert "1 taken, 2 known before" in said.out
    assert everything(line, store) == everything(line, archive.store)


def test_what_is_torn_altered_or_a_strangers_is_listed_and_not_counted(
    line: Line, archive: Archive, tmp_path: Path, new_store: Callable[[], str]
) -> None:
    """Each is named with its cause; states and numbers are those of an archive without it."""
    place = copied(archive, tmp_path / "archive", 0, 1, 2)
    torn, altered = (place / run.relative_to(archive.folder) for run in archive.runs[1:])
    (torn / CAPTURE / MANIFEST).unlink()
    pack = altered / CAPTURE / PACK
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    store = new_store()
    said = rebuilt(line, place, store)
    assert said.code == 1
    listed = {each["folder"]: each["cause"] for each in exported(line, "not-counted", store)}
    assert listed[torn.relative_to(place).as_posix()] in ("missing", "not-sealed")
    assert listed[altered.relative_to(place).as_posix()] == "altered"
    alone = new_store()
    rebuilt(line, copied(archive, tmp_path / "first", 0), alone)
    assert [exported(line, what, store) for what in ("systems", "findings", "events")] == [
        exported(line, what, alone) for what in ("systems", "findings", "events")
    ]
    strange = Line(tmp_path / "strange")
    strange.folder.mkdir()
    assert strange.call("run", line.declare(system("https://127.0.0.1:1/")), "--only", "dossier").code
    said = strange.call("store", "rebuild", archive.folder, "--store", store, "--lang", "en")
    assert (said.code, "not signed by a trusted signer: 3" in said.out) == (1, True)
    assert exported(line, "systems", store) == []


def test_what_was_altered_later_is_found_by_rebuilding(
    line: Line, archive: Archive, tmp_path: Path, new_store: Callable[[], str]
) -> None:
    """A bundle that counted and was taken away is forgotten by the next ingest, and named where its run lists it."""
    place, store = copied(archive, tmp_path / "archive", 0, 1, 2), new_store()
    assert rebuilt(line, place, store).code == 0
    shutil.rmtree(place / archive.runs[1].relative_to(archive.folder))
    assert line.call("store", "ingest", "--store", store, output=place).code == 1
    assert [each["cause"] for each in exported(line, "not-counted", store)] == ["missing"]
    again = new_store()
    rebuilt(line, place, again)
    assert everything(line, store) == everything(line, again)


def renamed(place: Path, archive: Archive, number: int, name: str, *, is_copy: bool = False) -> Path:
    """The folder of the run of an inspection under another name, or a copy of it."""
    run = archive.runs[number].parents[1].name
    if is_copy:
        shutil.copytree(place / run, place / name)
    else:
        (place / run).rename(place / name)
    return place / name


@pytest.mark.parametrize("name", ["0-first", "z-last"])
def test_of_copies_the_first_by_its_folder_counts(
    line: Line, archive: Archive, tmp_path: Path, name: str, new_store: Callable[[], str]
) -> None:
    """Also where it came into the archive after another one had been taken: the exports are those of a new store."""
    place, store = copied(archive, tmp_path / "archive", 0, 1), new_store()
    assert rebuilt(line, place, store).code == 0
    renamed(place, archive, 0, name, is_copy=True)
    said = line.call("store", "ingest", "--store", store, "--lang", "en", output=place)
    assert (said.code, "copy of an inspection" in said.out) == (1, True), said.out
    again = new_store()
    assert rebuilt(line, place, again).code == 1
    assert everything(line, store) == everything(line, again)
    first = min(name, archive.runs[0].parents[1].name)
    assert sorted(each["folder"].partition("/")[0] for each in exported(line, "inspections", store)) == sorted(
        (first, archive.runs[1].parents[1].name)
    )


def test_a_run_that_was_renamed_counts_in_its_new_place(
    line: Line, archive: Archive, tmp_path: Path, new_store: Callable[[], str]
) -> None:
    """It is no copy of what is not there any more."""
    place, store = copied(archive, tmp_path / "archive", 0, 1), new_store()
    assert rebuilt(line, place, store).code == 0
    renamed(place, archive, 1, "z-renamed")
    line.call("store", "ingest", "--store", store, output=place)
    assert len(exported(line, "inspections", store)) == 2
    again = new_store()
    rebuilt(line, place, again)
    assert everything(line, store) == everything(line, again)


def test_an_index_without_its_signature_or_of_a_stranger_is_listed(
    line: Line, archive: Archive, tmp_path: Path
) -> None:
    """What it says of missing inspections is not relied upon, and a line that is added takes nothing back."""
    place, store = copied(archive, tmp_path / "archive", 0, 1, 2), tmp_path / "store.sqlite3"
    unsigned, altered, removed = (place / run.relative_to(archive.folder) for run in archive.runs)
    (unsigned.parents[1] / INDEX_MANIFEST).unlink()
    index = altered.parents[1] / INDEX
    index.write_bytes(index.read_bytes().replace(b'"sealed"', b'"failed"'))
    shutil.rmtree(removed)
    index = removed.parents[1] / INDEX
    *_, last = index.read_bytes().splitlines(keepends=True)
    with index.open("ab") as file:
        file.write(last.replace(b'"sealed"', b'"failed"'))
    assert rebuilt(line, place, store).code == 1
    assert {each["folder"]: (each["cause"], each["detail"]) for each in exported(line, "not-counted", store)} == {
        f"{unsigned.parents[1].name}/{INDEX}": ("altered", f"its signature {INDEX_MANIFEST} is missing"),
        f"{altered.parents[1].name}/{INDEX}": ("altered", f"{INDEX}: is not what was signed"),
        removed.relative_to(place).as_posix(): ("missing", ""),
    }
    stranger = SigningKey.load_or_create(tmp_path / "stranger.pem")
    (unsigned.parents[1] / INDEX).write_bytes(b"")
    RunIndex(place, unsigned.parents[1].name).add_all((), stranger)
    rebuilt(line, place, store)
    listed = {each["folder"]: each["detail"] for each in exported(line, "not-counted", store)}
    assert listed[f"{unsigned.parents[1].name}/{INDEX}"] == stranger.keyid


def test_an_archive_that_cannot_be_read_takes_nothing_off(
    line: Line, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_store: Callable[[], str]
) -> None:
    """A run behind an error of the disk is no run that is gone: what counted stays."""
    place, store = copied(archive, tmp_path / "archive", 0, 1), new_store()
    assert rebuilt(line, place, store).code == 0
    before = everything(line, store)
    scandir, damaged = os.scandir, place / archive.runs[0].parents[1].name

    def failing(folder: Path) -> Any:
        if folder == damaged:
            raise OSError(errno.EIO, "Input/output error")
        return scandir(folder)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", failing)
        said = line.call("store", "ingest", "--store", store, "--lang", "en", output=place)
    assert (said.code, "cannot be read" in said.err) == (2, True), said.out + said.err
    assert everything(line, store) == before


def _waits_for_a_lock(process: subprocess.Popen[str]) -> bool:
    """Whether a process is in flock(2), and another has that lock (proc(5), /proc/locks)."""
    locks = (each.split() for each in Path("/proc/locks").read_text().splitlines())
    return any(each[1] == "->" and each[5] == str(process.pid) for each in locks)


def _waiting_sessions(server: PostgreSQL) -> int:
    """How many sessions wait for the lock of a store's writer."""
    return int(server.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))


def test_a_second_ingest_waits_for_the_first(
    line: Line, archive: Archive, tmp_path: Path, new_store: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    """Two at once take each inspection once, and both end well."""
    place, store = copied(archive, tmp_path / "archive", 0, 1, 2), new_store()
    with opened(location_of(store), create=True):  # as an ingest has it
        waiting = [line.start("store", "ingest", "--store", store, "--lang", "en", output=place) for _ in range(2)]
        if isinstance(location_of(store), Path):
            for each in waiting:
                wait_until(lambda each=each: _waits_for_a_lock(each), each)
        else:
            server: PostgreSQL = request.getfixturevalue("postgresql")
            wait_until(lambda: _waiting_sessions(server) == len(waiting), waiting[0])
    ended = [each.communicate(timeout=300) for each in waiting]
    assert [each.returncode for each in waiting] == [0, 0], ended
    assert sorted("3 taken, 0 known" in out for out, _err in ended) == [False, True]
    assert everything(line, store) == everything(line, archive.store)


def test_a_database_that_is_killed_keeps_what_was_taken(
    archive: Archive, line: Line, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ingest ends with the reason; when the database is back, the next one takes the rest."""
    url = postgresql.create()
    registry, key = installed(), SigningKey.load_or_create(line.folder / "key.pem")
    monkeypatch.setattr("inspector.store.ingest._BATCH", 1)

    def kill(number: int) -> None:
        if number == 2:
            postgresql.kill()

    with (
        pytest.raises(UsageError, match="the store cannot be used") as told,
        opened(location_of(url), create=True) as engine,
    ):
        ingest(engine, archive.folder, registry, {key.keyid}, kill)
    assert str(postgresql.folder) in str(told.value)
    said = line.call("store", "export", "--store", url, "--lang", "en")
    assert (said.code, "the store cannot be used" in said.err) == (2, True)
    postgresql.start()
    assert len(exported(line, "inspections", url)) == 1
    assert line.call("store", "ingest", "--store", url, output=archive.folder).code == 0
    assert everything(line, url) == everything(line, archive.store)


def test_no_message_has_the_password(line: Line, archive: Archive, postgresql: PostgreSQL, tmp_path: Path) -> None:
    """Whether the database does not know it, is not there, has no store, or the URL is malformed; also from a file."""
    postgresql.execute("CREATE ROLE reader LOGIN PASSWORD 'hunter22'")
    port = free_port()
    urls = (
        f"postgresql://reader:hunter22@/none?host={postgresql.folder}",
        f"postgresql://reader:hunter22@127.0.0.1:{port}/inspector",
        f"postgres://reader@127.0.0.1:{port}/inspector?password=hunter22",
        f"postgresql://reader:hunter22@/postgres?host={postgresql.folder}",
        "postgresql://reader:hunter22@[::1/inspector",
        "postgresql://reader:hunter22@/inspector?hunter=hunter22",
    )
    file = tmp_path / "database"
    for url in urls:
        for store in (url, file):
            file.write_text(f"{url}\n")
            file.chmod(0o600)
            said = line.call("store", "history", "portal", "--store", store, "--lang", "en")
            assert said.code == 2
            assert "hunter22" not in said.out + said.err
            assert "postgresql" in said.err.lower() or "the URL of the database is malformed" in said.err, said.err
    file.write_text(f"{urls[0]}\n")
    file.chmod(0o644)
    said = line.call("store", "history", "portal", "--store", file, "--lang", "en")
    assert (said.code, "can read the password" in said.err) == (2, True)


def test_rules_that_changed_fix_nothing(
    line: Line, archive: Archive, tmp_path: Path, new_store: Callable[[], str]
) -> None:
    """The second inspection assessed again under another regime: what only the rules decide is not fixed, nor new."""
    place, store = copied(archive, tmp_path / "archive", 0, 1), new_store()
    assert rebuilt(line, place, store).code == 0
    before = states(line, store)
    later = place / archive.runs[1].relative_to(archive.folder)
    assert line.call("assess", later, "--regime", "vn-tt12-2022").code in (0, 1, 3)
    said = line.call("store", "ingest", "--store", store, "--lang", "en", output=place)
    assert "Assessed again under the rules of a later inspection" in said.out
    after = states(line, store)
    assert {key for key, state in after.items() if state == "fixed"} <= {
        key for key, state in before.items() if state == "fixed"
    }
    assert after["content-type-nosniff", archive.page] == "fixed"
    assert {state for key, state in after.items() if key not in before} <= {"by-the-rules"}
    again = new_store()
    rebuilt(line, place, again)
    assert everything(line, store) == everything(line, again)


def test_the_history_is_told_in_both_languages(line: Line, archive: Archive) -> None:
    """Inspections with what changed, then findings by state with their dates; the id alone names the system."""
    said = {
        language: line.call("store", "history", "portal", "--store", archive.store, "--lang", language)
        for language in ("vi", "en")
    }
    assert {each.code for each in said.values()} == {0}
    assert said["en"].out.startswith("T-1/portal: Cổng thông tin\n")
    for text in ("still failing: ", "fixed: ", "no longer declared: ", "open failures"):
        assert text in said["en"].out
    for text in ("vẫn không đạt: ", "đã khắc phục: ", "không còn được khai báo: "):
        assert text in said["vi"].out
    assert "open failures" not in said["vi"].out
    (row,) = json.loads(line.call("store", "history", "T-1/portal", "--format", "json", "--store", archive.store).out)
    assert [each["inspection"] for each in row["history"]["inspections"]] == [run.name for run in archive.runs]


def test_sums_and_lists_agree(line: Line, archive: Archive) -> None:
    """What is open by state is what the newest inspection counts, and so do the sums."""
    (newest,) = exported(line, "systems", archive.store)
    findings = exported(line, "findings", archive.store)
    counts = Counter(each["is_open"] for each in findings)
    assert newest["open"] == counts[True]
    said = line.call("store", "stats", "--by", "organisation,level", "--format", "csv", "--store", archive.store)
    (row,) = csv.DictReader(io.StringIO(said.out))
    assert (row["organisation"], row["level"], row["systems"], row["open"]) == ("T-1", "3", "1", str(counts[True]))
    only = line.call(
        *("store", "export", "findings", "--state", "fixed", "--state", "withdrawn", "--format", "json"),
        *("--store", archive.store),
    )
    assert {each["state"] for each in json.loads(only.out)} == {"fixed", "withdrawn"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("history", "portal", "--store", "none.sqlite3"), "there is no store"),
        (("history", "shop"), "the store has no such system"),
        (("export", "everything"), "write one of systems, not-inspected, not-listed"),
        (("export", "systems", "--state", "fixed"), "--state is for findings and events"),
        (("export", "findings", "--state", "gone"), "write one of new, still, returned"),
        (("stats", "--by", "colour"), "--by 'colour': there is no such dimension"),
        (("rebuild", "nowhere"), "there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_told(line: Line, archive: Archive, arguments: tuple[str, ...], text: str) -> None:
    """Exit code 2, what is wrong, and what to write instead."""
    said = line.call("store", *arguments, "--lang", "en", output=archive.folder)
    assert (said.code, text in said.err) == (2, True), said.err


def test_a_run_and_a_damaged_file_are_refused(line: Line, archive: Archive, tmp_path: Path) -> None:
    """A run is no archive; a file that is no store is named, and left as it is."""
    run = archive.runs[0].parents[1]
    said = line.call("store", "rebuild", run, "--store", tmp_path / "s.sqlite3", "--lang", "en")
    assert (said.code, "is a run or an inspection, not an archive" in said.err) == (2, True)
    wrong = tmp_path / "wrong.sqlite3"
    wrong.write_text("no database, but longer than a header of one hundred bytes" * 10)
    said = line.call("store", "history", "portal", "--store", wrong, "--lang", "en")
    assert (said.code, "the store cannot be used" in said.err) == (2, True), said.err


# --- The inventory ----------------------------------------------------------------------------------------------------


def list_systems(line: Line, place: Path, day: str, organisations: str, systems: str = "") -> None:
    """Import a list of organisations, and a list of the systems of T-1, into the inventory of an archive."""
    folder = place.parent / f"lists-{day}"
    folder.mkdir()
    (folder / "organisations.csv").write_text(f"code,name,kind,valid_until,successor\n{organisations}")
    lists = []
    if systems:
        lists.append(folder / "T-1.csv")
        lists[0].write_text(f"Mã hệ thống,Tên hệ thống,Cấp độ,Giai đoạn\n{systems}")
    said = line.call(
        *("inventory", "import", *lists, "--organisations", folder / "organisations.csv", "--as-of", day), output=place
    )
    assert said.code == 0, said.out + said.err


LIVING = "T-1,Tỉnh Một,province,,\nT-2,Tỉnh Hai,province,,\n"
MERGED = "T-1,Tỉnh Một,province,2026-11-01,T-2\nT-2,Tỉnh Hai,province,,\n"
SYSTEMS = "portal,Cổng,4,operating\nmail,Thư điện tử,2,operating\nold,Kế toán,1,retired\n"


def test_a_system_keeps_its_history_under_its_new_key(
    line: Line, archive: Archive, tmp_path: Path, new_store: Callable[[], str]
) -> None:
    """It follows its organisation's successor; lists and sums go by the inventory; a rebuilt store is equal."""
    place, store = copied(archive, tmp_path / "archive", 0, 1), new_store()
    assert rebuilt(line, place, store).code == 0
    said = line.call("store", "export", "not-listed", "--store", store, "--lang", "en")
    assert (said.code, "has no inventory" in said.err) == (2, True)
    list_systems(line, place, "2026-06-01", LIVING, SYSTEMS)
    assert line.call("store", "ingest", "--store", store, output=place).code == 0
    assert [each["system"] for each in exported(line, "systems", store)] == ["T-1/portal"]
    list_systems(line, place, "2026-12-14", MERGED)
    assert line.call("store", "ingest", "--store", store, output=place).code == 0
    again = new_store()
    assert rebuilt(line, place, again).code == 0
    assert everything(line, store) == everything(line, again)
    for one in (store, again):
        (row,) = exported(line, "systems", one)
        assert (row["system"], row["organisation"], row["group"]) == ("T-2/portal", "T-2", "dia-phuong")
        assert (row["level"], row["listed_level"], row["name"], row["declared"]) == (3, 4, "Cổng", "T-1/portal")
        assert [each["system"] for each in exported(line, "not-inspected", one)] == ["T-2/mail"]
        assert exported(line, "not-listed", one) == []
        said = line.call("store", "history", "T-1/portal", "--store", one, "--lang", "en")
        assert said.out.startswith("T-2/portal: Cổng\n")
        assert said.out.count("(declared as T-1/portal)") == 2
        said = line.call("store", "history", "T-2/mail", "--store", one, "--lang", "en")
        assert said.out == "T-2/mail: Thư điện tử\nnever inspected\n"
        said = line.call("store", "stats", "--by", "organisation,level", "--format", "csv", "--store", one)
        rows = {(each["organisation"], each["level"]): each for each in csv.DictReader(io.StringIO(said.out))}
        names = ("systems", "listed", "not_inspected", "not_listed")
        assert {key: tuple(row[each] for each in names) for key, row in rows.items()} == {
            ("T-2", "1"): ("0", "0", "0", "0"),  # retired
            ("T-2", "2"): ("0", "1", "1", "0"),
            ("T-2", "4"): ("1", "1", "0", "0"),
        }


def test_an_inventory_that_was_altered_or_is_a_strangers_is_not_used(
    line: Line, archive: Archive, tmp_path: Path
) -> None:
    """It is listed as not counted; the inspections count without it."""
    place, store = copied(archive, tmp_path / "archive", 0), tmp_path / "store.sqlite3"
    list_systems(line, place, "2026-06-01", LIVING, SYSTEMS)
    (snapshot,) = (place / "inventory").iterdir()
    part = snapshot / "systems.jsonl.zst"
    kept = part.read_bytes()
    part.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    said = rebuilt(line, place, store)
    assert (said.code, len(exported(line, "systems", store))) == (1, 1)
    assert [(each["folder"], each["cause"]) for each in exported(line, "not-counted", store)] == [
        ("inventory", "altered")
    ]
    part.write_bytes(kept)
    assert line.call("store", "ingest", "--store", store, output=place).code == 0
    assert [each["is_listed"] for each in exported(line, "systems", store)] == [True]
    strange = Line(tmp_path / "strange")
    strange.folder.mkdir()
    shutil.rmtree(place / "inventory")
    list_systems(strange, place, "2026-06-02", LIVING, SYSTEMS)
    rebuilt(line, place, store)
    assert [(each["folder"], each["cause"]) for each in exported(line, "not-counted", store)] == [
        ("inventory", "unknown-signer")
    ]


# --- The demonstration ------------------------------------------------------------------------------------------------


def test_mending_one_server_of_the_demonstration_fixes_one_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo's systems inspected twice, the portal with one header more: one finding is fixed, all else stays."""

    def mended() -> str:
        return sound_page().replace("X-Content-Type", "Referrer-Policy: no-referrer\r\nX-Content-Type", 1)

    for page in (sound_page, mended):
        monkeypatch.setattr(environment, "sound_page", page)
        with environment.running() as running:
            documents = write(tmp_path / "demo", running)
            options = ("--settings", documents.settings, "--output", tmp_path / "out", "--lang", "en")
            run_cli("run", documents.declaration, "--authorisation", documents.authorisation, *ONLY[:2], *options)
    said = run_cli(
        "store",
        "rebuild",
        tmp_path / "out",
        "--settings",
        documents.settings,
        "--lang",
        "en",
        "--store",
        tmp_path / "s.sqlite3",
    )
    assert (said.code, "6 taken" in said.out) == (0, True), said.out + said.err
    listed = run_cli("store", "export", "findings", "--format", "json", "--store", tmp_path / "s.sqlite3")
    found = Counter(each["state"] for each in json.loads(listed.out))
    assert found["fixed"] == 1
    assert set(found) == {"fixed", "still"}
