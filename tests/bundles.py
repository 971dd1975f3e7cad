"""What tests read of the bundles that an inspection left, and how they copy one with what it shares."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from inspector.seal.layout import shared_name
from inspector.seal.manifest import AssessmentSealed, CaptureSealed, read_manifest
from inspector.seal.sealed_part import SealedPart
from inspector.seal.shared_files import archive_of
from inspector.seal.stored_findings import read_findings
from inspector.seal.untrusted_files import UntrustedFolder
from inspector.seal.verify import shared_by
from tests.core.seal.forgery import names


def content(folder: Path, name: str) -> bytes:
    """A part of a sealed capture or assessment, whose folder is given, wherever it is stored."""
    bundle = folder.parent if folder.name == "capture" else folder.parents[1]
    files, part = UntrustedFolder(bundle), folder.relative_to(bundle).as_posix()
    sealed = read_manifest(files, part, CaptureSealed if part == "capture" else AssessmentSealed)
    return SealedPart(files, archive_of(bundle), part, sealed).read(name)


def parsed(folder: Path, name: str) -> Any:
    """A part in JSON; findings as reports show them."""
    data = content(folder, name)
    if name == "findings.json":
        return [each.model_dump(mode="json") for each in read_findings(data, name)]
    return json.loads(data)


def assessments(output: Path) -> list[Path]:
    """The folders of all assessments in an output folder, by system."""
    return sorted(path.parent for path in output.glob("*/*/*/assessments/*/manifest.dsse.json"))


def recorded(output: Path) -> list[str]:
    """The evidence in the captures of an output folder, sealed or not, in the order in which it was recorded."""
    return [name for path in output.glob("*/*/*/capture") for name in names(path, "evidence")]


def copied(bundle: Path, place: Path) -> Path:
    """A copy of a bundle that has what it shares, as an export has."""
    shutil.copytree(bundle, place)
    (place / "shared").mkdir(mode=0o700)
    for sha256 in shared_by(bundle):
        shutil.copy(archive_of(bundle).path / shared_name(sha256), place / shared_name(sha256))
    return place


def copied_run(run: Path, place: Path) -> Path:
    """A copy of a run below ``place``, with what its archive shares; the result is the run's folder."""
    shutil.copytree(run.parent / "shared", place / "shared")
    return Path(shutil.copytree(run, place / run.name))
