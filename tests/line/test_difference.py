"""Two inspections of real servers compared, and the baseline of the first one used in the second."""

from __future__ import annotations

import csv
import io
import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openpyxl import load_workbook

from inspector.assess.assessor import AssessmentInput, assess
from inspector.assess.evidence_index import DigestedEvidence
from inspector.compare.difference import FindingChange, Judged, compare
from inspector.model.base import Cause
from inspector.model.observation import FailureNote
from inspector.registry.registry import installed
from inspector.seal import Bundle
from tests.line.harness import Line, RunResult, authorisation, document, free_port, run_cli, serving, system

BAD: dict[str, str] = {"Content-Type": "text/html", "X-Powered-By": "PHP/5.4.16"}
GOOD = {
    "Content-Type": "text/html",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Set-Cookie": "sid=0123456789",
}
ONLY = ("--only", "http", "--only", "dossier", "--lang", "en")


class Pair(NamedTuple):
    """Two inspections of one system: in the second, one server is better, but worse in one thing; the other is gone."""

    before: RunResult
    after: RunResult
    page: str
    gone: str


@pytest.fixture(scope="module")
def pair(line: Line, certificate: dict[str, str]) -> Iterator[Pair]:
    ports = (free_port(), free_port())
    page, gone = (f"https://127.0.0.1:{port}/" for port in ports)
    declared = line.declare(system(page, gone))
    both = ({"name": str(port), "mode": "page", "port": port, "headers": BAD, **certificate} for port in ports)
    with serving(*both):
        before = line.call("run", declared, *ONLY)
    with serving({"name": "page", "mode": "page", "port": ports[0], "headers": GOOD, **certificate}):
        after = line.call("run", declared, *ONLY, "--format", "junit,sarif,codequality")
        yield Pair(before, after, page, gone)


def compared(line: Line, old: object, new: object, *options: object, folder: Path) -> tuple[RunResult, dict[str, Any]]:
    """What diff says, and its JSON file."""
    said = line_diff(old, new, *options, "--format", "json,html", "--to", folder)
    return said, json.loads((folder / "difference.json").read_bytes())


def line_diff(*arguments: object) -> RunResult:
    return run_cli("diff", *arguments, "--lang", "en")


