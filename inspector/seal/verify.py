"""Three answers about a bundle: is it intact, is its assessment reproduced, what would the present version say."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from inspector.model.base import Instant, Model
from inspector.model.errors import BundleError, InspectorError
from inspector.model.verdict import Outcome
from inspector.record.assessment import Assessment
from inspector.record.incident import Incident
from inspector.seal.bundle import Bundle, SealedAssessment, assessment_names
from inspector.seal.chain import Predecessors, predecessors
from inspector.seal.json_parts import ASSESSMENT
from inspector.seal.layout import (
    ASSESSMENTS,
    CAPTURE,
    INCIDENTS,
    INDEX,
    INDEX_MANIFEST,
    LEDGER,
    LOCK,
    MANIFEST,
    PARTIAL,
    SALT,
    SHARED,
    UNFINISHED,
    is_path,
    is_shared,
    shared_name,
)
from inspector.seal.manifest import AssessmentSealed, CaptureSealed, Predicate, fault_of, read_manifest
from inspector.seal.run_index import Attempt, RunIndex, State
from inspector.seal.sealed_part import SealedPart
from inspector.seal.shared_files import archive_of
from inspector.seal.untrusted_files import FileFault, UntrustedFolder, printable

#: ``reassess(bundle, assessment)``: the same capture assessed by the present version, same regime and ``as_of``.
Reassess = Callable[[Bundle, Assessment], Assessment]


class Seal(Model):
    """Who signed one manifest (``capture`` or ``assessments/<name>``), and whether a trusted key is among them."""

    part: str
    digest: str
    signers: tuple[str, ...]
    trusted: bool


class Intact(Model):
    """Whether every file is the one that was sealed. ``faults`` names those that are not."""

    faults: tuple[FileFault, ...] = ()
    seals: tuple[Seal, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was altered, lost or added since it was signed, whoever signed it."""
        return not self.faults

    @property
    def altered(self) -> bool:
        """Whether something was altered, lost or added; a file that is too large to be read says neither."""
        return any(not fault.limit for fault in self.faults)

    @property
    def trusted(self) -> bool:
        """Whether it is intact and every manifest in it carries a trusted signer's signature."""
        return self.holds and all(seal.trusted for seal in self.seals)


class Listed(Model):
    """What the signed index of the run says about a bundle, where the index lies beside it.

    ``signers`` signed the index (none: there is no signed index); ``trusted``: one of them is; ``faults`` are bundles
    and assessments that are missing or others than those that it lists, and bundles that it does not list, as where an
    earlier index was put back. ``unfinished`` are systems that were asked for, of which it lists no sealed inspection.
    ``unsigned``: the index lists sealed inspections, each of which was signed in it, but the signature is not there.
    """

    signers: tuple[str, ...] = ()
    unsigned: bool = False
    trusted: bool = False
    faults: tuple[FileFault, ...] = ()
    unfinished: tuple[str, ...] = ()


class Comparison(StrEnum):
    """The result of assessing again."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_COMPARABLE = "not-comparable"
    NOT_ASKED = "not-asked"


class OtherVersion(Model):
    """What has another version now than when the bundle was assessed."""

    name: str
    then: str
    now: str


class Reproduction(Model):
    """One assessment made again.

    ``detail`` names the files that differ, or says why nothing was compared; ``versions`` are those that differ.
    """

    assessment: str
    comparison: Comparison
    detail: str = ""
    versions: tuple[OtherVersion, ...] = ()


class Reproduced(Model):
    """Whether the assessments are reproduced."""

    assessments: tuple[Reproduction, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether no assessment came out differently under the same versions."""
        return all(each.comparison is not Comparison.DIFFERENT for each in self.assessments)


class Difference(Model):
    """A finding whose outcome would be another today; None where there is none."""

    requirement: str
    subject: str
    address: str | None = None
    was: Outcome | None = None
    becomes: Outcome | None = None


class Today(Model):
    """What the present version would say of one assessment's capture."""

    assessment: str
    inspector_version: str
    regime_version: str
    findings: int
    differences: tuple[Difference, ...] = ()


class Head(Model):
    """What a bundle is about: system, inspection and run by id, when it began and ended, and why, what was lost."""

    system: str
    name: str
    inspection: str
    run: str
    begun: Instant
    ended: Instant
    reason: str
    digest: str
    incidents: tuple[Incident, ...] = ()


