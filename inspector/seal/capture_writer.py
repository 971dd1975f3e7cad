"""Writes a capture: journaled while collecting, so that a killed inspection can be resumed, and sealed once."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import zstandard

from inspector.model.base import Model, digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Evidence, Raw, RawRef
from inspector.record.inspection import Inspection
from inspector.seal import atomic_files as disk
from inspector.seal.bundle import Bundle
from inspector.seal.json_parts import INSPECTION
from inspector.seal.layout import (
    CAPTURE,
    FILE_BYTES,
    JOURNAL,
    JSON_BYTES,
    LEDGER,
    LOCK,
    MANIFEST,
    OBSERVATIONS,
    PARTIAL,
    RAW_BYTES,
    SALT,
    TRUST,
    is_sha256,
    is_step,
    observation_name,
    raw_name,
)
from inspector.seal.manifest import CaptureSealed, envelope_of, payload_of
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder, parse, refuse

_SALT_BYTES = 32


class Recorded(Model):
    """A line of the journal: the evidence with this digest is completely on the disk."""

    evidence: str


@dataclass(frozen=True, slots=True)
class PreparedEvidence:
    """A scan's record, ready to be written: the evidence as parsed back, its digest and bytes, raw bytes by SHA-256."""

    evidence: Evidence
    digest: str
    data: bytes
    raw: Mapping[str, bytes]


def reference_to(raw: Raw) -> RawRef:
    """The reference to raw bytes; raises BundleError when they are too many."""
    if len(raw.data) > RAW_BYTES:
        raise BundleError(
            FormattedMessage(
                "{raw}: {data} bytes are more than {limit}", raw=raw.name, data=len(raw.data), limit=RAW_BYTES
            ),
            remedy="limit the scan",
        )
    return RawRef(
        name=raw.name,
        sha256=digest(raw.data),
        size=len(raw.data),
        media_type=raw.media_type,
        sensitivity=raw.sensitivity,
        truncated=raw.truncated,
    )


def prepare(evidence: Evidence, raw: Iterable[Raw] = ()) -> PreparedEvidence:
    """What is kept of a scan; nothing is written yet.

    Raises ValueError when the evidence could not be parsed back (a bug of its probe).
    """
    data = evidence.canonical()
    parsed = Evidence.parse(data)
    if len(data) > JSON_BYTES:
        raise ValueError(f"evidence of {len(data)} bytes; at most {JSON_BYTES} can be read back")
    wanted = {ref.sha256 for ref in evidence.raw}
    given = {digest(each.data): each.data for each in raw}
    return PreparedEvidence(parsed, digest(data), data, {one: each for one, each in given.items() if one in wanted})


def inspection_of(folder: Path) -> Inspection:
    """What is fixed about the inspection in ``folder``, sealed or not. Raises BundleError."""
    _check_is_inspection(folder)
    return INSPECTION.join(UntrustedFolder(folder).read, CAPTURE)


def _check_is_inspection(folder: Path) -> None:
    if not (folder / CAPTURE).is_dir():
        raise BundleError(
            FormattedMessage("{folder}: is not an inspection", folder=folder),
            remedy="name the folder of an interrupted inspection",
        )


