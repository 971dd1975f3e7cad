"""Finds and reads the inspections of an archive. Every byte of it is untrusted input.

An archive is the folder in which runs are: ``<archive>/<run>/<system>/<inspection>/`` (``inspector.seal.layout``). What
is torn, altered or not signed by a trusted signer is named with its cause, and not counted.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from inspector.compare.difference import Judged
from inspector.declare.declaration import System, host_in
from inspector.model.base import Same, canonical, digest
from inspector.model.errors import BundleError, InspectorError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.pipeline.capture import COMPLETE
from inspector.record.assessment import Assessment
from inspector.regime.regime import Requirement
from inspector.seal import Bundle, RunIndex, SealedAssessment, State
from inspector.seal.layout import ASSESSMENTS, CAPTURE, INDEX, INDEX_MANIFEST, LEDGER, MANIFEST, SHARED, is_step
from inspector.store.history import InspectionResult

_REQUIREMENTS = TypeAdapter(tuple[Requirement, ...])


class NotCounted(StrEnum):
    """Why a folder of the archive is not counted."""

    NOT_SEALED = "not-sealed"
    ALTERED = "altered"
    UNKNOWN_SIGNER = "unknown-signer"
    INCOMPLETE = "incomplete"
    NOT_ASSESSED = "not-assessed"
    DUPLICATE = "duplicate"
    MISSING = "missing"


class NotCountedError(Exception):
    """A folder that is not counted: ``cause`` and ``detail`` say why."""

    def __init__(self, cause: NotCounted, detail: str = "") -> None:
        super().__init__(cause.value)
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of an inspection, ``name`` relative to the archive; ``assessments`` is how many it has."""

    name: str
    assessments: int


@dataclass(frozen=True, slots=True)
class ReadInspection:
    """An inspection of the archive that counts: its bundle, and the newest assessment by a trusted signer."""

    place: Place
    bundle: Bundle
    sealed: SealedAssessment
    result: InspectionResult

    @property
    def assessment(self) -> Assessment:
        """The newest assessment."""
        return self.sealed.assessment

    @property
    def key(self) -> str:
        """The name of the system in the store: ``ORGANISATION/ID``, or its id where no organisation is known."""
        system, organisation = self.bundle.inspection.system, self.organisation
        return f"{organisation}/{system.id}" if organisation else system.id

    @property
    def organisation(self) -> str:
        """The code of the organisation that declares the system; "" where there is none."""
        organisation = self.bundle.inspection.organisation
        return organisation.code if organisation is not None else ""


def check_archive(archive: Path) -> None:
    """Raise UsageError where a folder is no archive, such as that of one run or one inspection."""
    if not archive.is_dir():
        raise UsageError(
            FormattedMessage("{folder}: there is no such folder", folder=archive),
            remedy="give the folder that holds the runs, as out",
        )
    if (archive / INDEX).is_file() or (archive / CAPTURE).is_dir():
        raise UsageError(
            FormattedMessage("{folder}: is a run or an inspection, not an archive", folder=archive),
            remedy="give the folder that holds the runs, as out",
        )


def places(archive: Path) -> Iterator[Place]:
    """The folders of inspections, in the order of their names; links are not followed."""
    for run in _folders(archive):
        if run == SHARED:
            continue
        for system in _folders(archive / run):
            for inspection in _folders(archive / run / system):
                folder = archive / run / system / inspection
                if os.path.lexists(folder / CAPTURE) or os.path.lexists(folder / LEDGER):
                    yield Place(f"{run}/{system}/{inspection}", len(_folders(folder / ASSESSMENTS)))


