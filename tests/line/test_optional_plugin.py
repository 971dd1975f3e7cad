"""An installation without sslyze: the rows of its plugin are not selected, and everything else is as before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import assessments, parsed
from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_tls import servers

CHECKS = {
    "ccs-injection-closed",
    "client-renegotiation-refused",
    "early-data-off",
    "heartbleed-closed",
    "robot-closed",
}
PLUGIN = "inspector_sslyze"


@pytest.fixture(scope="module")
def declaration(line: Line, certificate: dict[str, str]) -> Iterator[Path]:
    """A declared server whose authorisation permits intrusive probes."""
    files = (Path(certificate["certificate"]), Path(certificate["key"]))
    with servers.openssl(files) as port:
        yield line.declare(system(f"tls://127.0.0.1:{port}"), intrusiveness="intrusive")


@pytest.fixture(scope="module", params=["sslyze", PLUGIN])
def missing(request: pytest.FixtureRequest) -> str:
    """What is not installed: the extra, or the plugin's own package."""
    return str(request.param)


@pytest.fixture(scope="module")
def without(missing: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which Python does not find it."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules[{missing!r}] = None\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture(scope="module")
def result(line: Line, declaration: Path, without: dict[str, str]) -> RunResult:
    return line.spawn(
        *("run", declaration, "--only", "tls", "--fail-on", "critical", "--format", "sarif,junit"),
        env=without,
        as_usual=True,
    )


def _assessment(result: RunResult) -> dict[str, object]:
    return result.assessment


def test_rows_are_not_selected(result: RunResult) -> None:
    """No verdict, no connection and no exit code comes of rows whose plugin is missing; the coverage lists them."""
    coverage = _assessment(result)["coverage"]
    assert set(coverage["not_installed"]) == CHECKS
    assert set(coverage["not_installed"]) <= set(coverage["not_selected"])
    assert not CHECKS & {each["check"] for each in result.findings}
    assert not {"tls-attacks", "tls-sessions"} & {entry.probe for entry in result.ledger}
    assert result.findings
    assert result.code == 0


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "an optional plugin is not installed"), ("vi", "trình cắm tùy chọn chưa được cài")],
)
def test_the_report_names_the_missing_plugin(result: RunResult, language: str, text: str) -> None:
    """The report lists the rows apart from those left out by a selection, with the plugin that is missing."""
    report = result.reports()[f"report.{language}.html"].decode()
    assert text in report
    assert PLUGIN in report.partition(text)[2].partition("</section>")[0]


def test_the_plan_names_the_missing_plugin(line: Line, declaration: Path, without: dict[str, str]) -> None:
    """The plan says which rows are not selected, and why."""
    out = line.spawn("plan", declaration, "--lang", "en", env=without, as_usual=True).out
    shown = " ".join(out.split())
    assert f"Not selected, because the plugin {PLUGIN} is not installed: ccs-injection-closed" in shown
    assert "tls-attacks" not in out


def test_the_list_of_plugins_names_what_is_missing(without: dict[str, str], missing: str) -> None:
    """``inspector list plugins`` says which module keeps the plugin from being loaded."""
    command = [sys.executable, "-m", "inspector.cli", "list", "plugins", "--lang", "en"]
    done = subprocess.run(
        command, env={**os.environ, **without}, capture_output=True, text=True, check=True, timeout=300
    )
    [entry] = [row for row in done.stdout.splitlines() if row.strip().startswith(PLUGIN)]
    assert f"not loaded; not installed: {missing}" in entry


def test_a_missing_plugin_cannot_be_asked_for_by_name(line: Line, declaration: Path, without: dict[str, str]) -> None:
    """``--only`` with a check of the missing plugin is a usage error that names the plugin."""
    result = line.spawn("run", declaration, "--only", "heartbleed-closed", env=without, as_usual=True)
    assert result.code == 2
    assert f"--only heartbleed-closed: the plugin {PLUGIN} is not installed" in result.err


def test_a_bundle_with_evidence_of_the_plugin_is_assessed_without_it(
    line: Line, declaration: Path, without: dict[str, str]
) -> None:
    """What was captured with the plugin is assessed elsewhere without it: its rows are not selected there."""
    captured = line.call("run", declaration, "--only", "heartbleed-closed", "--only", "tls-modern-protocols")
    assert captured.verdict("heartbleed-closed")[0] == "pass"
    again = line.spawn("assess", captured.bundle.folder, output=captured.output, env=without, as_usual=True)
    assert again.code == captured.code
    stored = [parsed(folder, "assessment.json") for folder in assessments(captured.output)]
    newest = max(stored, key=lambda each: each["as_of"])
    assert "heartbleed-closed" in newest["coverage"]["not_installed"]
