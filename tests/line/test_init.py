"""``inspector init`` asks for what it needs, and what it prints as the next commands works as typed."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from inspector.declare import declaration
from inspector.declare.declaration import System
from inspector.registry.registry import installed
from tests.launcher import COMMAND, Launched, launched

GIVEN = ("--organisation", "Cơ quan", "--granted-by", "Chủ quản", "--contact", "a@example.vn", "--level", "2")
SECONDS = 300


def environment(folder: Path) -> dict[str, str]:
    """This machine's environment, with no settings of a user."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INSPECTOR_")}
    return {**kept, "XDG_CONFIG_HOME": str(folder / "config"), "LC_ALL": "C.UTF-8", "TERM": "dumb"}


def inspector(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command, typed in this folder."""
    return launched(
        [*COMMAND, *words],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def dialogue(folder: Path, answers: list[str], *words: str) -> tuple[int, str]:
    """The exit code and the text of a command on a terminal where these answers are typed ahead."""
    ours, theirs = pty.openpty()
    process = Launched(
        [*COMMAND, *words],
        cwd=folder,
        env=environment(folder),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    said = b""
    try:
        while data := os.read(ours, 65536):
            said += data
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    return process.wait(SECONDS), said.decode().replace("\r\n", "\n")


def systems(path: Path) -> tuple[System, ...]:
    return declaration.load(path, installed().schemes)[0].systems


def next_commands(said: str) -> list[list[str]]:
    """The commands that are printed as the next ones, as a shell reads them."""
    return [shlex.split(line)[1:] for line in re.findall(r"next: (inspector .*)", said)]


def test_a_bad_answer_is_asked_again_and_loses_nothing(tmp_path: Path) -> None:
    """Each question is put until its answer can be used; endpoints come one by one."""
    answers = ["Cơ quan", "Dịch vụ công", "Dịch vụ công", "dich-vu-cong", "9", "3", "127.0.0.1", "htps://127.0.0.1/"]
    answers += ["imaps://127.0.0.1", "https://127.0.0.1:9443/", "", "https://127.0.0.1/", "Nguyễn Văn A", "0"]
    answers += ["a@example.vn", "moon", "inside", "Hà Nội"]
    code, said = dialogue(tmp_path, answers, "init", "documents")
    assert code == 0, said
    for text in ("cannot be the id", "level '9' does not exist", "has no scheme", "did you mean https://?"):
        assert text in said
    for text in ("is an endpoint, not a person", "not an e-mail address", "vantage 'moon' is not known"):
        assert text in said
    [declared] = systems(tmp_path / "documents" / "declaration.yaml")
    assert (declared.id, declared.name, declared.level) == ("dich-vu-cong", "Dịch vụ công", 3)
    assert set(declared.endpoints) == {"imaps://127.0.0.1", "https://127.0.0.1:9443/", "host:127.0.0.1"}
    assert tomllib.loads((tmp_path / "inspector.toml").read_text())["vantage"] == {"name": "Hà Nội", "kind": "inside"}


def test_what_it_prints_works_as_typed(tmp_path: Path) -> None:
    """The plan has the contact's folder settings, the hosts are swept, and nothing would be refused."""
    made = inspector(
        tmp_path, "init", "my documents", *GIVEN, "--system", "a", "--name", "A", "--endpoint", "tcp://127.0.0.1:9"
    )
    assert made.returncode == 0, made.stderr
    assert "the vantage is unknown" in made.stderr
    plan, run = next_commands(made.stderr)
    assert (plan[0], run[0]) == ("plan", "run")
    planned = inspector(tmp_path, *plan)
    assert (planned.returncode, "would refuse" in planned.stderr) == (0, False)
    assert "host:127.0.0.1" in planned.stdout
    assert tomllib.loads((tmp_path / "inspector.toml").read_text())["contact"] == "a@example.vn"


def test_a_second_system_is_added_to_what_is_there(tmp_path: Path) -> None:
    """The declaration has both, the second is permitted by a document of its own, and the commands name all of them."""
    for system in ("one", "two"):
        words = ("--system", system, "--name", system, "--endpoint", f"https://127.0.0.1:{9000 + len(system)}/")
        made = inspector(tmp_path, "init", "documents", *GIVEN, *words)
        assert made.returncode == 0, made.stderr
    folder = tmp_path / "documents"
    assert [each.id for each in systems(folder / "declaration.yaml")] == ["one", "two"]
    plan, _ = next_commands(made.stderr)
    assert plan.count("-a") == 2
    planned = inspector(tmp_path, *plan)
    assert (planned.returncode, "would refuse" in planned.stderr) == (0, False)
    again = inspector(tmp_path, "init", "documents", *GIVEN, *words)
    assert (again.returncode, "system 'two' is declared already" in again.stderr) == (2, True)


def test_an_existing_file_is_never_lost(tmp_path: Path) -> None:
    """Settings and statements are kept; an authorisation in the way is an error before anything is written."""
    (tmp_path / "inspector.toml").write_text('contact = "own@example.vn"\n[vantage]\nkind = "ci"\n')
    (tmp_path / "authorisation.yaml").write_text("signed\n")
    words = ("--system", "a", "--name", "A", "--endpoint", "tcp://127.0.0.1:9")
    refused = inspector(tmp_path, "init", ".", *GIVEN, *words)
    assert (refused.returncode, "authorisation.yaml exists" in refused.stderr) == (2, True)
    assert not (tmp_path / "declaration.yaml").exists()
    made = inspector(tmp_path, "init", "documents", *GIVEN, *words, "--vantage", "inside")
    assert made.returncode == 0
    assert "own@example.vn" in (tmp_path / "inspector.toml").read_text()
    assert "inspector.toml keeps the contact own@example.vn, which targets are told" in made.stderr
    assert "inspector.toml keeps the vantage ci (unnamed), not inside (unnamed)" in made.stderr


@pytest.mark.parametrize("flag", ["--organisation", "--granted-by", "--contact", "--level"])
def test_without_a_terminal_a_missing_option_is_named(tmp_path: Path, flag: str) -> None:
    """Nothing waits for an answer that nobody can give."""
    at = GIVEN.index(flag)
    given = (*GIVEN[:at], *GIVEN[at + 2 :], "--system", "a", "--name", "A", "--endpoint", "tcp://127.0.0.1:9")
    made = inspector(tmp_path, "init", "documents", *given)
    assert (made.returncode, f"{flag} is missing; give {flag}" in made.stderr) == (2, True)
