"""The overview of a run: what is counted, what is not hidden, and that no text of a bundle becomes more than text."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from inspector import Cause, Language, Outcome, Severity
from inspector.cli.app import call
from inspector.model.finding import Finding
from inspector.model.subject import Subject, SubjectKind
from inspector.record.assessment import Assessment, Coverage, FailedScan
from inspector.report.run_overview import AssessedSystem, RunCounter, RunOverview, RunState, SystemRow
from inspector_reports.run_overview import SHOWN_REQUIREMENTS, missed_rows, render_csv, render_html, render_json
from tests.reports import examples as specimens
from tests.reports.pages import Page
from tests.reports.test_hostile_text import BENIGN, STORED, before, changed, hidden, shape


def assessed(*findings: Finding, level: int = 3, seen: int = 2) -> Assessment:
    subject = Subject(kind=SubjectKind.HOST, uri="host:a.example.vn", scheme="host", host="a.example.vn")
    missed = tuple(FailedScan(probe="tls", subject=subject, cause=Cause.TIMEOUT) for _ in range(2 - seen))
    coverage = Coverage(asked=2, seen=seen, missed=missed)
    return specimens.assessment().model_copy(update={"findings": findings, "level": level, "coverage": coverage})


def failing(requirement: str, severity: Severity, subject: str = specimens.PORTAL) -> Finding:
    found = specimens.finding(requirement, Outcome.FAIL, "is broken", subject=subject)
    return found.model_copy(update={"severity": severity})


def keyed(*keys: str) -> Finding:
    """A finding whose facts identify a server."""
    return specimens.finding("version-hidden", Outcome.PASS, "has keys").model_copy(update={"facts": keys})


def row(system: str, **more: object) -> SystemRow:
    return SystemRow(
        system=system, state=RunState.NOT_ASSESSED, inspection=f"1-{system}", name=f"Hệ thống {system}"
    ).model_copy(update=more)


def overview() -> RunOverview:
    """Three systems that were assessed, and one that could not be inspected."""
    counter = RunCounter()
    title = specimens.view().title
    unseen = specimens.finding("protocols", Outcome.INCONCLUSIVE, "not seen")

    def counted(row: SystemRow, assessment: Assessment) -> SystemRow:
        system = AssessedSystem.of(row, assessment, title)
        counter.add(AssessedSystem.parse(system.canonical()))  # as it comes from another process
        return system.row

    rows = [
        counted(row("fine"), assessed(level=1)),
        counted(
            row("bad", report={each: f"bad/1/r.{each.value}.html" for each in Language}),
            assessed(
                failing("open-ports", Severity.CRITICAL),
                failing("open-ports", Severity.CRITICAL, specimens.LEGACY),
                failing("version-hidden", Severity.LOW),
                failing("hint", Severity.INFO),
                unseen,
            ),
        ),
        counted(row("mild"), assessed(failing("version-hidden", Severity.LOW), seen=1)),
        row("lost", state=RunState.FAILED, detail="A: REFUSED"),
    ]
    return counter.overview("run1", "0.1.0", rows)


def test_why_scans_have_no_result_is_said() -> None:
    """Where fewer scans were successful than planned, the cause stands with their number and system."""
    made = overview()
    assert {each.system: each.missed for each in made.assessed} == {"bad": {}, "mild": {Cause.TIMEOUT: 1}, "fine": {}}
    [row] = missed_rows(made)
    assert (row.cause, row.scans, row.systems) == (Cause.TIMEOUT, 1, (("mild", 1),))
    for language, cause in ((Language.EN, "no answer in time"), (Language.VI, "không trả lời trong thời hạn")):
        text = render_html(made, language).decode()
        assert f'<th scope="row">{cause}</th>' in text
        assert "mild (1)" in text
    assert "timeout:1" in render_csv(made, Language.EN).decode()


def test_rows_count_requirements_and_what_is_undecided() -> None:
    """A requirement that fails at several subjects counts once in a system; information does not count."""
    made = overview()
    assert [each.system for each in made.systems] == ["bad", "mild", "fine", "lost"]
    bad = made.systems[0]
    assert (bad.failing.critical, bad.failing.low, bad.failing.total) == (1, 1, 2)
    assert (bad.must, bad.undecided, bad.undecided_must) == (1, 1, 1)
    assert bad.worst == ("open-ports", "version-hidden")
    assert [(each.requirement, each.systems, each.subjects) for each in made.requirements] == [
        ("open-ports", 1, 2),
        ("version-hidden", 2, 2),
    ]
    assert (made.totals.systems, made.totals.assessed, made.totals.must, made.totals.clean) == (4, 3, 1, 1)
    assert (made.totals.scans_seen, made.totals.scans_planned) == (5, 6)


def test_a_way_in_that_nobody_looked_at_is_not_told_to_be_closed() -> None:
    """Beside the number of systems with an open way in stands that of those where one is undecided."""
    made = overview()
    assert (made.totals.exposed, made.totals.maybe_exposed) == (0, 3)
    assert "With an open way in for ransomware: 0; with an undecided one: 3." in (
        Page(render_html(made, Language.EN)).all("main")[0].text
    )


@pytest.mark.parametrize("language", Language)
def test_the_page_names_every_system_and_why_one_was_not_inspected(language: Language) -> None:
    """Every system is in a table, worst first; one that was not assessed has its reason, and is in no count."""
    page = Page(render_html(overview(), language))
    text = page.all("main")[0].text
    assert [text.index(f"Hệ thống {name}") for name in ("bad", "mild", "fine")] == sorted(
        text.index(f"Hệ thống {name}") for name in ("bad", "mild", "fine")
    )
    others = page.one("others").text
    assert "Hệ thống lost" in others
    assert "A: REFUSED" in others
    assert "lost" not in page.one("systems").text
    links = [each.attributes["href"] for each in page.all("a") if each.within("table")]
    assert links == [f"./bad/1/r.{language.value}.html", "#missed"]


@pytest.mark.parametrize("language", Language)
def test_the_page_says_how_to_write_a_report_that_is_missing(language: Language) -> None:
    """The command names the worst assessed system without a report; a page with all reports names none."""
    made = overview()
    bad, mild, fine, lost = made.systems
    mild = mild.model_copy(update={"folder": "mild one/1-mild"})
    page = Page(render_html(made.model_copy(update={"systems": (bad, mild, fine, lost)}), language))
    assert "inspector report './mild one/1-mild' --to ./reports/mild" in page.one("systems").text
    page = Page(render_html(made.model_copy(update={"systems": (bad, lost)}), language))
    assert "inspector report" not in page.one("systems").text


def test_csv_and_json_have_every_system() -> None:
    """Each format for programs has all systems with the numbers of the page."""
    (head, *rows) = csv.reader(io.StringIO(render_csv(overview(), Language.EN).decode("utf-8-sig")))
    by_name = [dict(zip(head, each, strict=True)) for each in rows]
    assert [(each["system"], each["critical"], each["state"]) for each in by_name] == [
        ("bad", "1", "assessed"), ("mild", "0", "assessed"), ("fine", "0", "assessed"), ("lost", "0", "failed"),
    ]  # fmt: skip
    data = json.loads(render_json(overview(), Language.EN))
    assert [each["system"] for each in data["systems"]] == ["bad", "mild", "fine", "lost"]
    assert data["totals"]["must"] == 1


def test_many_requirements_are_folded() -> None:
    """Of many failing requirements the page shows the first; the others are folded, not left out."""
    made = overview()
    one = made.requirements[0]
    many = tuple(one.model_copy(update={"requirement": f"r{number}"}) for number in range(SHOWN_REQUIREMENTS + 7))
    page = Page(render_html(made.model_copy(update={"requirements": many}), Language.EN))
    folded = page.all("details")
    assert len(folded) == 1
    assert f"r{SHOWN_REQUIREMENTS + 6}" in folded[0].text
    assert "r0" not in folded[0].text


# --- Hostile texts ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=STORED, ids=lambda each: ascii(each[:24]))
def stored(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("language", Language)
def test_the_page_keeps_its_elements(stored: str, language: Language) -> None:
    """The page has the elements and attributes that it has with harmless texts, and links to its own folder only."""
    pages = [Page(render_html(changed(overview(), before(text)), language)) for text in (BENIGN, stored)]
    shapes = [[(each.tag, sorted(each.attributes)) for each in page.elements] for page in pages]
    assert shapes[0] == shapes[1]
    for link in pages[1].all("a"):
        assert link.attributes["href"].startswith(("#", "./"))
        assert ":" not in link.attributes["href"]
    assert not hidden(render_html(changed(overview(), before(stored)), language).decode())


def test_csv_keeps_its_cells_and_has_no_formula(stored: str) -> None:
    """The file has the same lines and columns, and no cell begins as a formula of a spreadsheet does."""
    data = render_csv(changed(overview(), before(stored)), Language.EN).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(data, newline="")))
    assert {len(each) for each in rows} == {len(rows[0])}
    assert len(rows) == 1 + len(overview().systems)
    for cell in (cell for each in rows for cell in each):
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        assert not hidden(cell)
        assert "\n" not in cell


def test_json_keeps_its_structure(stored: str) -> None:
    """The file has the same keys and lengths, and shows no character that a terminal interprets."""
    hostile = render_json(changed(overview(), before(stored)), Language.EN).decode()
    assert shape(json.loads(hostile)) == shape(
        json.loads(render_json(changed(overview(), before(BENIGN)), Language.EN))
    )
    assert not hidden(hostile)


# --- The command ------------------------------------------------------------------------------------------------------


def test_a_run_folder_gives_its_overview(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command writes the overview of a run from sealed bundles; one that was altered is named, not counted."""
    run = _run_of_two(tmp_path)
    assert "overview.en.html" in capsys.readouterr().out
    assert (run / "overview.vi.html").is_file()
    assert call(["report", str(run)]) == 0
    data = json.loads((run / "overview.json").read_text())
    assert {each["state"] for each in data["systems"]} == {"assessed"}
    assert {each["system"] for each in data["systems"]} == {"one", "two"}
    for each in data["systems"]:
        assert (run / each["report"]["vi"]).is_file()
    pages = {(run / f"overview.{each.value}.html").read_bytes() for each in Language}
    assert len(pages) == 2
    (capture,) = (run / "two").glob("*/capture/pack.zst")
    capture.write_bytes(capture.read_bytes()[:-1])
    assert call(["report", str(run)]) == 0
    states = {each["system"]: each for each in json.loads((run / "overview.json").read_text())["systems"]}
    assert states["two"]["state"] == "unreadable"
    assert states["two"]["detail"]
    assert states["one"]["state"] == "assessed"


