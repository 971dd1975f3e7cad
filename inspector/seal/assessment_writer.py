"""Writes an assessment next to the capture that it assesses."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from inspector.model.base import digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.record.assessment import Assessment
from inspector.record.limits import check_part
from inspector.seal import atomic_files as disk
from inspector.seal.bundle import Bundle
from inspector.seal.json_parts import ASSESSMENT
from inspector.seal.layout import (
    ASSESSMENTS,
    LOCK,
    MANIFEST,
    PACK,
    PARTIAL,
    REPORTS,
    SHARED,
    assessment_name,
    is_path,
    is_step,
)
from inspector.seal.manifest import AssessmentSealed, envelope_of, payload_of, read_manifest
from inspector.seal.pack import PackWriter, compressed
from inspector.seal.sealed_part import SealedPart
from inspector.seal.shared_files import add_shared, shared_of
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder


def add_assessment(bundle: Bundle, assessment: Assessment, reports: Mapping[str, bytes], key: SigningKey) -> Path:
    """Write ``assessment`` and the ``reports`` to keep (file name → bytes) into the bundle, signed.

    The result is their folder, which appears complete or not at all. The same assessment with the same reports is
    written once; another one of the same date and regime gets a numbered folder. Raises BundleError.
    """
    if assessment.inspection != bundle.inspection.id:
        raise BundleError(
            FormattedMessage("{folder}: the assessment is about another inspection", folder=bundle.folder)
        )
    for name in reports:
        if not is_path(name):
            raise BundleError(
                FormattedMessage("{name} cannot be the name of a report", name=repr(name)),
                remedy="use letters, digits, dot, - and _",
            )
    parts = ASSESSMENT.split(assessment)
    for file, data in {**parts, **{f"{REPORTS}/{name}": data for name, data in reports.items()}}.items():
        check_part(f"{ASSESSMENTS}/{file}", data)
    # Where the capture shares nothing, no archive is known to be there.
    common, own = shared_of(parts) if bundle.capture.shared else ({}, parts)
    pack = PackWriter(bundle.digest[:16])
    frames = [pack.frame(name, compressed(data, is_small=True)) for name, data in own.items()]
    files = {PACK: b"".join(data for _, data in frames)} | {f"{REPORTS}/{name}": data for name, data in reports.items()}
    digests = {name: digest(data) for name, data in files.items()}
    digests |= {frame.header.name: frame.header.sha256 for frame, _ in frames}
    digests |= {f"{SHARED}/{name}": sha256 for name, (sha256, _) in common.items()}
    predicate = AssessmentSealed(
        capture=bundle.digest,
        inspection=assessment.inspection,
        as_of=assessment.as_of,
        regime=assessment.regime,
        regime_version=assessment.regime_version,
        inspector_version=assessment.inspector_version,
    )
    payload = payload_of(digests, predicate)
    UntrustedFolder(bundle.folder).refuse_irregular()
    locked = disk.lock(bundle.folder / LOCK)
    try:
        name = next(name for name in _names(assessment) if _is_free(bundle, name) or _contains(bundle, name, payload))
        folder = bundle.folder / ASSESSMENTS / name
        if _is_free(bundle, name):
            files |= {MANIFEST: envelope_of(payload, key)}
            partial = bundle.folder / PARTIAL
            with disk.writing(partial):
                partial.mkdir(disk.FOLDER_MODE, exist_ok=True)
            add_shared(bundle.capture.archive.path, dict(common.values()), partial)
            _write(folder, files, partial)
        return folder
    finally:
        disk.tidy(bundle.folder)
        os.close(locked)


def _names(assessment: Assessment) -> Iterator[str]:
    name = assessment_name(assessment.as_of, assessment.regime)
    if not is_step(name):
        raise BundleError(
            FormattedMessage("{regime} cannot be part of a file name", regime=repr(assessment.regime)),
            remedy="rename the regime",
        )
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _is_free(bundle: Bundle, name: str) -> bool:
    return not (bundle.folder / ASSESSMENTS / name).exists()


def _contains(bundle: Bundle, name: str, payload: bytes) -> bool:
    """Whether the assessment of this name is complete and has the same content."""
    files, part = UntrustedFolder(bundle.folder), f"{ASSESSMENTS}/{name}"
    try:
        sealed = read_manifest(files, part, AssessmentSealed)
    except BundleError:
        return False
    return sealed.digest == digest(payload) and not SealedPart(files, bundle.capture.archive, part, sealed).faults()


def _write(folder: Path, files: Mapping[str, bytes], partial: Path) -> None:
    """Write ``files`` so that ``folder`` appears complete or not at all."""
    temporary = partial / secrets.token_hex(8)
    with disk.writing(temporary):
        for above in sorted({(temporary / name).parent for name in files}):
            disk.make_folder(above, is_synced=False)
        for name, data in files.items():
            disk.append_at(temporary / name, data, 0, is_synced=True)
        for above in {(temporary / name).parent for name in files}:
            disk.sync_folder(above)
    disk.make_folder(folder.parent, below=folder.parent.parent)
    with disk.writing(folder):
        temporary.rename(folder)
        disk.sync_folder(folder.parent)