class Verification(Model):
    """The three answers, and beside them what the bundle is about (None: not intact) and what its run's index says.

    ``before`` is what the archive has of the inspections that were sealed before it.
    """

    head: Head | None = None
    listed: Listed = Listed()
    before: Predecessors = Predecessors()
    intact: Intact
    reproduced: Reproduced
    today: tuple[Today, ...] = ()


def verify(folder: Path, *, trusted: Collection[str], reassess: Reassess | None = None) -> Verification:
    """Examine the bundle in ``folder``. ``trusted`` holds key ids; ``reassess`` assesses again (None: do not).

    Never raises for what is wrong with a bundle: that is the answer.
    """
    known = frozenset(keyid.strip().lower() for keyid in trusted)
    intact = _intact(folder, known)
    if not intact.holds:
        why = "the bundle is not intact" if intact.altered else "the bundle was not read"
        return Verification(intact=intact, reproduced=_not_asked(intact, why))
    bundle = Bundle.open(folder)
    answer = Verification(
        head=_head(bundle),
        listed=_listed(bundle, known),
        before=predecessors(folder, bundle.inspection, bundle.sealed),
        intact=intact,
        reproduced=_not_asked(intact, ""),
    )
    if reassess is None:
        return answer
    pairs = [_again(bundle, judged, reassess) for judged in bundle.assessments()]
    return answer.model_copy(
        update={
            "reproduced": Reproduced(assessments=tuple(reproduction for reproduction, _ in pairs)),
            "today": tuple(today for _, today in pairs if today),
        }
    )


def shared_by(folder: Path) -> set[str]:
    """SHA-256 of the shared files that the manifests of a bundle name. Raises BundleError."""
    files = UntrustedFolder(folder)
    names, _ = assessment_names(files)
    sealed = [read_manifest(files, CAPTURE, CaptureSealed).files]
    sealed += [read_manifest(files, f"{ASSESSMENTS}/{name}", AssessmentSealed).files for name in names]
    return {sha256 for listed in sealed for name, sha256 in listed.items() if is_shared(name)}


def _head(bundle: Bundle) -> Head:
    inspection, sealed = bundle.inspection, bundle.sealed.predicate
    return Head(
        system=inspection.system.id,
        name=inspection.system.name,
        inspection=inspection.id,
        run=inspection.run,
        begun=inspection.begun,
        ended=sealed.ended,
        reason=sealed.reason,
        digest=bundle.digest,
        incidents=bundle.incidents(),
    )


# --- The index of the run ---------------------------------------------------------------------------------------------


def _listed(bundle: Bundle, trusted: frozenset[str]) -> Listed:
    """What the index beside the bundle says; nothing where there is none, or where no inspection was sealed yet."""
    run = bundle.folder.resolve().parent.parent
    index = RunIndex(run.parent, run.name)
    if not os.path.lexists(run / INDEX_MANIFEST):  # a link to nothing is an index that cannot be read
        return _without_signature(index)
    try:
        sealed, attempts = index.signed()
        all_attempts = index.attempts()
    except BundleError as error:
        return Listed(faults=(fault_of(INDEX, error),))
    known = [each for each in attempts if each.state is State.SEALED and each.digest and each.folder]
    if _is_listed_unsigned(bundle, run, known, all_attempts):
        return Listed()
    faults = _unlike_its_index(bundle, known)
    others = {each.folder: each.digest for each in known if each.inspection != bundle.inspection.id}
    faults += [fault for folder, head in others.items() if (fault := _other(run, str(folder), str(head)))]
    finished = {each.folder: each.system for each in all_attempts if each.state is State.SEALED}
    faults += [
        FileFault(
            file=printable(f"../../{place}"), what="is not listed by the index of the run, which may be an earlier one"
        )
        for place in _sealed_in(run)
        if place not in finished
    ]
    return Listed(
        signers=sealed.signers,
        trusted=not trusted.isdisjoint(sealed.signers),
        faults=tuple(faults),
        unfinished=tuple(sorted({each.system for each in all_attempts} - set(finished.values()))),
    )


def _without_signature(index: RunIndex) -> Listed:
    """What an index without a signature says: that is written right after the line of the first sealed inspection."""
    if not os.path.lexists(index.path):
        return Listed()
    try:
        return Listed(unsigned=any(each.state is State.SEALED for each in index.attempts()))
    except BundleError as error:
        return Listed(faults=(fault_of(INDEX, error),))