def _folders(folder: Path) -> list[str]:
    """The names of the folders in a folder, none where it is not there. Raises UsageError where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(each.name for each in entries if each.is_dir(follow_symlinks=False) and is_step(each.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(
            FormattedMessage("{folder}: cannot be read: {reason}", folder=folder, reason=error.strerror),
            remedy="make it readable, then try again",
        ) from None


def missing(archive: Path, trusted: Collection[str], counted: Collection[str]) -> Iterator[tuple[str, NotCounted, str]]:
    """What the indexes of the runs list as sealed, and is not in the archive; and indexes that cannot be relied upon.

    Each with its folder or file, the cause and a text. ``counted`` are the runs of which an inspection counts: that of
    another one by a stranger is no news.
    """
    for run in _folders(archive):
        if not os.path.lexists(archive / run / INDEX):
            continue
        index = RunIndex(archive, run)
        try:
            attempts = index.attempts()
            listed = [each for each in attempts if each.state is State.SEALED]
            if os.path.lexists(archive / run / INDEX_MANIFEST):
                sealed, signed = index.signed()
                if run in counted and not set(sealed.signers) & set(trusted):
                    yield f"{run}/{INDEX}", NotCounted.UNKNOWN_SIGNER, ", ".join(sealed.signers)
                # No later line, which may be unsigned, takes back what was signed.
                listed += [each for each in signed if each.state is State.SEALED]
            elif listed:
                text = FormattedMessage("its signature {file} is missing", file=INDEX_MANIFEST)
                yield f"{run}/{INDEX}", NotCounted.ALTERED, text
        except BundleError as error:
            yield f"{run}/{INDEX}", NotCounted.ALTERED, error.message
            continue
        for folder in sorted({each.folder for each in listed if each.folder is not None}):
            if not os.path.lexists(archive / run / folder / CAPTURE / MANIFEST):
                yield f"{run}/{folder}", NotCounted.MISSING, ""


def read(archive: Path, place: Place, trusted: Collection[str]) -> ReadInspection:
    """An inspection whose every part is as it was sealed. Raises NotCountedError."""
    folder = archive / place.name
    if not os.path.lexists(folder / CAPTURE / MANIFEST):
        raise NotCountedError(NotCounted.NOT_SEALED)
    try:
        bundle = Bundle.open(folder)
        _refuse_other_place(bundle, place)
        if not set(bundle.signers) & set(trusted):
            raise NotCountedError(NotCounted.UNKNOWN_SIGNER, ", ".join(bundle.signers))
        if bundle.sealed.predicate.reason != COMPLETE:
            raise NotCountedError(NotCounted.INCOMPLETE, bundle.sealed.predicate.reason)
        sealed = _newest(bundle, trusted)
        judged = Judged.of(bundle.inspection, sealed.assessment, bundle.evidence(), bundle.digest)
    except InspectorError as error:
        raise NotCountedError(NotCounted.ALTERED, error.message) from None
    endpoints, hosts = _declared(bundle.inspection.system)
    result = InspectionResult(
        capture=bundle.digest,
        begun=bundle.inspection.begun,
        rules=rules_of(sealed.assessment),
        judged=judged,
        endpoints=endpoints,
        hosts=hosts,
    )
    return ReadInspection(place, bundle, sealed, result)


def _refuse_other_place(bundle: Bundle, place: Place) -> None:
    """Raise BundleError where a bundle lies in the folder of another system or inspection."""
    inspection = bundle.inspection
    if place.name.split("/")[1:] != [inspection.system.id, inspection.id]:
        raise BundleError(
            FormattedMessage(
                "{folder}: holds the inspection {id} of {system}",
                folder=place.name,
                id=inspection.id,
                system=inspection.system.id,
            )
        )


def _newest(bundle: Bundle, trusted: Collection[str]) -> SealedAssessment:
    """The newest assessment that a trusted signer signed; those of others do not count."""
    found = bundle.assessments()
    if not found:
        raise NotCountedError(NotCounted.NOT_ASSESSED)
    known = [each for each in found if set(each.signers) & set(trusted)]
    if not known:
        raise NotCountedError(NotCounted.UNKNOWN_SIGNER, ", ".join(found[-1].signers))
    return known[-1]


def rules_of(assessment: Assessment) -> str:
    """A short digest of everything, besides the evidence, that decides an outcome: rows, plugins, tables and versions.

    It has the first 16 hexadecimal digits of a SHA-256.
    """
    plugins = [(each.name, each.version, each.digest) for each in assessment.plugins]
    tables = [each.digest for each in assessment.tables]
    rows = _digest_of_rows(Same(assessment.requirements))
    return digest(canonical([rows, assessment.inspector_version, plugins, tables, assessment.reparse]))[:16]


@lru_cache(maxsize=32)
def _digest_of_rows(requirements: Same[tuple[Requirement, ...]]) -> str:
    """The digest of resolved rows; those that many bundles share are read once."""
    return digest(_REQUIREMENTS.dump_json(requirements.value))


def _declared(system: System) -> tuple[frozenset[str], frozenset[str]]:
    """The endpoints and the hosts that a system declares, those of its endpoints included."""
    hosts = {each.name for each in system.hosts} | set(map(host_in, system.endpoints))
    return frozenset(system.endpoints), frozenset(hosts)