def test_an_index_that_names_another_bundle_is_not_believed(tmp_path: Path) -> None:
    """A row whose folder is outside the run, or holds another inspection, is unreadable and in no count."""
    run = _run_of_two(tmp_path)
    shutil.copytree(run / "one", tmp_path / "elsewhere")
    index = run / "index.jsonl"
    lines = [json.loads(each) for each in index.read_text().splitlines()]
    two = next(each["folder"] for each in lines if each["system"] == "two" and each["folder"])
    one = next(each["folder"] for each in lines if each["system"] == "one" and each["folder"])
    for other in (one, f"../../elsewhere/{Path(one).name}"):
        index.write_text("".join(json.dumps(each).replace(two, other) + "\n" for each in lines))
        assert call(["report", str(run)]) == 0
        states = {each["system"]: each["state"] for each in json.loads((run / "overview.json").read_text())["systems"]}
        assert states == {"one": "assessed", "two": "unreadable"}


def test_a_report_is_the_same_every_time(tmp_path: Path) -> None:
    """Two overviews of one run are equal byte by byte."""
    run = _run_of_two(tmp_path)
    assert call(["report", str(run), "--to", str(tmp_path / "a")]) == 0
    assert call(["report", str(run), "--to", str(tmp_path / "b")]) == 0
    first, second = ({each.name: each.read_bytes() for each in (tmp_path / name).iterdir()} for name in "ab")
    assert first == second