def _sealed_in(run: Path) -> Iterator[str]:
    """Where the sealed bundles of a run lie, relative to it; what cannot be read has none."""
    files = UntrustedFolder(run)
    with suppress(OSError):
        for system, status in files.entries(""):
            if not stat.S_ISDIR(status.st_mode):
                continue
            for inspection, below in files.entries(system):
                place = f"{system}/{inspection}"
                if stat.S_ISDIR(below.st_mode) and os.path.lexists(run / place / CAPTURE / MANIFEST):
                    yield place


def _is_listed_unsigned(bundle: Bundle, run: Path, signed: list[Attempt], every: Iterable[Attempt]) -> bool:
    """Whether only a line behind the signed ones lists the bundle, because another key sealed it than signed them.

    Where a signed line lists another inspection in its folder, it was exchanged.
    """
    place = bundle.folder.resolve().relative_to(run).as_posix()
    if any(each.inspection == bundle.inspection.id or each.folder == place for each in signed):
        return False
    return any(each.inspection == bundle.inspection.id and each.folder == place for each in every)


def _unlike_its_index(bundle: Bundle, known: list[Attempt]) -> list[FileFault]:
    """What the bundle lacks, or has otherwise, of what the index lists for its inspection."""
    own = [each for each in known if each.inspection == bundle.inspection.id]
    if not own or own[-1].digest != bundle.digest:
        return [FileFault(file=CAPTURE, what="is not a capture that the index of its run lists")]
    found = {each.name: each.digest for each in bundle.assessments()}
    wanted = {each.assessment: each.assessment_digest for each in own if each.assessment}
    return [
        FileFault(
            file=f"{ASSESSMENTS}/{printable(name)}",
            what="is not the one that the index of the run lists" if name in found else "is missing",
        )
        for name, head in sorted(wanted.items())
        if found.get(name) != head
    ]


def _other(run: Path, folder: str, head: str) -> FileFault | None:
    """What is wrong with another bundle of the run; its manifest alone is read."""
    place = printable(f"../../{folder}")
    if not is_path(folder):
        return FileFault(file=place, what="is not the name of a bundle")
    try:
        sealed = read_manifest(UntrustedFolder(run / folder), CAPTURE, CaptureSealed)
    except BundleError:
        return FileFault(file=place, what="is missing, or not a bundle")
    return (
        None if sealed.digest == head else FileFault(file=place, what="is not the one that the index of the run lists")
    )


# --- Intact -----------------------------------------------------------------------------------------------------------


def _intact(folder: Path, trusted: frozenset[str]) -> Intact:
    files = UntrustedFolder(folder)
    seals: list[Seal] = []
    shared: set[str] = set()
    faults = _extra_files(folder)
    faults += _examine(files, CAPTURE, CaptureSealed, trusted, seals, shared)
    names, unknown = assessment_names(files)
    faults += unknown
    for name in names:
        faults += _examine(files, f"{ASSESSMENTS}/{name}", AssessmentSealed, trusted, seals, shared)
    faults += _extra_shared(files, shared)
    if not faults:
        faults += _contents(folder, names)
    return Intact(faults=tuple(faults), seals=tuple(seals))


def _extra_files(folder: Path) -> list[FileFault]:
    """A fault for each entry of the folder that is not part of a bundle."""
    try:
        found = sorted({path.name for path in folder.iterdir()} - {CAPTURE, ASSESSMENTS, SHARED})
    except OSError as error:
        return [FileFault(file=".", what=f"cannot be read: {error.strerror}")]
    left = {LOCK, PARTIAL, SALT, LEDGER, INCIDENTS, UNFINISHED}
    return [
        FileFault(
            file=printable(name),
            what="was left by a writer that was stopped, or is at work" if name in left else "is not part of a bundle",
        )
        for name in found
    ]


def _extra_shared(files: UntrustedFolder, named: set[str]) -> list[FileFault]:
    """A fault for each shared file in the bundle itself, as an export has them, that no manifest names."""
    if not os.path.lexists(files.path / SHARED):
        return []
    found, faults = files.walk(SHARED)
    extra = sorted({f"{SHARED}/{name}" for name in found} - {shared_name(sha256) for sha256 in named})
    return faults + [FileFault(file=printable(name), what="is not in the manifest") for name in extra]


