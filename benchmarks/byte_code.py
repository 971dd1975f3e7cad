"""Byte code of everything that is installed, as installers write it, so that no measured process compiles sources."""

from __future__ import annotations

import compileall
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("inspector", "plugins", "profiles", "reports", "benchmarks")


def compile_installed() -> None:
    """Compile what has no byte code yet, also where the environment says that Python itself writes none."""
    for place in (Path(sysconfig.get_path("purelib")), *(ROOT / name for name in SOURCES)):
        compileall.compile_dir(place, quiet=2)