def _run_of_two(folder: Path) -> Path:
    """The run of two systems whose endpoints refuse connections."""
    declaration, authorisation, settings = (folder / name for name in ("d.yaml", "a.yaml", "inspector.toml"))
    systems = "".join(
        f"  - {{id: {name}, name: {name}, owner: me, level: 1, approval: {{status: none}}, endpoints: ['https://127.0.0.1:{port}/']}}\n"
        for name, port in (("one", 9), ("two", 19))
    )
    declaration.write_text(f"organisation: {{name: me, code: H1}}\nsystems:\n{systems}")
    authorisation.write_text(
        "id: own\nkind: own-estate\ngranted_by: me\ncovers: {names: [], blocks: [127.0.0.1/32], ports: [9, 19]}\n"
        "valid_from: 2020-01-01T00:00:00+07:00\nvalid_until: 2099-01-01T00:00:00+07:00\n"
    )
    settings.write_text(f'output = "{folder}/out"\nsigning_key = "{folder}/key"\n')
    call(["run", str(declaration), "-a", str(authorisation), "--settings", str(settings), "--only", "http", "-q"])
    (run,) = (each for each in (folder / "out").iterdir() if each.name not in ("chains", "shared"))
    return run


def test_keys_that_systems_of_different_owners_share_are_named() -> None:
    """A key that systems of one owner share is not, and neither is a fact of another check."""
    title = specimens.view().title
    check = keyed().check
    counter = RunCounter()
    other = specimens.finding("protocols", Outcome.PASS, "is new").model_copy(update={"facts": ("TLS 1.3",)})
    systems = [
        AssessedSystem.of(row("a", owner="A"), assessed(keyed("k1", "k2"), other), title, {check}),
        AssessedSystem.of(row("a2", owner="A"), assessed(keyed("k2"), keyed("k2")), title, {check}),
        AssessedSystem.of(row("b", owner="B"), assessed(keyed("k1", "k3"), other), title, {check}),
    ]
    for each in systems:
        counter.add(AssessedSystem.parse(each.canonical()))
    seen = counter.overview("r", "0", [each.row for each in systems])
    assert [(each.check, each.fact, each.systems) for each in seen.shared] == [(check, "k1", ("a", "b"))]
    assert json.loads(render_json(seen, Language.EN))["shared"][0]["systems"] == ["a", "b"]
    lines = csv.DictReader(io.StringIO(render_csv(seen, Language.EN).decode("utf-8-sig")))
    shared = {each["system"]: each["shared_with"] for each in lines}
    assert (shared["a"], shared["b"]) == (f"{check} k1: b", f"{check} k1: a")
    assert set(shared.values()) <= {shared["a"], shared["b"], ""}
    for language in Language:
        page = render_html(seen, language).decode()
        assert page.count("k1") == 1
        assert "k2" not in page
        assert 'id="shared"' not in render_html(overview(), language).decode()
