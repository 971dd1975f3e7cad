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
from inspector.record.limits import check_size
from inspector.seal import atomic_files as disk
from inspector.seal.bundle import Bundle
from inspector.seal.json_parts import ASSESSMENT
from inspector.seal.layout import ASSESSMENTS, LOCK, MANIFEST, PARTIAL, REPORTS, assessment_name, is_path, is_step
from inspector.seal.manifest import AssessmentSealed, envelope_of, faults_of, payload_of, read_manifest
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder


def add_assessment(bundle: Bundle, assessment: Assessment, reports: Mapping[str, bytes], key: SigningKey) -> Path:
    """Write ``assessment`` and its ``reports`` (file name → bytes) into the bundle, signed; the result is their folder.

    The folder appears complete or not at all. The same assessment with the same reports is written once; another one of
    the same date and regime gets a numbered folder. Raises BundleError.
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
    files = ASSESSMENT.split(assessment) | {f"{REPORTS}/{name}": data for name, data in reports.items()}
    predicate = AssessmentSealed(
        capture=bundle.digest,
        inspection=assessment.inspection,
        as_of=assessment.as_of,
        regime=assessment.regime,
        regime_version=assessment.regime_version,
        inspector_version=assessment.inspector_version,
    )
    payload = payload_of({name: digest(data) for name, data in files.items()}, predicate)
    UntrustedFolder(bundle.folder).refuse_irregular()
    locked = disk.lock(bundle.folder / LOCK)
    try:
        name = next(name for name in _names(assessment) if _is_free(bundle, name) or _contains(bundle, name, payload))
        folder = bundle.folder / ASSESSMENTS / name
        if _is_free(bundle, name):
            files |= {MANIFEST: envelope_of(payload, key)}
            for file, data in files.items():
                check_size(f"{ASSESSMENTS}/{name}/{file}", len(data))
            _write(folder, files, bundle.folder / PARTIAL)
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
    return sealed.digest == digest(payload) and not faults_of(files, part, sealed)


def _write(folder: Path, files: Mapping[str, bytes], partial: Path) -> None:
    """Write ``files`` so that ``folder`` appears complete or not at all."""
    temporary = partial / secrets.token_hex(8)
    for name, data in files.items():
        disk.make_folder((temporary / name).parent)
        disk.write_file(temporary / name, data, partial=temporary)
    disk.make_folder(folder.parent)
    with disk.writing(folder):
        temporary.rename(folder)
        disk.sync_folder(folder.parent)