class CaptureWriter:
    """The writer of one capture. Several threads may use it; a lock excludes other processes."""

    def __init__(self, folder: Path, inspection: Inspection, salt: bytes, recorded: set[str], locked: int) -> None:
        self.folder = folder
        self.inspection = inspection
        self.salt = salt
        self._recorded = recorded
        self._known: dict[str, Evidence] = {}
        self._locked = locked
        self._open = True
        self._mutex = threading.Lock()

    # --- Creating and resuming -----------------------------------------------------------------------------------

    @classmethod
    def create(cls, root: Path, inspection: Inspection, *, trust: Mapping[str, bytes]) -> CaptureWriter:
        """Create the capture of ``inspection`` below ``root``.

        ``trust`` has the trust roots, anchors and tables by name; their digests, and that of the salt, are entered into
        the inspection. The folder appears complete or not at all. Raises BundleError.
        """
        for name in (inspection.run, inspection.system.id, inspection.id, *trust):
            if not is_step(name):
                raise BundleError(
                    FormattedMessage("{name} cannot be the name of a file", name=repr(name)),
                    remedy="use letters, digits, dot, - and _",
                )
        salt = secrets.token_bytes(_SALT_BYTES)
        inspection = inspection.model_copy(
            update={
                "trust": {name: digest(data) for name, data in sorted(trust.items())},
                "salt_id": digest(salt)[:16],
            }
        )
        folder = root / inspection.run / inspection.system.id / inspection.id
        if folder.exists():
            raise BundleError(
                FormattedMessage("{folder}: exists already", folder=folder), remedy="resume it, or choose another id"
            )
        files = INSPECTION.split(inspection) | {f"{TRUST}/{name}": data for name, data in trust.items()}
        files |= {JOURNAL: b"", LEDGER: b""}
        locked = _create(folder, files, salt)
        return cls(folder, inspection, salt, set(), locked)

    @classmethod
    def resume(cls, folder: Path) -> CaptureWriter:
        """Resume the capture in ``folder`` after its writer ended; every recorded scan is kept.

        Raises BundleError when there is none, another process writes it, or it is sealed.
        """
        _check_is_inspection(folder)
        locked = disk.lock(folder / LOCK)
        try:
            if (folder / CAPTURE / MANIFEST).exists():
                disk.tidy(folder)
                raise BundleError(
                    FormattedMessage("{folder}: is sealed", folder=folder),
                    remedy="assess it, or begin a new inspection",
                )
            return cls._resumed(folder, locked)
        except BaseException:
            os.close(locked)
            raise

    @classmethod
    def _resumed(cls, folder: Path, locked: int) -> CaptureWriter:
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        disk.make_folder(folder / PARTIAL)
        for name in (JOURNAL, LEDGER):
            disk.cut_incomplete_line(folder / CAPTURE / name)
        files = UntrustedFolder(folder)
        salt = files.read(SALT, _SALT_BYTES)
        inspection = INSPECTION.join(files.read, CAPTURE)
        lines = files.read(f"{CAPTURE}/{JOURNAL}", FILE_BYTES).splitlines()
        recorded = {parse(Recorded, line, JOURNAL).evidence for line in lines}
        writer = cls(folder, inspection, salt, recorded, locked)
        writer._adopt()
        return writer

    def _adopt(self) -> None:
        """Enter evidence into the journal that was completely written before its journal line could be."""
        files = UntrustedFolder(self.folder)
        found, faults = files.walk(f"{CAPTURE}/{OBSERVATIONS}")
        refuse(faults)
        digests = {name.removesuffix(".json") for name in found}
        for missing in sorted(self._recorded - digests):
            raise BundleError(
                FormattedMessage("{missing}: is missing though the journal names it", missing=observation_name(missing))
            )
        self._known = {one: self._read(one) for one in sorted(digests)}
        self._enter(*sorted(digests - self._recorded))

    # --- Recording -----------------------------------------------------------------------------------------------

    @property
    def ledger_path(self) -> Path:
        """The file to which the gateway appends the ledger."""
        return self.folder / CAPTURE / LEDGER

    def record(self, evidence: Evidence, raw: Iterable[Raw] = ()) -> str:
        """Keep the record of one scan with its raw bytes, on the disk when this returns; the result is its digest.

        Raises BundleError on a disk error, ValueError when the evidence could not be parsed back (a bug of its probe).
        Recording the same evidence again changes nothing.
        """
        ready = prepare(evidence, raw)
        self.keep([ready])
        return ready.digest

    def keep(self, ready: Iterable[PreparedEvidence]) -> None:
        """Keep the records of some scans, all on the disk when this returns, with one wait for the disk.

        Raises BundleError on a disk error, ValueError when raw bytes are neither on the disk nor given.
        """
        with self._mutex:
            self._check_open()
            new = {each.digest: each for each in ready if each.digest not in self._recorded}
            raw = self._missing({one: data for each in new.values() for one, data in each.raw.items()})
            for ref in (ref for each in new.values() for ref in each.evidence.raw):
                if raw_name(ref.sha256) not in raw and not self._path(raw_name(ref.sha256)).exists():
                    raise ValueError(f"raw bytes {ref.name!r} are missing")
            self._write_all(raw, {observation_name(one): each.data for one, each in new.items()})
            self._enter(*new)
            self._known |= {one: each.evidence for one, each in new.items()}

    def _missing(self, raw: Mapping[str, bytes]) -> dict[str, bytes]:
        """The compressed files of raw bytes that are not on the disk yet."""
        return {
            raw_name(one): zstandard.ZstdCompressor().compress(data)
            for one, data in raw.items()
            if not self._path(raw_name(one)).exists()
        }

    def evidence(self) -> tuple[tuple[str, Evidence], ...]:
        """Everything that is recorded, with digests, ordered by digest."""
        return tuple((one, self._known.get(one) or self._read(one)) for one in sorted(self._recorded))

    def trust(self, name: str) -> bytes:
        """The trust roots, anchors or table of this name; raises BundleError."""
        return UntrustedFolder(self.folder).read(f"{CAPTURE}/{TRUST}/{name}", FILE_BYTES)

    def _path(self, name: str) -> Path:
        return self.folder / CAPTURE / name

    def _write_all(self, *groups: Mapping[str, bytes]) -> None:
        disk.write_files(self.folder / CAPTURE, *groups, partial=self.folder / PARTIAL)

    def _enter(self, *digests: str) -> None:
        if digests:
            lines = b"\n".join(Recorded(evidence=one).canonical() for one in digests)
            disk.append_line(self._path(JOURNAL), lines)
            self._recorded.update(digests)

    def _read(self, one: str) -> Evidence:
        name = f"{CAPTURE}/{observation_name(one)}"
        data = UntrustedFolder(self.folder).read(name)
        if not is_sha256(one) or digest(data) != one:
            raise BundleError(FormattedMessage("{name}: is not what was recorded", name=name))
        return parse(Evidence, data, name)

    def _check_open(self) -> None:
        if not self._open:
            raise BundleError(
                FormattedMessage("{folder}: is closed", folder=self.folder), remedy="resume it if it is not sealed"
            )

    # --- Sealing -------------------------------------------------------------------------------------------------

    def seal(self, key: SigningKey, *, ended: datetime, reason: str = "complete", prev: str | None = None) -> Bundle:
        """Sign the manifest over every file, once; afterwards nothing can be recorded, and the salt is deleted.

        ``ended`` is when the last scan ended, ``reason`` says why the capture ends, ``prev`` is the head digest of an
        earlier bundle that this one follows. Raises BundleError; without a manifest the capture stays resumable.
        """
        with self._mutex:
            self._check_open()
            files = UntrustedFolder(self.folder)
            found, faults = files.walk(CAPTURE)
            refuse(faults)
            digests = {name: files.digest(f"{CAPTURE}/{name}", FILE_BYTES) for name in found}
            predicate = CaptureSealed(
                inspection=self.inspection.id,
                ended=ended,
                reason=reason,
                inspector_version=self.inspection.inspector_version,
                prev=prev,
            )
            self._write_all({MANIFEST: envelope_of(payload_of(digests, predicate), key)})
            try:
                disk.tidy(self.folder)
            finally:
                self._release()
        return Bundle.open(self.folder)

    def close(self) -> None:
        """Release the capture without sealing it, so that it can be resumed."""
        with self._mutex:
            if self._open:
                self._release()

    def _release(self) -> None:
        self._open = False
        self._known.clear()
        with suppress(OSError):  # a plugin may have closed it
            os.close(self._locked)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _create(folder: Path, files: Mapping[str, bytes], salt: bytes) -> int:
    """Create ``folder`` with the first files of an inspection, complete or not at all; the result is its lock."""
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    locked: int | None = None
    try:
        disk.make_folder(temporary / PARTIAL)
        disk.make_folder(temporary / CAPTURE / OBSERVATIONS)
        locked = disk.lock(temporary / LOCK)
        for name, data in ({f"{CAPTURE}/{name}": data for name, data in files.items()} | {SALT: salt}).items():
            disk.make_folder((temporary / name).parent)
            disk.write_file(temporary / name, data, partial=temporary / PARTIAL)
        with disk.writing(folder):
            temporary.rename(folder)
            disk.sync_folder(folder.parent)
    except BaseException:
        if locked is not None:
            os.close(locked)
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return locked
