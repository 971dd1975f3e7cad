"""Writes a capture: journaled while collecting, so that a killed inspection can be resumed, and sealed once."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import zstandard

from inspector.declare.authorisation import Authorisation
from inspector.model.base import Model, canonical, digest, now
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Evidence, Raw, RawRef
from inspector.record.incident import Incident
from inspector.record.inspection import Inspection
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.limits import JSON_BYTES, LINE_BYTES, RAW_BYTES, check_size, limit_of
from inspector.seal import atomic_files as disk
from inspector.seal.bundle import Bundle, decompressed
from inspector.seal.json_parts import INSPECTION
from inspector.seal.layout import (
    CAPTURE,
    FURTHER,
    INCIDENTS,
    JOURNAL,
    LEDGER,
    LOCK,
    MANIFEST,
    OBSERVATIONS,
    PARTIAL,
    RAW,
    SALT,
    TRUST,
    is_sha256,
    is_step,
    observation_name,
    raw_name,
)
from inspector.seal.manifest import CaptureSealed, envelope_of, fault_of, payload_of
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder, parse, refuse

_SALT_BYTES = 32
_GONE = "is missing though the journal names it"
_SHORTER = "is shorter than the journal says: lines were lost"
_ZEROS = "ends in zeros, as after a power failure: lines may be lost"


class Recorded(Model):
    """A line of the journal: the evidence with this digest is completely on the disk.

    ``ledger`` is the size of the ledger's complete lines by then (bytes).
    """

    evidence: str
    ledger: int = 0


class Further(Model):
    """Authorisations that were given when the inspection was resumed."""

    group: tuple[Authorisation, ...]


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
    UntrustedFolder(folder).refuse_irregular()


class CaptureWriter:
    """The writer of one capture. Several threads may use it; a lock excludes other processes."""

    def __init__(self, folder: Path, inspection: Inspection, salt: bytes, recorded: set[str], locked: int) -> None:
        self.folder = folder
        self.inspection = inspection
        self._salt = salt
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
        files = {f"{TRUST}/{name}": data for name, data in trust.items()} | {JOURNAL: b"", LEDGER: b""}
        try:
            files |= INSPECTION.split(inspection)
        except UnicodeEncodeError as error:
            raise BundleError(
                FormattedMessage(
                    "{text} contains what is no Unicode",
                    text=repr(error.object[max(0, error.start - 40) : error.end + 40]),
                ),
                remedy="correct the option or variable that it comes from",
            ) from None
        for name, data in files.items():
            check_size(f"{CAPTURE}/{name}", len(data))
        locked = _create(folder, files, salt)
        return cls(folder, inspection, salt, set(), locked)

    @classmethod
    def resume(cls, folder: Path) -> CaptureWriter:
        """Resume the capture in ``folder`` after its writer ended; every recorded scan that is whole is kept.

        What is not whole any more is removed and recorded as an incident. Raises BundleError when there is no capture,
        another process writes it, it is sealed, or something in it is a link or no file.
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
            if not (folder / CAPTURE / INSPECTION.rest).exists():
                raise BundleError(
                    FormattedMessage("{folder}: was stopped before it began: nothing was scanned", folder=folder),
                    remedy="remove this folder, and run the inspection again",
                )
            return cls._resumed(folder, locked)
        except BaseException:
            os.close(locked)
            raise

    @classmethod
    def _resumed(cls, folder: Path, locked: int) -> CaptureWriter:
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        disk.make_folder(folder / PARTIAL)
        files = UntrustedFolder(folder)
        inspection = INSPECTION.join(files.read, CAPTURE)
        salt = files.read(SALT) if (folder / SALT).exists() else b""
        writer = cls(folder, inspection, salt, set(), locked)
        torn = {name: disk.cut_incomplete_line(folder / CAPTURE / name) for name in (JOURNAL, LEDGER)}
        # A line that was being written is torn by a killed process; zeros are what a power failure leaves of many.
        writer._remember({name: _ZEROS for name, cut in torn.items() if b"\0" in cut})
        writer.check()
        return writer

    # --- What is whole ---------------------------------------------------------------------------------------------

    def check(self) -> bool:
        """Read everything that is recorded, and keep what is whole; the result is whether all of it was.

        What is not whole (evidence, raw bytes and the evidence that rests on them, lines of ledger and journal) is
        removed and recorded as an incident. Raises BundleError.
        """
        with self._mutex:
            self._check_open()
            files = UntrustedFolder(self.folder)
            found, faults = files.walk(CAPTURE)
            refuse(faults)
            for name in self.inspection.trust:
                self.trust(name)
            named, ledger, lost = self._named(files)
            raw = {name for name in found if name.startswith(f"{RAW}/")}
            damaged = {name: what for name in sorted(raw) if (what := _damage(files, name))}
            known: dict[str, Evidence] = {}
            for name in sorted(each for each in found if each.startswith(f"{OBSERVATIONS}/")):
                one = name.removeprefix(f"{OBSERVATIONS}/").removesuffix(".json")
                try:
                    evidence = self._read(one)
                except BundleError as error:
                    lost[name] = fault_of(CAPTURE, error).what
                    continue
                if {raw_name(ref.sha256) for ref in evidence.raw} <= raw - damaged.keys():
                    known[one] = evidence
                else:
                    lost[name] = "rests on raw bytes that were lost"
            gone = named - known.keys()
            lost |= damaged | {observation_name(one): _GONE for one in gone if observation_name(one) not in found}
            lost |= self._ledger_without_damage(files, ledger)
            self._remember(lost)
            for name in lost.keys() & (found - {JOURNAL, LEDGER}):
                self._path(name).unlink()
            size = disk.complete_size(self.ledger_path)
            if gone or lost.keys() & {JOURNAL, LEDGER}:
                self._write_all({JOURNAL: _journal(known, size)})
            else:
                self._append(JOURNAL, _journal(known.keys() - named, size))
            self._known, self._recorded = known, set(known)
            return not lost

    def _named(self, files: UntrustedFolder) -> tuple[set[str], int, dict[str, str]]:
        """The digests in the journal, the largest size of the ledger in it, and what is wrong with it, by file."""
        named: set[str] = set()
        ledger = 0
        lost: dict[str, str] = {}
        for line in files.read(f"{CAPTURE}/{JOURNAL}").splitlines():
            try:
                recorded = parse(Recorded, line, JOURNAL)
            except BundleError:
                lost[JOURNAL] = "a line cannot be read"
                continue
            named.add(recorded.evidence)
            ledger = max(ledger, recorded.ledger)
        return named, ledger, lost

    def _ledger_without_damage(self, files: UntrustedFolder, size: int) -> dict[str, str]:
        """Write the ledger again without lines that cannot be read, if it has any; what was lost, by file.

        ``size`` is what the ledger had at least (bytes).
        """
        data = files.read(f"{CAPTURE}/{LEDGER}")
        lines = data.split(b"\n")[:-1]
        whole = [line for line in lines if _is_entry(line)]
        if len(whole) == len(lines):
            return {LEDGER: _SHORTER} if len(data) < size else {}
        self._write_all({LEDGER: b"".join(line + b"\n" for line in whole)})
        return {LEDGER: f"lines that cannot be read: {len(lines) - len(whole)} of {len(lines)}"}

    def _remember(self, lost: Mapping[str, str]) -> None:
        """Record what was lost, before it is removed."""
        at = now()
        self._append(INCIDENTS, *(Incident(at=at, file=name, what=what).canonical() for name, what in lost.items()))

    def _append(self, name: str, *lines: bytes) -> None:
        if text := b"\n".join(line.removesuffix(b"\n") for line in lines if line):
            disk.append_line(self._path(name), text, limit_of(f"{CAPTURE}/{name}"))

    @property
    def lost(self) -> bool:
        """Whether anything that was recorded was lost since."""
        return self._path(INCIDENTS).exists()

    @property
    def salt(self) -> bytes:
        """The key of the fingerprints of secrets; raises BundleError when it was lost."""
        if digest(self._salt)[:16] != self.inspection.salt_id:
            raise BundleError(
                FormattedMessage("{folder}: the key of its fingerprints was lost", folder=self.folder),
                remedy="close it with 'inspector seal'",
            )
        return self._salt

    def keep_to(self, authorisations: Sequence[Authorisation]) -> None:
        """Record authorisations that hold from now on besides those of the inspection. Raises BundleError."""
        if authorisations:
            data = canonical([each.model_dump(mode="json") for each in authorisations])
            self._write_all({f"{FURTHER}/{digest(data)[:16]}.json": data})

    def further(self) -> tuple[tuple[Authorisation, ...], ...]:
        """The groups of authorisations that ``keep_to`` recorded. Raises BundleError."""
        files = UntrustedFolder(self.folder)
        found, faults = files.walk(CAPTURE)
        refuse(faults)
        names = sorted(f"{CAPTURE}/{name}" for name in found if name.startswith(f"{FURTHER}/"))
        return tuple(parse(Further, b'{"group":' + files.read(name) + b"}", name).group for name in names)

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
        data = UntrustedFolder(self.folder).read(f"{CAPTURE}/{TRUST}/{name}")
        if digest(data) != self.inspection.trust.get(name):
            raise BundleError(
                FormattedMessage("{file}: differs from what the inspection recorded", file=f"{CAPTURE}/{TRUST}/{name}"),
                remedy="begin a new inspection",
            )
        return data

    def _path(self, name: str) -> Path:
        return self.folder / CAPTURE / name

    def _write_all(self, *groups: Mapping[str, bytes]) -> None:
        for files in groups:
            for name, data in files.items():
                check_size(f"{CAPTURE}/{name}", len(data))
        disk.write_files(self.folder / CAPTURE, *groups, partial=self.folder / PARTIAL)

    def _enter(self, *digests: str) -> None:
        if digests:
            self._append(JOURNAL, _journal(digests, disk.complete_size(self.ledger_path)))
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
            disk.sync_file(self._path(LEDGER))
            digests = {name: files.digest(f"{CAPTURE}/{name}") for name in found}
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


