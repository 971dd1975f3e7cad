"""The distribution without its copyleft plugins: a wheel without their folders runs, and says what it leaves out."""

import os
import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.line.harness import ROOT, Line, RunResult, serving, system
from tests.line.test_third_party_plugin import wheel

#: Plugins under the GPL and the AGPL, and the library that obliges each to it.
COPYLEFT = {"inspector_services": "nmap", "inspector_sslyze": "sslyze"}
CHECKS = {
    "inspector_services": {
        "services-no-hypervisor",
        "services-no-known-exploited",
        "services-supported",
        "administration-not-reachable",
        "declared-ports-open",
        "no-cleartext-administration",
        "no-database-reachable",
        "no-file-sharing-reachable",
        "ports-only-declared",
    },
    "inspector_sslyze": {
        "ccs-injection-closed",
        "client-renegotiation-refused",
        "early-data-off",
        "heartbleed-closed",
        "robot-closed",
    },
}


def without(folder: Path, plugins: tuple[str, ...], *, announced: bool) -> Path:
    """A wheel of this tree without these plugins; ``announced``: only their folders are missing."""
    source = folder / "source"
    source.mkdir()
    skipped = shutil.ignore_patterns("__pycache__", *plugins)
    for name in ("inspector", "plugins", "profiles", "reports"):
        shutil.copytree(ROOT / name, source / name, ignore=skipped)
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines(keepends=True)
    dropped = () if announced else tuple(f"{each} = " for each in plugins)
    kept = [line for line in lines if not (dropped and line.startswith(dropped))]
    (source / "pyproject.toml").write_text("".join(kept), encoding="utf-8")
    return wheel(source, folder / "dist")


@pytest.fixture(
    scope="module",
    params=[
        (("inspector_services", "inspector_sslyze"), False),
        (("inspector_services", "inspector_sslyze"), True),
        (("inspector_services",), True),
        (("inspector_sslyze",), False),
    ],
    ids=["both", "both-announced", "services-announced", "sslyze"],
)
def missing(request: pytest.FixtureRequest) -> tuple[tuple[str, ...], bool]:
    """The plugins that are left out, and whether their entry points are there all the same."""
    plugins: tuple[tuple[str, ...], bool] = request.param
    return plugins


@pytest.fixture(scope="module")
def inspector(missing: tuple[tuple[str, ...], bool], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment with that wheel, in which the libraries of the plugins are missing, too."""
    folder = tmp_path_factory.mktemp("without")
    plugins, announced = missing
    made = without(folder, plugins, announced=announced)
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    options = ("--offline", "--no-index", "--no-deps", "--no-cache", "--python", str(python))
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", *options, str(made)],
        check=True,
        capture_output=True,
        timeout=300,
    )
    [packages] = (folder / "venv" / "lib").glob("python3*/site-packages")
    (packages / "libraries.pth").write_text("\n".join(site.getsitepackages()))
    blocked = "".join(f"sys.modules[{COPYLEFT[each]!r}] = None\n" for each in plugins)
    (packages / "sitecustomize.py").write_text(f"import sys\n{blocked}")
    return folder / "venv" / "bin" / "inspector"


@pytest.fixture(scope="module")
def page() -> Iterator[int]:
    with serving({"name": "page", "mode": "page"}) as servers:
        yield servers.ports["page"]


def call(command: Path, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(command), *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def result(inspector: Path, missing: tuple[tuple[str, ...], bool], line: Line, page: int) -> RunResult:
    """An inspection of a page and, where no plugin scans them, of its host's ports."""
    ports = ("host:127.0.0.1",) if "inspector_services" in missing[0] else ()
    declared = system(f"http://127.0.0.1:{page}/", *ports, hosts=[{"name": "127.0.0.1", "ports": [page]}])
    declaration = line.declare(declared, intrusiveness="intrusive")
    output = line.new_output()
    done = call(inspector, "run", declaration, "--lang", "en", *line.options(output), folder=line.folder)
    return RunResult(done.returncode, done.stdout, done.stderr, output)


def test_an_inspection_ends_as_any_other(result: RunResult) -> None:
    """It is sealed and assessed."""
    assert result.code in (0, 1, 3), result.err
    assert "Traceback" not in result.err
    assert result.bundle.sealed.predicate.reason == "complete"
    assert result.verdict("no-version-disclosed") == ("pass", None)


def test_rows_of_the_missing_plugins_are_not_selected(result: RunResult, missing: tuple[tuple[str, ...], bool]) -> None:
    """They have no verdict; coverage and report list them with the plugin that is missing."""
    expected = {check for plugin in missing[0] for check in CHECKS[plugin]}
    assessment = result.bundle.assessments()[0].assessment
    checks = {row.id: row.check for row in assessment.requirements}
    assert {checks[each] for each in assessment.coverage.not_installed} == expected
    assert not expected & {each["check"] for each in result.findings}
    report = result.reports()["report.en.html"].decode()
    said = report.partition("an optional plugin is not installed")[2].partition("</section>")[0]
    assert all(plugin in said for plugin in missing[0])


def test_the_bundle_is_reproduced(result: RunResult, inspector: Path, line: Line) -> None:
    """It is verified and assessed again by the same installation."""
    folder = result.bundle.folder
    options = line.options(line.new_output())
    verified = call(inspector, "verify", folder, "--lang", "en", *options, folder=line.folder)
    assert "reproduced: assessing again gives the same bytes" in verified.stdout, verified.stderr
    assert call(inspector, "assess", folder, *options, folder=line.folder).returncode == result.code


@pytest.mark.parametrize("missing", [(("inspector_services", "inspector_sslyze"), False)], ids=["both"], indirect=True)
def test_the_demonstration_runs(inspector: Path, tmp_path: Path) -> None:
    """It works from servers to reports, as in the whole distribution."""
    done = call(inspector, "demo", "--quiet", "--lang", "en", "-o", tmp_path / "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Check a sealed bundle" in done.stdout
