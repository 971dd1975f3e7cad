"""Where the work tree lies, what its metadata says, and which files belong to it."""

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
METADATA: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = sorted(METADATA["project"]["entry-points"]["inspector"])

# What ./bootstrap, tools and inspections put into the work tree.
GENERATED = {".venv", ".hypothesis", ".lab", ".git", "out", "dist", "build", "__pycache__"}


def _kept(folder: Path) -> Iterator[Path]:
    """The files below a folder, without looking into those that are generated, which hold most files of all."""
    for above, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each not in GENERATED and not each.endswith("_cache")]
        yield from (Path(above, each) for each in files if each not in GENERATED)


def tracked_files() -> list[Path]:
    """The project's files: those that git tracks, or without git all that are not generated."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        paths = list(_kept(ROOT))
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())
