"""A launched command is what a start of Python makes of the same words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.launcher import COMMAND, Launched, launched
from tests.line.harness import Line, serving, system, wait_until

#: In a folder that is added to Python's path: a plugin that tells what it is imported into.
PLUGIN = """
import json, os, signal, sys
streams = (sys.stdin, sys.stdout, sys.stderr)
open(os.environ["TOLD"], "w").write(json.dumps({
    "plugins": sorted(name for name in sys.modules if name.startswith("inspector_")),
    "path": sys.path,
    "arguments": [sys.argv, sys.orig_argv[1:]],
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "mask": os.umask(0),
    "streams": [[each.encoding, each.errors, each.line_buffering, each.fileno(), each.name] for each in streams],
    "signals": [getattr(signal.getsignal(each), "__name__", signal.getsignal(each)) for each in range(1, 32)],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "open": sorted(os.listdir("/proc/self/fd")),
    "threads": len(os.listdir("/proc/self/task")),
    "groups": [os.getppid(), os.getpgid(0), os.getsid(0), os.getpriority(os.PRIO_PROCESS, 0)],
    "main": sys.modules["__main__"].__name__,
}))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the plugin is found first."""
    folder = tmp_path_factory.mktemp("telling")
    metadata = folder / "inspector_a_telling-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: inspector_a_telling\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[inspector]\ninspector_a_telling = inspector_a_telling\n")
    (folder / "inspector_a_telling.py").write_text(PLUGIN)
    return {**os.environ, "PYTHONPATH": str(folder), "SAID": "tiếng Việt"}


def test_a_plugin_finds_what_a_start_of_python_gives(environment: dict[str, str], tmp_path: Path) -> None:
    """Arguments, path, environment, folder, streams, open files, signals and parent; and no plugin is there yet."""
    told: list[Any] = []
    for run in (subprocess.run, launched):
        more: dict[str, Any] = {"cwd": tmp_path, "env": {**environment, "TOLD": str(tmp_path / "told")}}
        done = run([*COMMAND, "list", "plugins"], capture_output=True, stdin=subprocess.DEVNULL, check=True, **more)
        told.append(json.loads((tmp_path / "told").read_text()))
        told.append(done.stdout)
    assert told[0] == told[2]
    assert told[1] == told[3]


@pytest.mark.parametrize("words", [("list", "nothing"), ("check", "missing.yaml"), ("--help",)])
def test_exit_code_and_streams_are_the_same(words: tuple[str, ...], tmp_path: Path) -> None:
    """Of commands that succeed and of commands that fail."""
    usual, forked = (
        run([*COMMAND, *words], capture_output=True, text=True, cwd=tmp_path, check=False)
        for run in (subprocess.run, launched)
    )
    assert (usual.returncode, usual.stdout, usual.stderr) == (forked.returncode, forked.stdout, forked.stderr)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_signals_end_it_as_they_end_a_process(line: Line, number: signal.Signals, code: int) -> None:
    """It is a child of the test: signals reach it, and its exit status says which one ended it."""
    with serving({"name": "page", "mode": "silent"}) as servers:
        declaration = line.declare(system(f"http://127.0.0.1:{servers.ports['page']}/"))
        process = line.start("run", declaration, "--only", "no-version-disclosed", output=line.new_output())
        wait_until(lambda: servers.received()["page"], process)
        process.send_signal(number)
        process.communicate(timeout=300)
    assert isinstance(process, Launched)
    assert process.returncode == code


def test_what_python_imports_at_its_start_cannot_be_added(tmp_path: Path) -> None:
    """A test that replaces modules which a launched command has already is told to start Python."""
    (tmp_path / "sitecustomize.py").write_text("")
    done = launched([*COMMAND, "--help"], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True)
    assert (done.returncode, b"start Python itself" in done.stderr) == (1, True)


def test_only_the_command_is_launched() -> None:
    """Another program, or Python with options, is a mistake of the test."""
    with pytest.raises(ValueError, match="is not started by"):
        Launched([sys.executable, "-O", "-m", "inspector.cli"])