def _journal(digests: Iterable[str], ledger: int) -> bytes:
    """The lines of the journal for the evidence with these digests, and the size of the ledger (bytes)."""
    return b"".join(Recorded(evidence=one, ledger=ledger).canonical() + b"\n" for one in sorted(digests))


def _is_entry(line: bytes) -> bool:
    try:
        LedgerEntry.parse(line)
    except ValueError:
        return False
    return len(line) <= LINE_BYTES


def _damage(files: UntrustedFolder, name: str) -> str:
    """What is wrong with a file of raw bytes; "" when it is whole."""
    file = f"{CAPTURE}/{name}"
    sha256 = name.rpartition("/")[2].removesuffix(".zst")
    try:
        if (
            not is_sha256(sha256)
            or raw_name(sha256) != name
            or digest(decompressed(files.read(file), None, file)) != sha256
        ):
            return "does not match the SHA-256 in its name"
    except BundleError as error:
        return fault_of(CAPTURE, error).what
    return ""


def _create(folder: Path, files: Mapping[str, bytes], salt: bytes) -> int:
    """Create ``folder`` with the first files of an inspection; the result is its lock.

    The head of the inspection is written last: without it nothing was begun (``CaptureWriter.resume`` says so).
    """
    locked: int | None = None
    disk.make_folder(folder.parent)
    with disk.writing(folder):
        folder.mkdir(disk.FOLDER_MODE)
    try:
        locked = disk.lock(folder / LOCK)
        disk.make_folder(folder / PARTIAL)
        disk.make_folder(folder / CAPTURE / OBSERVATIONS)
        head = {f"{CAPTURE}/{INSPECTION.rest}": files[INSPECTION.rest]}
        others = {f"{CAPTURE}/{name}": data for name, data in files.items() if name != INSPECTION.rest} | {SALT: salt}
        disk.write_files(folder, others, head, partial=folder / PARTIAL)
        with disk.writing(folder):
            disk.sync_folder(folder.parent)
    except BaseException:
        if locked is not None:
            os.close(locked)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return locked