def by_change(difference: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The change of each requirement and subject."""
    return {
        (each["finding"]["check"], each["finding"]["subject"]): each["change"]
        for one in difference["systems"]
        for each in one["changes"]
    }


def test_diff_tells_new_fixed_and_unseen_apart(line: Line, pair: Pair, tmp_path: Path) -> None:
    """What is mended is fixed, what is worse is new, what did not answer is not seen again; something new gives 1."""
    said, found = compared(
        line, pair.before.bundle.folder, pair.after.bundle.folder, "--fail-on", "medium", folder=tmp_path
    )
    changes = by_change(found)
    assert changes["content-type-nosniff", pair.page] == "fixed"
    assert changes["no-version-disclosed", pair.page] == "fixed"
    assert changes["framing-restricted", pair.page] == "still"
    assert changes["cookies-flagged", pair.page] == "new"
    assert changes["content-type-nosniff", pair.gone] == "not-seen-again"
    assert not [key for key, change in changes.items() if key[1] == pair.gone and change == "fixed"]
    assert said.code == 1
    assert "exit code 1: something new counts under --fail-on medium" in said.out
    assert {key for key, change in changes.items() if change == "new"} == {
        ("cookies-flagged", pair.page),
        ("cookie-pages-not-cached", pair.page),
        ("https-reachable", pair.gone),
    }
    assert "portal, findings: new 3," in said.out
    assert found["rejudged"] is True
    pages = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.html")}
    assert set(pages) == {"difference.vi.html", "difference.en.html"}
    assert "đã khắc phục" in pages["difference.vi.html"]


def test_nothing_new_but_something_unseen_is_3(line: Line, pair: Pair, tmp_path: Path) -> None:
    """A later inspection that asked for less has nothing new and nothing fixed; at the threshold that is 3."""
    less = line.call("run", line.declare(system(pair.page, pair.gone)), "--only", "dossier")
    said, found = compared(line, pair.before.bundle.folder, less.bundle.folder, "--fail-on", "low", folder=tmp_path)
    assert (said.code, "exit code 3" in said.out) == (3, True)
    assert set(by_change(found).values()) == {"not-seen-again"}
    assert found["systems"][0]["no_longer_seen"]
    assert line_diff(pair.before.bundle.folder, less.bundle.folder, "--fail-on", "critical").code == 0


def test_an_inspection_against_itself_is_clean(pair: Pair) -> None:
    """Nothing is new, fixed or unseen."""
    said = line_diff(pair.before.bundle.folder, pair.before.bundle.folder, "--fail-on", "info")
    assert said.code == 0
    assert "new 0, still failing" in said.out
    assert said.out.splitlines()[0].endswith("not seen again 0, by the rules 0, fixed 0")


def test_runs_and_findings_are_compared_too(line: Line, pair: Pair, tmp_path: Path) -> None:
    """The folders of two runs give what their bundles give; two files of findings give no more than what they show."""
    runs = [result.bundle.folder.parents[1] for result in pair[:2]]
    files = [next(result.output.glob("*/*/*.findings.json")) for result in pair[:2]]
    whole = [
        by_change(compared(line, *sides, folder=tmp_path / str(number))[1])
        for number, sides in enumerate(((pair.before.bundle.folder, pair.after.bundle.folder), runs, files))
    ]
    assert whole[0] == whole[1]
    assert {key for key, change in whole[2].items() if change == "fixed"} <= {
        key for key, change in whole[0].items() if change == "fixed"
    }
    assert whole[2]["content-type-nosniff", pair.page] == "fixed"
    assert json.loads((tmp_path / "2" / "difference.json").read_bytes())["rejudged"] is False


def test_an_endpoint_that_is_no_longer_declared_is_not_fixed(line: Line, pair: Pair, tmp_path: Path) -> None:
    """Taking a bad endpoint out of the declaration mends nothing, neither its own rows nor those of the system."""
    declared = document(
        tmp_path / "less.yaml",
        {
            "organisation": {"code": "T-1", "name": "Cơ quan thử nghiệm"},
            "systems": [system(pair.page)],
            "authorisation": authorisation(),
        },
    )
    later = line.call("run", declared, *ONLY)
    _, found = compared(line, pair.before.bundle.folder, later.bundle.folder, folder=tmp_path / "out")
    changes = by_change(found)
    assert {change for (_, subject), change in changes.items() if subject == pair.gone} == {"not-seen-again"}
    whole = {key: change for key, change in changes.items() if key[1] == "system:"}
    assert "fixed" not in whole.values()


def test_rules_that_changed_are_not_taken_for_the_system(line: Line, tmp_path: Path) -> None:
    """The same capture assessed under another regime has differences by the rules alone."""
    declared = document(
        tmp_path / "operating.yaml",
        {
            "organisation": {"code": "T-1", "name": "Cơ quan thử nghiệm"},
            "systems": [
                system(
                    "https://127.0.0.1:1/",
                    stage="operating",
                    approval={"status": "none"},
                    risk_assessed="never",
                    incident_contact_filed="never",
                    facts={"state_body": True},
                )
            ],
            "authorisation": authorisation(),
        },
    )
    ran = line.call("run", declared, "--only", "dossier")
    assert ran.bundles, ran.err
    early = ran.bundle.folder
    late = shutil.copytree(ran.output, tmp_path / "late") / early.relative_to(ran.output)
    assert line.call("assess", late, "--regime", "vn-tt12-2022").code in (1, 3)
    _, found = compared(line, early, late, folder=tmp_path / "out")
    assert set(by_change(found).values()) == {"still", "by-the-rules"}


def test_a_declaration_that_changed_is_judged_on_each_side(line: Line, tmp_path: Path) -> None:
    """What rests on the declaration alone is new where it fails since, and fixed where it passes since."""

    def inspected(name: str, **approval: str) -> Path:
        declared = line.declare(
            system("https://127.0.0.1:1/", stage="operating", approval=approval, facts={"state_body": True}), name=name
        )
        return line.call("run", declared, "--only", "dossier").bundle.folder

    kept = inspected("approved.yaml", status="approved", decision="12/QĐ", date="2026-09-01")
    lost = inspected("drafting.yaml", status="drafting")
    worse, found = compared(line, kept, lost, folder=tmp_path / "worse")
    assert by_change(found)["approval-in-place", "system:"] == "new"
    assert worse.code == 1
    better, found = compared(line, lost, kept, folder=tmp_path / "better")
    assert by_change(found)["approval-in-place", "system:"] == "fixed"
    assert better.code == 0


@pytest.mark.parametrize("wrong", ["nothing-there", "empty", "text"])
def test_what_is_neither_bundle_nor_run_nor_findings_is_told(tmp_path: Path, wrong: str) -> None:
    """The error says what can be named."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no JSON")
    said = line_diff(tmp_path / wrong, tmp_path / wrong)
    assert said.code == 2
    assert "name the folder of an inspection, the folder of a run, or a findings.json" in said.err


# --- Dropped scans ----------------------------------------------------------------------------------------------------


def judged(bundle: Bundle, evidence: Sequence[DigestedEvidence]) -> Judged:
    """The bundle assessed with this evidence under its own rules."""
    inspection, stored = bundle.inspection, bundle.assessments()[0].assessment
    made = assess(
        AssessmentInput(
            inspection=inspection,
            registry=installed(),
            regime=inspection.regime,
            requirements=stored.requirements,
            evidence=evidence,
            as_of=stored.as_of,
            selection=inspection.plan.selection,
        )
    )
    return Judged.of(inspection, made, evidence, bundle.digest)


def fixed(before: Judged, after: Judged) -> set[str]:
    return {each.finding.id for each in compare(before, after).of(FindingChange.FIXED)}