def _examine(
    files: UntrustedFolder,
    part: str,
    kind: type[Predicate],
    trusted: frozenset[str],
    seals: list[Seal],
    shared: set[str],
) -> list[FileFault]:
    """Check one manifest and the parts it names; note its seal, and the shared files that it names."""
    try:
        sealed = read_manifest(files, part, kind)
    except BundleError as error:
        return [fault_of(part, error)]
    seals.append(
        Seal(
            part=part,
            digest=sealed.digest,
            signers=sealed.signers,
            trusted=not trusted.isdisjoint(sealed.signers),
        )
    )
    whole = SealedPart(files, archive_of(files.path), part, sealed)
    shared |= set(whole.shared.values())
    return whole.faults()


def _contents(folder: Path, assessments: list[str]) -> list[FileFault]:
    """Faults of content that was signed as it is: files that do not fit one another."""
    try:
        bundle = Bundle.open(folder)
        for _, evidence in bundle.evidence():
            for ref in evidence.raw:
                bundle.raw(ref)
        for name in bundle.inspection.trust:
            bundle.trust(name)
        for _ in bundle.ledger_lines():
            pass
        for name in assessments:
            bundle.assessment(name)
    except BundleError as error:
        return [fault_of(CAPTURE, error)]
    return []


# --- Reproduced, and today --------------------------------------------------------------------------------------------


def _not_asked(intact: Intact, why: str) -> Reproduced:
    names = [seal.part.removeprefix(f"{ASSESSMENTS}/") for seal in intact.seals if seal.part != CAPTURE]
    return Reproduced(
        assessments=tuple(Reproduction(assessment=name, comparison=Comparison.NOT_ASKED, detail=why) for name in names)
    )


def _again(bundle: Bundle, judged: SealedAssessment, reassess: Reassess) -> tuple[Reproduction, Today | None]:
    was = judged.assessment
    try:
        now = reassess(bundle, was)
    except InspectorError as error:
        return Reproduction(assessment=judged.name, comparison=Comparison.NOT_COMPARABLE, detail=str(error)), None
    today = Today(
        assessment=judged.name,
        inspector_version=now.inspector_version,
        regime_version=now.regime_version,
        findings=len(now.findings),
        differences=_differences(was, now),
    )
    return _compared(judged.name, was, now), today


def _compared(name: str, was: Assessment, now: Assessment) -> Reproduction:
    if other := tuple(each for each in _versions(was, now) if each.then != each.now):
        return Reproduction(assessment=name, comparison=Comparison.NOT_COMPARABLE, versions=other)
    before, after = ASSESSMENT.split(was), ASSESSMENT.split(now)
    if differ := sorted(file for file in before if before[file] != after[file]):
        return Reproduction(assessment=name, comparison=Comparison.DIFFERENT, detail=", ".join(differ))
    return Reproduction(assessment=name, comparison=Comparison.SAME)


def _versions(was: Assessment, now: Assessment) -> Iterator[OtherVersion]:
    """The versions of everything that an assessment depends on, then and now."""
    before, after = _plugins(was), _plugins(now)
    yield OtherVersion(name="inspector", then=was.inspector_version, now=now.inspector_version)
    then = f"{was.regime} {was.regime_version}"
    yield OtherVersion(name="regime", then=then, now=f"{now.regime} {now.regime_version}")
    for name in sorted(before | after):
        yield OtherVersion(name=name, then=before.get(name, "none"), now=after.get(name, "none"))


def _plugins(assessment: Assessment) -> dict[str, str]:
    return {each.name: f"{each.version} {each.digest[:12]}".strip() for each in assessment.plugins}


def _differences(was: Assessment, now: Assessment) -> tuple[Difference, ...]:
    before = {(each.requirement, each.subject, each.address): each.outcome for each in was.findings}
    after = {(each.requirement, each.subject, each.address): each.outcome for each in now.findings}
    return tuple(
        Difference(requirement=key[0], subject=key[1], address=key[2], was=before.get(key), becomes=after.get(key))
        for key in sorted(before.keys() | after.keys(), key=lambda key: (key[0], key[1], key[2] or ""))
        if before.get(key) is not after.get(key)
    )
