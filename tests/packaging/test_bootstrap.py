"""The two commands of the README explain themselves where they cannot go on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.project import ROOT


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    """A machine without nmap whose user is not root: a folder with ./bootstrap and a PATH of its own in bin/."""
    shutil.copy(ROOT / "bootstrap", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "cat", "awk", "cksum"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    stub(programs / "id", "echo 1000")
    return tmp_path


def stub(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


def bootstrap(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./bootstrap", *arguments],
        cwd=folder,
        env={"PATH": str(folder / "bin"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_without_a_command_it_prints_its_usage(laptop: Path) -> None:
    done = bootstrap(laptop)
    assert done.returncode == 2
    assert "./bootstrap [--lab | --agreement] COMMAND" in done.stdout


def test_an_unknown_command_is_named(laptop: Path) -> None:
    done = bootstrap(laptop, "tets")
    assert done.returncode == 2
    assert "no command 'tets'" in done.stderr


@pytest.mark.parametrize("command", ["demo", "test", "setup"])
def test_who_is_not_root_gets_the_command_to_type(laptop: Path, command: str) -> None:
    stub(laptop / "bin" / "apt-get", "echo apt-get was called; exit 1")
    done = bootstrap(laptop, command)
    assert done.returncode == 1
    install = (
        r"sudo apt-get update && sudo apt-get install -y --no-install-recommends (python3 )?(python3-venv )?nmap\b"
    )
    assert re.search(rf"^    {install}", done.stderr, flags=re.MULTILINE)
    assert "apt-get was called" not in done.stdout + done.stderr


def test_a_path_that_is_not_utf_8_is_told(laptop: Path) -> None:
    """Nothing can be installed there; the message says what to do before anything is tried."""
    (laptop / "bin" / "iconv").symlink_to(str(shutil.which("iconv")))
    folder = Path(os.fsdecode(os.fsencode(laptop) + b"/\xe9"))
    folder.mkdir()
    shutil.copy(ROOT / "bootstrap", folder)
    done = bootstrap(folder, "demo", PATH=str(laptop / "bin"))
    assert done.returncode == 1
    assert done.stderr.startswith("bootstrap: the path of this folder is not UTF-8. What to do: ")


def test_another_system_gets_the_list_of_what_is_missing(laptop: Path) -> None:
    done = bootstrap(laptop, "demo")
    assert done.returncode == 1
    assert "nmap" in done.stderr
    assert "the system's own package manager" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "ci", "expected"),
    [
        (("setup",), "", False),
        (("test",), "", False),
        (("demo",), "true", False),
        (("setup", "--lab"), "", True),
        (("--lab", "test"), "", True),
        (("setup",), "true", True),
    ],
)
def test_lab_servers_are_installed_only_where_asked(
    laptop: Path, arguments: tuple[str, ...], ci: str, expected: bool
) -> None:
    stub(laptop / "bin" / "apt-get", "exit 1")
    done = bootstrap(laptop, *arguments, CI=ci)
    assert done.returncode == 1
    assert ("bind9" in done.stderr) is expected


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_demonstration_keeps_the_tools_of_the_tests(laptop: Path, lock: str) -> None:
    """A .venv that is out of date is brought up to date with the lock that it was made from."""
    (laptop / "bin" / "rm").symlink_to(str(shutil.which("rm")))
    stub(laptop / "bin" / "nmap", "exit 0")
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, laptop)
    programs = laptop / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "inspector"):
        stub(programs / name, "exit 0")
    stub(programs / "uv", f'echo "$@" >> {laptop}/calls')
    (laptop / ".venv" / "fingerprint").write_text(
        f"an older version\n1 2 requirements-dev.lock\n3 4 bootstrap\n{lock}\n"
    )
    done = bootstrap(laptop, "demo", SSL_CERT_FILE=str(laptop / "bootstrap"))
    assert done.returncode == 0, done.stderr
    (sync,) = [each for each in (laptop / "calls").read_text().splitlines() if "pip sync" in each]
    assert sync.endswith(f" {lock}")


def test_ci_calls_the_readme_command() -> None:
    assert "exec ./bootstrap test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", ["bootstrap", ".ci/run", "tests/bare/system.sh"])
def test_script_is_executable_and_parses(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["sh", "-n", str(ROOT / script)], check=True, timeout=300)