def test_dropping_any_scan_fixes_nothing(pair: Pair) -> None:
    """Whatever scans of the later inspection are missing or gave nothing, no failure becomes fixed by it."""
    before = judged(pair.before.bundle, pair.before.bundle.evidence())
    scans = pair.after.bundle.evidence()
    reference = fixed(before, judged(pair.after.bundle, scans))
    assert reference
    silent = [
        (digest, each.model_copy(update={"facts": None, "failure": FailureNote(cause=Cause.TIMEOUT, detail="")}))
        for digest, each in scans
    ]
    for size in (1, 2):
        for dropped in itertools.combinations(range(len(scans)), size):
            without = [each for number, each in enumerate(scans) if number not in dropped]
            failed = [silent[number] if number in dropped else each for number, each in enumerate(scans)]
            for evidence in (without, failed):
                assert fixed(before, judged(pair.after.bundle, evidence)) <= reference
    assert fixed(before, judged(pair.after.bundle, [])) == set()


# --- The baseline -----------------------------------------------------------------------------------------------------


def test_a_baseline_leaves_known_failures_out(line: Line, pair: Pair, tmp_path: Path) -> None:
    """Of the later inspection only what is new counts, and every format tells the known ones apart."""
    known = tmp_path / "baseline.json"
    made = run_cli("baseline", "create", pair.before.bundle.folder, "--output", known, "--lang", "en")
    assert (made.code, "known failures" in made.out) == (0, True)
    options = ("--fail-on", "medium", "--format", "junit,sarif,codequality,csv,xlsx")
    plain, ruled = (
        line.call("assess", pair.after.bundle.folder, *options, *more, "--to", tmp_path / name, "--lang", "en")
        for name, more in (("plain", ()), ("ruled", ("--baseline", known)))
    )
    assert (plain.code, ruled.code) == (1, 1)
    issues = [
        {each["check_name"] for each in json.loads((tmp_path / name / "report.codequality.json").read_bytes())}
        for name in ("plain", "ruled")
    ]
    assert "framing-restricted" in issues[0] - issues[1]
    assert "cookies-flagged" in issues[1]
    log = json.loads((tmp_path / "ruled" / "report.sarif").read_bytes())
    states = {each["ruleId"]: each["baselineState"] for each in log["runs"][0]["results"]}
    assert (states["framing-restricted"], states["cookies-flagged"]) == ("unchanged", "new")
    page = (tmp_path / "ruled" / "report.en.html").read_text(encoding="utf-8")
    assert "known failure, in the baseline" in page
    table = list(csv.reader(io.StringIO((tmp_path / "ruled" / "findings.vi.csv").read_bytes().decode("utf-8-sig"))))
    assert any("có trong đường cơ sở" in cell for row in table for cell in row)
    sheet = load_workbook(tmp_path / "ruled" / "findings.vi.xlsx").worksheets[0]
    assert sheet.max_row == len(table)
    everything = tmp_path / "all.json"
    run_cli("baseline", "create", pair.after.bundle.folder, pair.before.bundle.folder, "--output", everything)
    quiet = line.call("assess", pair.after.bundle.folder, *options, "--baseline", everything, "--lang", "en")
    assert quiet.code == 3


def test_a_baseline_of_findings_on_stdout_is_read_back(pair: Pair, tmp_path: Path) -> None:
    """Without a file the baseline is printed; a findings.json and its bundle give the same one."""
    file = next(pair.before.output.glob("*/*/*.findings.json"))
    printed = [run_cli("baseline", "create", source).out for source in (file, pair.before.bundle.folder)]
    assert printed[0] == printed[1]
    assert json.loads(printed[0])["form"] == "inspector-baseline/1"


def test_an_inspection_decision_takes_no_baseline(line: Line, pair: Pair, tmp_path: Path) -> None:
    """Under an authority's decision the option is refused before anything is asked."""
    (tmp_path / "baseline.json").write_text('{"form": "inspector-baseline/1", "failures": []}')
    order = document(
        tmp_path / "decision.yaml",
        authorisation(
            kind="inspection-decision",
            basis="Luật 116/2025/QH15",
            document={"number": "1/QĐ", "date": "2026-11-01", "sha256": "ab" * 32},
            emergency_contact="+84 24 0000 0000",
        ),
    )
    declared = document(
        tmp_path / "declaration.yaml",
        {"organisation": {"code": "T-1", "name": "Cơ quan"}, "systems": [system(pair.page)]},
    )
    lock = line.folder / "plugins.lock"
    lock.write_text(run_cli("list", "plugins", "--lock").out, encoding="utf-8")
    said = line.call(
        *("run", declared, "--authorisation", order, "--baseline", tmp_path / "baseline.json", "--lang", "en"),
        plugins_lock=str(lock),
    )
    assert said.code == 2
    assert "an inspection decision does not leave out known failures" in said.err
    assert said.bundles == []
