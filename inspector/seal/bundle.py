"""Reads a sealed bundle back. Every byte of it is untrusted input."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from inspector.model.base import digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Evidence, Raw, RawRef, ScanOutput
from inspector.network.pacing.ledger import merged
from inspector.record.assessment import Assessment
from inspector.record.incident import Incident
from inspector.record.inspection import Inspection
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.limits import LINE_BYTES, RAW_BYTES, too_long
from inspector.seal.json_parts import ASSESSMENT, INSPECTION
from inspector.seal.layout import (
    ASSESSMENTS,
    CAPTURE,
    EVIDENCE,
    INCIDENTS,
    LEDGER,
    MANIFEST,
    REPORTS,
    TRUST,
    assessment_name,
    is_sha256,
    is_step,
)
from inspector.seal.manifest import AssessmentSealed, CaptureSealed, Sealed, read_manifest
from inspector.seal.scan_parts import evidence_in, is_scan_part, raw_places
from inspector.seal.sealed_part import SealedPart
from inspector.seal.shared_files import archive_of
from inspector.seal.untrusted_files import FileFault, UntrustedFolder, parse, printable, refuse


@dataclass(frozen=True, slots=True)
class SealedAssessment:
    """An assessment in a bundle: ``name`` of its folder, who signed it, and the names of its reports."""

    name: str
    folder: Path
    assessment: Assessment
    digest: str
    signers: tuple[str, ...]
    reports: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A sealed bundle. Every part is verified when the bundle is opened, and again when it is read.

    ``signers`` are the keys that signed (public keys in hexadecimal); whether to trust them is the caller's decision.
    """

    folder: Path
    inspection: Inspection
    capture: SealedPart
    _parsed: dict[str, Evidence] = field(default_factory=dict, repr=False)
    _raw: dict[str, tuple[str, int, int]] = field(default_factory=dict, init=False, repr=False)
    _last: dict[str, bytes] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def open(cls, folder: Path, parsed: Mapping[str, Evidence] = MappingProxyType({})) -> Bundle:
        """The bundle in ``folder``; raises BundleError that names every part that differs from what was sealed.

        ``parsed`` is evidence by the digest of its bytes, which need not be parsed again.
        """
        if not (folder / CAPTURE / MANIFEST).exists():
            raise BundleError(
                FormattedMessage("{folder}: is not a sealed bundle", folder=folder),
                remedy="seal or resume it, or name another folder",
            )
        files = UntrustedFolder(folder)
        capture = SealedPart(files, archive_of(folder), CAPTURE, read_manifest(files, CAPTURE, CaptureSealed))
        refuse(capture.faults())
        with capture.opened() as content_of:
            inspection = INSPECTION.join(content_of, CAPTURE)
        if inspection.id != capture.sealed.predicate.inspection:
            raise BundleError(
                FormattedMessage(
                    "{file}: is not the inspection that the manifest names", file=f"{CAPTURE}/inspection.json"
                )
            )
        return cls(folder, inspection, capture, dict(parsed))

    @property
    def sealed(self) -> Sealed[CaptureSealed]:
        """The manifest of the capture."""
        return self.capture.sealed

    @property
    def digest(self) -> str:
        """The head digest: SHA-256 of the signed payload, which covers the whole capture."""
        return self.sealed.digest

    @property
    def signers(self) -> tuple[str, ...]:
        """The keys with a valid signature on the capture."""
        return self.sealed.signers

    def evidence(self) -> tuple[tuple[str, Evidence], ...]:
        """All evidence with its digests, ordered by digest; raises BundleError."""
        names = self._scans()
        if not names:
            return ()
        with self.capture.opened() as content_of:
            return tuple(sorted((self._evidence(name, content_of(name)) for name in names), key=lambda each: each[0]))

    def _scans(self) -> list[str]:
        return [name for name in self.sealed.files if is_scan_part(name)]

    def _evidence(self, name: str, content: bytes) -> tuple[str, Evidence]:
        known, evidence = evidence_in(content, f"{CAPTURE}/{name}", self._parsed)
        self._parsed[known] = evidence
        return known, evidence

    def raw(self, ref: RawRef) -> bytes:
        """The raw bytes of ``ref``; raises BundleError when digest or size differ, or they are not in the bundle."""
        if not is_sha256(ref.sha256):
            raise BundleError(
                FormattedMessage("{file}: a reference to raw bytes has no SHA-256", file=f"{CAPTURE}/{EVIDENCE}")
            )
        if not 0 <= ref.size <= RAW_BYTES:
            raise BundleError(
                FormattedMessage(
                    "{name}: is said to hold {size} bytes; a bundle holds at most {limit} in one",
                    name=f"{CAPTURE}/{EVIDENCE}",
                    size=ref.size,
                    limit=RAW_BYTES,
                )
            )
        if not self._raw:
            self._raw.update(self._places())
        name, begin, end = self._raw.get(ref.sha256, ("", 0, 0))
        if end - begin != ref.size or not name:
            raise BundleError(
                FormattedMessage("{file}: has no raw bytes {sha256}", file=f"{CAPTURE}/{EVIDENCE}", sha256=ref.sha256)
            )
        if name not in self._last:
            self._last.clear()
            self._last[name] = self.capture.read(name)
        data = self._last[name][begin:end]
        if digest(data) != ref.sha256:
            raise BundleError(FormattedMessage("{name}: has changed since it was opened", name=f"{CAPTURE}/{name}"))
        return data

    def _places(self) -> dict[str, tuple[str, int, int]]:
        """Where raw bytes are, by SHA-256: the part, and where they begin and end in it."""
        found: dict[str, tuple[str, int, int]] = {}
        with self.capture.opened() as content_of:
            for name in self._scans():
                places = raw_places(content_of(name), f"{CAPTURE}/{name}")
                found |= {sha256: (name, *place) for sha256, place in places.items()}
        return found

    def output_of(self, evidence: Evidence) -> ScanOutput:
        """The output of ``scan`` with its raw bytes, so that it can be parsed again."""
        raw = tuple(
            Raw(
                name=ref.name,
                data=self.raw(ref),
                media_type=ref.media_type,
                sensitivity=ref.sensitivity,
                truncated=ref.truncated,
            )
            for ref in evidence.raw
        )
        return ScanOutput(
            raw=raw,
            gaps=evidence.gaps,
            discovered=evidence.discovered,
            tools=evidence.tools,
            failure=evidence.failure,
        )

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Everything that the inspecting machine sent, one entry per connection, in order; raises BundleError."""
        return tuple(merged(self.ledger_lines()))

    def ledger_lines(self) -> Iterator[LedgerEntry]:
        """The ledger as written, with an opening and a closing line per connection; raises BundleError."""
        for number, line in enumerate(self.capture.read(LEDGER).splitlines(), start=1):
            place = f"{CAPTURE}/{LEDGER}:{number}"
            if len(line) > LINE_BYTES:
                raise too_long(place, LINE_BYTES)
            yield parse(LedgerEntry, line, place)

    def trust(self, name: str) -> bytes:
        """The trust roots, anchors or table of this name; raises BundleError."""
        data = self.capture.read(f"{TRUST}/{name}")
        if self.inspection.trust.get(name) != digest(data):
            raise BundleError(
                FormattedMessage(
                    "{file}: differs from what the inspection recorded",
                    file=f"{CAPTURE}/{TRUST}/{name}",
                )
            )
        return data

    def assessments(self) -> tuple[SealedAssessment, ...]:
        """The assessments of this capture, oldest ``as_of`` first; raises BundleError."""
        names, faults = assessment_names(UntrustedFolder(self.folder))
        refuse(faults)
        found = [self.assessment(name) for name in names]
        return tuple(sorted(found, key=lambda each: (each.assessment.as_of, len(each.name), each.name)))

    def assessment_digest(self, name: str) -> str:
        """The head digest of an assessment, by its manifest alone; raises BundleError."""
        return read_manifest(UntrustedFolder(self.folder), f"{ASSESSMENTS}/{name}", AssessmentSealed).digest

    def assessment(self, name: str) -> SealedAssessment:
        """One assessment; raises BundleError that names every file that differs from what was sealed."""
        files = UntrustedFolder(self.folder)
        part = f"{ASSESSMENTS}/{name}"
        sealed = read_manifest(files, part, AssessmentSealed)
        whole = SealedPart(files, self.capture.archive, part, sealed)
        refuse(whole.faults())
        with whole.opened() as content_of:
            assessment = ASSESSMENT.join(content_of, part)
        if sealed.predicate.capture != self.digest or assessment.inspection != self.inspection.id:
            raise BundleError(FormattedMessage("{part}: assesses another capture than this one", part=part))
        named = assessment_name(assessment.as_of, assessment.regime)
        if not re.fullmatch(rf"{re.escape(named)}(-[0-9]+)?", name):
            raise BundleError(
                FormattedMessage(
                    "{part}: has a name with another date or regime than its content: {named}",
                    part=part,
                    named=named,
                )
            )
        return SealedAssessment(
            name=name,
            folder=self.folder / ASSESSMENTS / name,
            assessment=assessment,
            digest=sealed.digest,
            signers=sealed.signers,
            reports=tuple(file for file in sorted(sealed.files) if file.startswith(f"{REPORTS}/")),
        )

    def incidents(self) -> tuple[Incident, ...]:
        """What was lost of the capture before it was sealed; raises BundleError."""
        if INCIDENTS not in self.sealed.files:
            return ()
        lines = self.capture.read(INCIDENTS).splitlines()
        return tuple(parse(Incident, line, f"{CAPTURE}/{INCIDENTS}") for line in lines)


def assessment_names(files: UntrustedFolder) -> tuple[list[str], list[FileFault]]:
    """The names of the assessments, and a fault for every other entry of their folder."""
    try:
        entries = files.entries(ASSESSMENTS)
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [FileFault(file=ASSESSMENTS, what=f"cannot be read: {error.strerror}")]
    names = [name for name, status in entries if stat.S_ISDIR(status.st_mode) and is_step(name)]
    others = sorted({name for name, _ in entries} - set(names))
    return names, [FileFault(file=printable(f"{ASSESSMENTS}/{name}"), what="is not an assessment") for name in others]
