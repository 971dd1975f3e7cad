"""The command that the demonstration prints can be typed as it stands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inspector.cli.demo import program


def test_the_command_has_its_path_where_the_shell_does_not_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ./bootstrap demo no environment is active yet."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "inspector").write_text("#!/bin/sh\n")
    (folder / "inspector").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == ".venv/bin/inspector"
    monkeypatch.setenv("PATH", str(folder))
    assert program() == "inspector"
