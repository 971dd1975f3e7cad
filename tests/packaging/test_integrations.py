"""What stands in ``integrations/`` fits the command that it calls."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from inspector.cli.exit_code import CLEAN, MISUSE
from tests.line.harness import authorisation, document, free_port, serving, system

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = YAML(typ="safe").load(ROOT / "integrations" / "github" / "action.yml")
HOOKS: list[dict[str, Any]] = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ACTION["runs"]["steps"]
    return found


def test_the_action_installs_this_repository() -> None:
    """Its path, two folders up, is the root of the work tree that GitHub has fetched."""
    assert '"$GITHUB_ACTION_PATH/../.."' in steps()[0]["run"]
    assert (ROOT / "integrations/github/../../pyproject.toml").is_file()


def test_no_input_of_the_action_is_text_of_a_script() -> None:
    """Inputs are variables: a URL with a command in it stays a URL."""
    for step in steps():
        assert "${{" not in step["run"]
        assert {each for each in step.get("env", {}).values() if "inputs." in each} <= {
            f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]
        }


def act(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """The step that inspects, as the runner would start it."""
    (folder / "inspector" / "bin").mkdir(parents=True)
    (folder / "inspector" / "bin" / "inspector").symlink_to(Path(sys.executable).with_name("inspector"))
    values = {"url": url, "level": "3", "authorised-by": "someone", **_defaults()}
    named = {name: text.split()[1].removeprefix("inputs.") for name, text in steps()[1]["env"].items()}
    inputs = {name: values[each] for name, each in named.items()}
    environment = {**os.environ, "RUNNER_TEMP": str(folder), **inputs}
    return subprocess.run(
        ["bash", "-e", "-c", steps()[1]["run"]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _defaults() -> dict[str, str]:
    return {name: each["default"] for name, each in ACTION["inputs"].items() if "{{" not in each.get("default", "{{")}


def test_the_action_inspects_and_writes_its_reports(tmp_path: Path) -> None:
    """One URL, the default formats; the exit code is that of the command."""
    with serving({"name": "clear", "mode": "page"}) as servers:
        done = act(tmp_path, f"http://127.0.0.1:{servers.ports['clear']}/")
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 3), done.stderr
    assert {path.name for path in (tmp_path / "inspection").iterdir()} >= {"report.sarif", "report.junit.xml"}


def test_a_command_in_the_url_of_the_action_is_not_run(tmp_path: Path) -> None:
    """It is no endpoint, and an error."""
    done = act(tmp_path, "$(touch${IFS}made);`touch${IFS}made`")
    assert done.returncode == MISUSE
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["declaration.yaml", "declaration-2.yml", "sub/authorisation.yaml", "inspector.toml"])
def test_the_hook_reads_the_documents(name: str) -> None:
    """By their names, in any folder; other YAML is none of its business."""
    [hook] = HOOKS
    assert re.search(hook["files"], name)
    assert not re.search(hook["files"], f"{name}.txt")
    assert not re.search(hook["files"], "compose.yaml")


def test_the_hook_tells_good_documents_from_bad(tmp_path: Path) -> None:
    """0 for documents without an error, 2 with the place of each error for others."""
    [hook] = HOOKS
    whole = {"organisation": {"code": "A", "name": "A"}, "systems": [system(f"tcp://127.0.0.1:{free_port()}")]}
    document(tmp_path / "declaration.yaml", whole)
    document(tmp_path / "authorisation.yaml", authorisation())
    document(tmp_path / "several.yaml", [authorisation(), authorisation(id="b")])
    document(tmp_path / "statements.yaml", {"statements": []})
    (tmp_path / "inspector.toml").write_text('contact = "a"\n')
    (tmp_path / "bad.yaml").write_text("systems: [{id: a, levle: 2}]\n")
    (tmp_path / "other.yaml").write_text("services: {}\n")

    def run(*names: str) -> subprocess.CompletedProcess[str]:
        words = [*hook["entry"].split()[1:], *names]
        return subprocess.run(
            [sys.executable, "-m", "inspector.cli", *words],
            cwd=tmp_path,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    good = run("declaration.yaml", "authorisation.yaml", "several.yaml", "statements.yaml", "inspector.toml")
    assert (good.returncode, good.stderr) == (CLEAN, "")
    bad = run("bad.yaml", "other.yaml", "declaration.yaml")
    assert bad.returncode == MISUSE
    assert "bad.yaml:1:" in bad.stderr
    assert "other.yaml: it cannot be told which document this is" in bad.stderr
    assert "declaration.yaml: declaration, no error found" in bad.stdout


def test_the_container_runs_the_tested_steps_without_privileges() -> None:
    """The recipe has one command, the script that the bare-machine test runs, and ends as a user without rights."""
    text = (ROOT / "integrations" / "container" / "Containerfile").read_text(encoding="utf-8")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    words = {line[0]: line[1] for line in lines}
    assert words["RUN"] == "sh /opt/inspector/source/integrations/container/install.sh /opt/inspector"
    assert words["USER"] == "1000:1000"
    assert [name for name, _ in lines].index("USER") > [name for name, _ in lines].index("RUN")
    script = (ROOT / "integrations" / "container" / "install.sh").read_text(encoding="utf-8")
    assert " nmap " in script
    assert "--require-hashes" in script
