"""Reads a sealed bundle back. Every byte of it is untrusted input."""

from __future__ import annotations

import io
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

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
    INCIDENTS,
    LEDGER,
    MANIFEST,
    OBSERVATIONS,
    REPORTS,
    TRUST,
    assessment_name,
    is_sha256,
    is_step,
    observation_name,
    raw_name,
)
from inspector.seal.manifest import AssessmentSealed, CaptureSealed, Sealed, faults_of, read_manifest
from inspector.seal.untrusted_files import FileFault, UntrustedFolder, parse, printable, refuse

#: The maximum window of the decompressor (bytes of memory).
_WINDOW_BYTES = 8 * 2**20


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
    """A sealed bundle. Every file is verified when the bundle is opened, and again when it is read.

    ``signers`` are the keys that signed (public keys in hexadecimal); whether to trust them is the caller's decision.
    """

    folder: Path
    inspection: Inspection
    sealed: Sealed[CaptureSealed]

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """The bundle in ``folder``; raises BundleError that names every file that differs from what was sealed."""
        if not (folder / CAPTURE / MANIFEST).exists():
            raise BundleError(
                FormattedMessage("{folder}: is not a sealed bundle", folder=folder),
                remedy="seal or resume it, or name another folder",
            )
        files = UntrustedFolder(folder)
        sealed = read_manifest(files, CAPTURE, CaptureSealed)
        refuse(faults_of(files, CAPTURE, sealed))
        inspection = INSPECTION.join(lambda file: _read(files, CAPTURE, sealed.files, file), CAPTURE)
        if inspection.id != sealed.predicate.inspection:
            raise BundleError(
                FormattedMessage(
                    "{file}: is not the inspection that the manifest names", file=f"{CAPTURE}/inspection.json"
                )
            )
        return cls(folder, inspection, sealed)

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
        prefix = f"{OBSERVATIONS}/"
        names = sorted(name for name in self.sealed.files if name.startswith(prefix))
        return tuple(self._evidence(name.removeprefix(prefix).removesuffix(".json")) for name in names)

    def _evidence(self, one: str) -> tuple[str, Evidence]:
        file = f"{CAPTURE}/{observation_name(one)}"
        data = self._read(observation_name(one))
        if digest(data) != one:
            raise BundleError(FormattedMessage("{file}: is not named by its SHA-256", file=file))
        return one, parse(Evidence, data, file)

    def raw(self, ref: RawRef) -> bytes:
        """The raw bytes of ``ref``; raises BundleError when digest or size differ."""
        if not is_sha256(ref.sha256):
            raise BundleError(
                FormattedMessage(
                    "{file}: a reference to raw bytes has no SHA-256",
                    file=f"{CAPTURE}/{OBSERVATIONS}",
                )
            )
        name = f"{CAPTURE}/{raw_name(ref.sha256)}"
        if not 0 <= ref.size <= RAW_BYTES:
            raise BundleError(
                FormattedMessage(
                    "{name}: is said to hold {size} bytes; a bundle holds at most {limit} in one",
                    name=name,
                    size=ref.size,
                    limit=RAW_BYTES,
                )
            )
        data = decompressed(self._read(raw_name(ref.sha256)), ref.size, name)
        if digest(data) != ref.sha256:
            raise BundleError(FormattedMessage("{name}: does not match the SHA-256 in its name", name=name))
        return data

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

    def ledger_lines(self) -> list[LedgerEntry]:
        """The ledger as written, with an opening and a closing line per connection; raises BundleError."""
        entries: list[LedgerEntry] = []
        for number, line in enumerate(self._read(LEDGER).splitlines(), start=1):
            place = f"{CAPTURE}/{LEDGER}:{number}"
            if len(line) > LINE_BYTES:
                raise too_long(place, LINE_BYTES)
            entries.append(parse(LedgerEntry, line, place))
        return entries

    def trust(self, name: str) -> bytes:
        """The trust roots, anchors or table of this name; raises BundleError."""
        data = self._read(f"{TRUST}/{name}")
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

    def assessment(self, name: str) -> SealedAssessment:
        """One assessment; raises BundleError that names every file that differs from what was sealed."""
        files = UntrustedFolder(self.folder)
        part = f"{ASSESSMENTS}/{name}"
        sealed = read_manifest(files, part, AssessmentSealed)
        refuse(faults_of(files, part, sealed))
        assessment = ASSESSMENT.join(lambda file: _read(files, part, sealed.files, file), part)
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
        lines = self._read(INCIDENTS).splitlines()
        return tuple(parse(Incident, line, f"{CAPTURE}/{INCIDENTS}") for line in lines)

    def _read(self, name: str) -> bytes:
        return _read(UntrustedFolder(self.folder), CAPTURE, self.sealed.files, f"{CAPTURE}/{name}")


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


def _read(files: UntrustedFolder, part: str, expected: Mapping[str, str], file: str) -> bytes:
    """A file of ``part``, verified against its manifest again, because it may have changed since."""
    name = file.removeprefix(f"{part}/")
    if name not in expected:
        raise BundleError(FormattedMessage("{file}: is missing", file=printable(file)))
    data = files.read(file)
    if digest(data) != expected[name]:
        raise BundleError(FormattedMessage("{file}: is not what was sealed, since its SHA-256 differs", file=file))
    return data


def decompressed(data: bytes, size: int | None, name: str) -> bytes:
    """``data`` decompressed; raises BundleError when that is not ``size`` bytes (None: at most RAW_BYTES)."""
    limit = RAW_BYTES if size is None else size
    try:
        with zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).stream_reader(io.BytesIO(data)) as reader:
            whole = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise BundleError(FormattedMessage("{name}: cannot be decompressed: {error}", name=name, error=error)) from None
    if len(whole) > limit or len(whole) < (size or 0):
        raise BundleError(
            FormattedMessage(
                "{name}: holds {value} bytes than the {size} it is said to",
                name=name,
                value=FormattedMessage("more" if len(whole) > limit else "fewer"),
                size=limit,
            )
        )
    return whole
