"""A plugin that somebody else published stands next to the built-in ones, and lacks nothing that they have."""

import json
import os
import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.seal import Bundle
from tests.bundles import parsed
from tests.line.harness import ROOT, Line, Servers, document, serving, system

THIRD_PARTY = Path(__file__).with_name("third_party")
USERS = "Login    Name\r\nhoa      Nguyễn Hoa\r\nminh     Trần Minh\r\n"


def wheel(project: Path, folder: Path) -> Path:
    """A wheel of a project, built without network."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=300)
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with our wheel and the third party's, next to the libraries that both need."""
    folder = tmp_path_factory.mktemp("stranger")
    shutil.copytree(THIRD_PARTY, folder / "source")
    wheels = [wheel(ROOT, folder / "ours"), wheel(folder / "source", folder / "theirs")]
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    options = ("--offline", "--no-index", "--no-deps", "--no-cache", "--python", str(python))
    command = [sys.executable, "-m", "uv", "pip", "install", *options, *map(str, wheels)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    [packages] = (folder / "venv" / "lib").glob("python3*/site-packages")
    (packages / "libraries.pth").write_text("\n".join(site.getsitepackages()))
    return folder


#: Runs several command lines in one process of the virtual environment: JSON in, JSON out.
SEVERAL = """
import contextlib, io, json, sys
from inspector.cli.app import call
result = []
for arguments in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = call(arguments)
    result.append([code, out.getvalue()])
json.dump(result, sys.stdout)
"""


class Installed:
    """The ``inspector`` command of the virtual environment."""

    def __init__(self, home: Path) -> None:
        self.line = Line(home)
        self._programs = home / "venv" / "bin"

    def start(self, program: str, *arguments: object, said: str = "") -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            [str(self._programs / program), *map(str, arguments)],
            cwd=self.line.folder,
            env=environment,
            input=said,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """One command."""
        return self.start("inspector", *arguments)

    def result(self, *commands: tuple[object, ...]) -> list[str]:
        """What several commands print."""
        orders = json.dumps([[*map(str, command)] for command in commands])
        answers = json.loads(self.start("python", "-c", SEVERAL, said=orders).stdout)
        assert [code for code, _ in answers] == [0] * len(commands)
        return [out for _, out in answers]


@pytest.fixture(scope="module")
def inspector(home: Path) -> Installed:
    return Installed(home)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with serving(
        {"name": "talks", "mode": "line", "body": USERS},
        {"name": "keeps quiet", "mode": "line", "body": "No one logged on.\r\n"},
    ) as servers:
        yield servers


def test_environment_runs_the_wheels(home: Path, inspector: Installed) -> None:
    """What is tested is what was installed, not the work tree."""
    modules = ("inspector", "inspector_tls", "inspector_finger")
    code = f"import {', '.join(modules)}; print({', '.join(f'{each}.__file__' for each in modules)})"
    paths = inspector.start("python", "-c", code).stdout.split()
    assert len(paths) == 3
    assert all(path.startswith(str(home / "venv")) for path in paths)


def test_its_own_tests_use_our_kit(home: Path, inspector: Installed) -> None:
    """Its cases, recordings and translations are tested with ``inspector.testing`` alone."""
    options = ("-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--import-mode=importlib")
    done = inspector.start("python", "-m", "pytest", *options, home / "source" / "finger_cases.py")
    assert "4 passed" in done.stdout, done.stdout + done.stderr


ROWS = {
    "plugins": ("inspector_finger", "inspector-finger", "2.5"),
    "probes": ("finger", "finger/1", "polite"),
    "checks": ("finger-no-users-listed", "Dịch vụ finger không tiết lộ tên đăng nhập của ai"),
    "schemes": ("finger", "service", "79"),
}


def test_listed_explained_and_in_the_schema(inspector: Installed) -> None:
    """Each contribution stands in its list; its page has claim, remediation and rows; an editor learns its scheme."""
    explain = ("explain", "finger-no-users-listed", "--lang")
    *lists, english, vietnamese, schema = inspector.result(
        *(("list", what, "--lang", "vi") for what in ROWS),
        (*explain, "en"),
        (*explain, "vi"),
        ("schema", "declaration"),
    )
    for result, row in zip(lists, ROWS.values(), strict=True):
        assert [line for line in result.splitlines() if all(cell in line for cell in row)], row
    assert "The finger service lists no login names" in english
    assert "Remediation: switch the finger service off." in english
    assert "vn-nd331-2026 · finger-no-users-listed" in english
    assert "vn-tt12-2022 · finger-no-users-listed" in english
    assert "tắt dịch vụ finger." in vietnamese
    endpoints = json.loads(schema)["$defs"]["System"]["properties"]["endpoints"]
    assert "finger" in endpoints["items"]["description"]


def test_planned_inspected_and_reported(inspector: Installed, servers: Servers) -> None:
    """Its scheme is declared, its probe planned and run, its check assessed and reported in both languages."""
    line = inspector.line
    talks, quiet = (f"finger://127.0.0.1:{servers.ports[name]}" for name in ("talks", "keeps quiet"))
    declaration = line.declare(system(talks, quiet))
    output = line.folder / "out"
    options = line.options(output)

    [plan] = inspector.result(("plan", declaration, "--lang", "en", *options))
    shown = " ".join(plan.split())
    assert "Planned scans by authorisation a-1" in shown
    assert f"{talks}: finger " in shown

    run = inspector.run(
        "run",
        declaration,
        "--only",
        "inspector_finger",
        "--fail-on",
        "medium",
        "--format",
        "sarif,junit",
        *options,
        "--lang",
        "vi",
        "--verbose",
    )
    assert run.returncode == 1, run.stderr
    assert f"{talks} – Dịch vụ finger không tiết lộ tên đăng nhập của ai" in run.stdout

    [capture] = output.glob("*/*/*/capture")
    bundle = Bundle.open(capture.parent)
    [record] = [each for each in bundle.inspection.plugins if each.name == "inspector_finger"]
    assert (record.distribution, record.version) == ("inspector-finger", "2.5")
    [judged] = capture.parent.glob("assessments/*")
    findings = {each["subject"]: each for each in parsed(judged, "findings.json")}
    assert (findings[talks]["outcome"], findings[talks]["measured"]) == ("fail", ["hoa", "minh"])
    assert findings[talks]["confirmed"] is True
    assert findings[quiet]["outcome"] == "pass"
    written = capture.parents[1].glob(f"{judged.name}.*")
    reports = {path.name.removeprefix(f"{judged.name}."): path.read_text(encoding="utf-8") for path in written}
    assert "tiết lộ các tên đăng nhập hoa, minh" in reports["report.vi.html"]
    assert "tells the login names hoa, minh" in reports["report.en.html"]
    assert "tells the login names hoa, minh" in reports["report.sarif"]
    assert "Switch the finger service off." in reports["report.en.html"]
    assert "Tắt dịch vụ finger." in reports["report.vi.html"]

    [verified] = inspector.result(("verify", capture.parent, "--lang", "en", *options))
    assert "reproduced: assessing again gives the same bytes" in verified


def test_smoke_row_counts_like_any_other(inspector: Installed, servers: Servers) -> None:
    """``--select smoke`` takes its row along, and an endpoint given on the command line may have its scheme."""
    talks = f"finger://127.0.0.1:{servers.ports['talks']}"
    options = inspector.line.options(inspector.line.folder / "smoke")
    run = inspector.run("run", talks, "--level", 2, "--select", "smoke", "--lang", "en", "--verbose", *options)
    assert run.returncode == 0, run.stderr
    assert "medium" in run.stdout
    assert "tells the login names hoa, minh" in run.stdout


def test_without_it_the_scheme_is_unknown(tmp_path: Path) -> None:
    """Where it is not installed, its endpoint is a located fault that lists the known schemes."""
    line = Line(tmp_path)
    declaration = document(
        tmp_path / "d.yaml", {"organisation": {"code": "x", "name": "X"}, "systems": [system("finger://h")]}
    )
    result = line.call("plan", declaration)
    assert result.code == 2
    assert "scheme 'finger' is not known" in result.err
