"""Writes a capture: journaled while collecting, so that a killed inspection can be resumed, and sealed once.

Every part is a frame of one file (``inspector.seal.pack``) that is only appended to; the ledger and what was lost are
files of their own until the seal. What ``keep`` has written survives the end of the process at any instant. It survives
a power failure from ``SYNC_SECONDS`` later on, or from the end of the collection: what that loses is scanned again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Self

from inspector.declare.authorisation import Authorisation
from inspector.model.base import Model, canonical, digest, now
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Evidence, Raw, RawRef
from inspector.record.incident import Incident
from inspector.record.inspection import Inspection
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.limits import (
    JSON_BYTES,
    LINE_BYTES,
    PACK_BYTES,
    RAW_BYTES,
    check_part,
    check_size,
    check_values,
    limit_of,
    too_long,
)
from inspector.seal import atomic_files as disk
from inspector.seal.bundle import Bundle
from inspector.seal.chain import Chain, Link
from inspector.seal.json_parts import INSPECTION
from inspector.seal.layout import (
    CAPTURE,
    CHAINS,
    FURTHER,
    INCIDENTS,
    LEDGER,
    LOCK,
    MANIFEST,
    PACK,
    PARTIAL,
    SALT,
    SHARED,
    SHARED_TABLE,
    TRUST,
    is_step,
)
from inspector.seal.manifest import CaptureSealed, envelope_of, fault_of, payload_of
from inspector.seal.pack import Frame, PackWriter, compressed
from inspector.seal.pack_survey import ENDS_IN_ZEROS, PackSurvey
from inspector.seal.scan_parts import evidence_in, is_scan_part, joined, number_of, raw_places, scan_part, sizes_of
from inspector.seal.shared_files import add_shared, archive_of, read_shared, shared_of
from inspector.seal.signing import SigningKey
from inspector.seal.untrusted_files import UntrustedFolder, json_object, parse, refuse

#: Seconds after which records are put through to the disk, by the next one at the latest.
SYNC_SECONDS = 10.0

_SALT_BYTES = 32
_SHORTER = "is shorter than the evidence says: lines were lost"


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

    Raises ValueError or LimitExceeded when the evidence could not be parsed back (a bug of its probe).
    """
    data = evidence.canonical()
    check_values("evidence", data)
    sizes_of(each.size for each in evidence.raw)
    parsed = Evidence.parse(data)
    if len(data) > JSON_BYTES:
        raise ValueError(f"evidence of {len(data)} bytes; at most {JSON_BYTES} can be read back")
    if (size := sum({ref.sha256: ref.size for ref in evidence.raw}.values())) > RAW_BYTES:
        raise ValueError(f"{size} raw bytes of one scan; at most {RAW_BYTES} can be read back")
    wanted = {ref.sha256 for ref in evidence.raw}
    given = {digest(each.data): each.data for each in raw}
    return PreparedEvidence(parsed, digest(data), data, {one: each for one, each in given.items() if one in wanted})


def inspection_of(folder: Path) -> Inspection:
    """What is fixed about the inspection in ``folder``, sealed or not. Raises BundleError."""
    _check_is_inspection(folder)
    parts = PackSurvey.of(UntrustedFolder(folder))
    parts.refuse_unbegun(folder)
    return INSPECTION.join(parts.head(archive_of(folder)), CAPTURE)


def recorded_in(folder: Path) -> tuple[Inspection, tuple[tuple[str, Evidence], ...]]:
    """What is fixed about the inspection in ``folder``, which is not sealed, and all evidence with its digests.

    It is ordered by digest. Another process may go on recording. Raises BundleError where anything cannot be read.
    """
    _check_is_inspection(folder)
    parts = PackSurvey.of(UntrustedFolder(folder))
    parts.refuse_unbegun(folder)
    inspection = INSPECTION.join(parts.head(archive_of(folder)), CAPTURE)
    known: dict[str, Evidence] = {}
    with parts.opened() as content_of:
        for frame in parts.frames:
            if is_scan_part(frame.header.name):
                sha256, evidence = evidence_in(content_of(frame), f"{CAPTURE}/{frame.header.name}")
                known[sha256] = evidence
    return inspection, tuple(sorted(known.items(), key=lambda each: each[0]))


def _check_is_inspection(folder: Path) -> None:
    if not (folder / CAPTURE).is_dir():
        raise BundleError(
            FormattedMessage("{folder}: is not an inspection", folder=folder),
            remedy="name the folder of an interrupted inspection",
        )
    UntrustedFolder(folder).refuse_irregular()


class CaptureWriter:
    """The writer of one capture. Several threads may use it; a lock excludes other processes.

    A process that ends with ``close`` hands it to another one, which goes on with ``resume``.
    """

    def __init__(self, folder: Path, inspection: Inspection, salt: bytes, locked: int) -> None:
        self.folder = folder
        self.inspection = inspection
        self._salt = salt
        self._known: dict[str, Evidence] = {}
        self._raw: set[str] = set()
        self._frames: dict[str, Frame] = {}
        self._pack = PackWriter(inspection.salt_id)
        self._scans = 0
        self._synced = time.monotonic()
        self._is_synced = True
        self._is_whole: bool | None = None
        self._locked = locked
        self._open = True
        self._mutex = threading.Lock()

    # --- Creating and resuming -----------------------------------------------------------------------------------

    @classmethod
    def create(cls, root: Path, inspection: Inspection, *, trust: Mapping[str, bytes]) -> CaptureWriter:
        """Create the capture of ``inspection`` below ``root``.

        ``trust`` has the trust roots, anchors and tables by name; their digests, and that of the salt, are entered into
        the inspection. What other bundles have too is shared with them. The folder appears complete or not at all.
        Raises BundleError.
        """
        for name in (inspection.run, inspection.system.id, inspection.id, *trust):
            if not is_step(name):
                raise BundleError(
                    FormattedMessage("{name} cannot be the name of a file", name=repr(name)),
                    remedy="use letters, digits, dot, - and _",
                )
        if inspection.run in (SHARED, CHAINS):
            raise BundleError(FormattedMessage("{name} cannot be the name of a run", name=repr(inspection.run)))
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
        parts = {f"{TRUST}/{name}": data for name, data in trust.items()}
        try:
            parts |= INSPECTION.split(inspection)
        except UnicodeEncodeError as error:
            raise BundleError(
                FormattedMessage(
                    "{text} contains what is no Unicode",
                    text=repr(error.object[max(0, error.start - 40) : error.end + 40]),
                ),
                remedy="correct the option or variable that it comes from",
            ) from None
        for name, data in parts.items():
            check_part(f"{CAPTURE}/{name}", data)
        common, own = shared_of(parts)
        own[SHARED_TABLE] = canonical({name: sha256 for name, (sha256, _) in common.items()})
        own[INSPECTION.rest] = own.pop(INSPECTION.rest)  # last: without it nothing was begun
        pack = PackWriter(inspection.salt_id)
        frames = [pack.frame(name, compressed(data)) for name, data in own.items()]
        files = dict(common.values())
        locked = _create(folder, root, files, b"".join(data for _, data in frames), salt)
        writer = cls(folder, inspection, salt, locked)
        writer._pack = pack
        writer._frames = {frame.header.name: frame for frame, _ in frames}
        return writer

    @classmethod
    def resume(cls, folder: Path, parsed: Mapping[str, Evidence] = MappingProxyType({})) -> CaptureWriter:
        """Resume the capture in ``folder`` after its writer ended; every recorded scan that is whole is kept.

        ``parsed`` is evidence by the digest of its bytes, which need not be parsed again. What is not whole any more is
        removed and recorded as an incident. Raises BundleError when there is no capture, another process writes it, it
        is sealed, or something in it is a link or no file.
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
            return cls._resumed(folder, locked, parsed)
        except BaseException:
            os.close(locked)
            raise

    @classmethod
    def _resumed(cls, folder: Path, locked: int, parsed: Mapping[str, Evidence]) -> CaptureWriter:
        files = UntrustedFolder(folder)
        found = PackSurvey.of(files)
        found.refuse_unbegun(folder)
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        with disk.writing(folder):
            (folder / PARTIAL).mkdir(disk.FOLDER_MODE)
        inspection = INSPECTION.join(found.head(archive_of(folder)), CAPTURE)
        salt = files.read(SALT) if (folder / SALT).exists() else b""
        writer = cls(folder, inspection, salt, locked)
        torn = disk.cut_incomplete_line(writer.ledger_path)
        # A line that was being written is torn by a killed process; zeros are what a power failure leaves of many.
        writer._remember({LEDGER: ENDS_IN_ZEROS} if b"\0" in torn else {})
        writer._check(found, parsed)
        return writer

    # --- What is whole ---------------------------------------------------------------------------------------------

    def is_whole(self) -> bool:
        """Whether everything that was recorded is whole; ``check`` finds out, unless nothing was recorded since it was
        resumed. Raises BundleError.
        """
        return self.check() if self._is_whole is None else self._is_whole

    def check(self) -> bool:
        """Read everything that is recorded, and keep what is whole; the result is whether all of it was.

        What is not whole (evidence, raw bytes and the evidence that rests on them, lines of the ledger) is removed and
        recorded as an incident. Raises BundleError.
        """
        with self._mutex:
            self._check_open()
            files = UntrustedFolder(self.folder)
            _, faults = files.walk(CAPTURE)
            refuse(faults)
            return self._check(PackSurvey.of(files), self._known)

    def _check(self, found: PackSurvey, parsed: Mapping[str, Evidence]) -> bool:
        """Keep of a survey what is whole, and what its evidence rests on."""
        read = found.head(archive_of(self.folder))
        for name in (INSPECTION.rest, *INSPECTION.files):
            read(name)
        lost = found.lost()
        whole: dict[str, tuple[str, Evidence, set[str]]] = {}
        with found.opened() as content_of:
            for frame in found.frames:
                name = frame.header.name
                if not is_scan_part(name):
                    continue
                try:
                    content = content_of(frame)
                    places = set(raw_places(content, f"{CAPTURE}/{name}"))
                    whole[name] = *evidence_in(content, f"{CAPTURE}/{name}", parsed), places
                except BundleError as error:
                    lost[name] = fault_of(CAPTURE, error).what
        while True:  # what rests on lost raw bytes may have some itself, on which others rest
            there = set[str]().union(*(places for _, _, places in whole.values()))
            without = [name for name, (_, each, _) in whole.items() if any(ref.sha256 not in there for ref in each.raw)]
            if not without:
                break
            for name in without:
                lost[name] = "rests on raw bytes that were lost"
                del whole[name]
        kept = [
            frame
            for frame in found.frames
            if (name := frame.header.name) in whole
            or not (is_scan_part(name) or name in (LEDGER, INCIDENTS))  # an interrupted seal adds the last two
        ]
        ledger = max((frame.header.ledger or 0 for frame in found.frames), default=0)
        lost |= self._ledger_without_damage(found.files, ledger)
        self._remember(lost)
        self._take(found, kept)
        self._known = {sha256: evidence for sha256, evidence, _ in whole.values()}
        self._raw = there
        self._scans = max((number_of(each.header.name) for each in kept), default=0)
        for name in self.inspection.trust:
            self.trust(name)
        self._is_whole = not lost
        return not lost

    def _take(self, found: PackSurvey, kept: Sequence[Frame]) -> None:
        """Go on behind these frames; the pack is written again where others stand between them.

        So is one that says of the ledger that it was longer than it is, so that this is named once.
        """
        pack = PackWriter(self.inspection.salt_id)
        ledger = disk.complete_size(self.ledger_path)
        is_longer = all((frame.header.ledger or 0) <= ledger for frame in kept)
        if is_longer and all(before.end == after.start for before, after in pairwise(kept)) and kept[0].start == 0:
            pack.number, pack.end = len(kept), kept[-1].end
            disk.append_at(self._path(PACK), b"", pack.end, is_synced=False)
            self._frames = {frame.header.name: frame for frame in kept}
        else:
            with found.files.reading(f"{CAPTURE}/{PACK}") as descriptor:
                pieces = (pack.again(frame, descriptor, ledger) for frame in kept)
                disk.write_pieces(self._path(PACK), pieces, partial=self.folder / PARTIAL)
            self._frames = {frame.header.name: frame for frame in PackSurvey.of(found.files).frames}
        self._pack = pack

    def _ledger_without_damage(self, files: UntrustedFolder, size: int) -> dict[str, str]:
        """Write the ledger again without lines that cannot be read, if it has any; what was lost, by file.

        ``size`` is what the ledger had at least (bytes).
        """
        data = files.read(LEDGER)
        lines = data.split(b"\n")[:-1]
        whole = [line for line in lines if _is_entry(line)]
        if len(whole) == len(lines):
            return {LEDGER: _SHORTER} if len(data) < size else {}
        disk.write_file(self.ledger_path, b"".join(line + b"\n" for line in whole), partial=self.folder / PARTIAL)
        return {LEDGER: f"lines that cannot be read: {len(lines) - len(whole)} of {len(lines)}"}

    def _remember(self, lost: Mapping[str, str]) -> None:
        """Record what was lost, before it is removed."""
        at = now()
        lines = [Incident(at=at, file=name, what=what).canonical() for name, what in lost.items()]
        if lines:
            disk.append_line(self.folder / INCIDENTS, b"\n".join(lines), limit_of(INCIDENTS))

    def _incidents(self) -> tuple[Incident, ...]:
        if not self.lost:
            return ()
        lines = UntrustedFolder(self.folder).read(INCIDENTS).split(b"\n")[:-1]
        return tuple(parse(Incident, line, INCIDENTS) for line in lines)

    @property
    def lost(self) -> bool:
        """Whether anything that was recorded was lost since."""
        return (self.folder / INCIDENTS).exists()

    @property
    def salt(self) -> bytes:
        """The key of the fingerprints of secrets; raises BundleError when nothing more may be collected.

        That is where it was lost, or something of which it is not known what it said: authorisations, perhaps.
        """
        if digest(self._salt)[:16] != self.inspection.salt_id:
            raise BundleError(
                FormattedMessage("{folder}: the key of its fingerprints was lost", folder=self.folder),
                remedy="close it with 'inspector seal'",
            )
        if any(each.file == PACK or each.file.startswith(f"{FURTHER}/") for each in self._incidents()):
            raise BundleError(
                FormattedMessage("{folder}: a part that narrowed what may be sent may be lost", folder=self.folder),
                remedy="close it with 'inspector seal'",
            )
        return self._salt

    def keep_to(self, authorisations: Sequence[Authorisation]) -> None:
        """Record authorisations that hold from now on besides those of the inspection. Raises BundleError."""
        if not authorisations:
            return
        data = canonical([each.model_dump(mode="json") for each in authorisations])
        name = f"{FURTHER}/{digest(data)[:16]}.json"
        with self._mutex:
            self._check_open()
            if name not in self._frames:
                check_part(f"{CAPTURE}/{name}", data)
                self._append([(name, compressed(data), None)], is_synced=True)

    def further(self) -> tuple[tuple[Authorisation, ...], ...]:
        """The groups of authorisations that ``keep_to`` recorded. Raises BundleError."""
        names = sorted(name for name in self._frames if name.startswith(f"{FURTHER}/"))
        return tuple(parse(Further, b'{"group":' + self._read(name) + b"}", name).group for name in names)

    # --- Recording -----------------------------------------------------------------------------------------------

    @property
    def ledger_path(self) -> Path:
        """The file to which the gateway appends the ledger, until the seal."""
        return self.folder / LEDGER

    def record(self, evidence: Evidence, raw: Iterable[Raw] = ()) -> str:
        """Keep the record of one scan with its raw bytes, as ``keep`` does; the result is its digest.

        Raises BundleError on a disk error, ValueError when the evidence could not be parsed back (a bug of its probe).
        Recording the same evidence again changes nothing.
        """
        ready = prepare(evidence, raw)
        self.keep([ready])
        return ready.digest

    def keep(self, ready: Iterable[PreparedEvidence]) -> None:
        """Keep the records of some scans, all of them or none; no end of the process loses them afterwards.

        Raises BundleError on a disk error, ValueError when raw bytes are neither recorded nor given.
        """
        with self._mutex:
            self._check_open()
            new = {each.digest: each for each in ready if each.digest not in self._known}
            if not new:
                return
            ledger = disk.complete_size(self.ledger_path)
            raw, scans = set(self._raw), self._scans
            parts: list[tuple[str, bytes, int | None]] = []
            for each in new.values():
                scans += 1
                fresh = {ref.sha256: each.raw.get(ref.sha256) for ref in each.evidence.raw if ref.sha256 not in raw}
                given = {one: data for one, data in fresh.items() if data is not None}
                if len(given) < len(fresh):
                    missing = next(ref.name for ref in each.evidence.raw if fresh.get(ref.sha256, b"") is None)
                    raise ValueError(f"raw bytes {missing!r} are missing")
                parts.append(_part(scan_part(scans, each.evidence.probe), joined(each.data, given), ledger))
                raw |= given.keys()
            self._append(parts)
            self._raw, self._scans = raw, scans
            self._known |= {one: each.evidence for one, each in new.items()}

    def evidence(self) -> tuple[tuple[str, Evidence], ...]:
        """Everything that is recorded, with digests, ordered by digest."""
        return tuple(sorted(self._known.items(), key=lambda each: each[0]))

    def trust(self, name: str) -> bytes:
        """The trust roots, anchors or table of this name; raises BundleError."""
        part = f"{TRUST}/{name}"
        shared = json_object(self._read(SHARED_TABLE), f"{CAPTURE}/{SHARED_TABLE}")
        if part in shared:
            data = read_shared(archive_of(self.folder), str(shared[part]), f"{CAPTURE}/{part}")
        else:
            data = self._read(part)
        if digest(data) != self.inspection.trust.get(name):
            raise BundleError(
                FormattedMessage("{file}: differs from what the inspection recorded", file=f"{CAPTURE}/{part}"),
                remedy="begin a new inspection",
            )
        return data

    def sync(self) -> None:
        """Put everything that is recorded through to the disk. Raises BundleError."""
        with self._mutex:
            self._sync()

    def _sync(self) -> None:
        if not self._is_synced:
            disk.sync_file(self._path(PACK))
            self._synced, self._is_synced = time.monotonic(), True

    def _path(self, name: str) -> Path:
        return self.folder / CAPTURE / name

    def _append(self, parts: Iterable[tuple[str, bytes, int | None]], *, is_synced: bool = False) -> None:
        """Append parts (name, zstd frame, size of the ledger) to the pack, all of them or none."""
        pack = replace(self._pack)
        frames = [pack.frame(*each) for each in parts]
        if pack.end > PACK_BYTES:
            raise too_long(f"{CAPTURE}/{PACK}", PACK_BYTES)
        self._is_whole = None
        is_synced = is_synced or time.monotonic() - self._synced >= SYNC_SECONDS
        disk.append_at(self._path(PACK), b"".join(data for _, data in frames), self._pack.end, is_synced=is_synced)
        self._is_synced = is_synced
        if is_synced:
            self._synced = time.monotonic()
        self._pack = pack
        self._frames = self._frames | {frame.header.name: frame for frame, _ in frames}

    def _read(self, name: str) -> bytes:
        """The content of a part in the pack."""
        found = PackSurvey(UntrustedFolder(self.folder), [], [])
        if name not in self._frames:
            raise BundleError(FormattedMessage("{file}: is missing", file=f"{CAPTURE}/{name}"))
        return found.read(self._frames[name])

    def _check_open(self) -> None:
        if not self._open:
            raise BundleError(
                FormattedMessage("{folder}: is closed", folder=self.folder), remedy="resume it if it is not sealed"
            )

    # --- Sealing -------------------------------------------------------------------------------------------------

    def seal(self, key: SigningKey, *, ended: datetime, reason: str = "complete") -> Bundle:
        """Add ledger and incidents, and sign the manifest over every part, once; then the salt is deleted.

        ``ended`` is when the last scan ended, ``reason`` says why the capture ends. The seal names the one before it in
        the archive. Raises BundleError; without a manifest the capture stays resumable.
        """
        with self._mutex:
            self._check_open()
            files = UntrustedFolder(self.folder)
            _, faults = files.walk(CAPTURE)
            refuse(faults)
            last = {LEDGER: files.read(LEDGER)} | ({INCIDENTS: files.read(INCIDENTS)} if self.lost else {})
            before = self._pack, self._frames
            try:
                self._append(
                    [(name, compressed(data, is_small=True), None) for name, data in last.items()], is_synced=True
                )
                predicate = CaptureSealed(
                    inspection=self.inspection.id,
                    ended=ended,
                    reason=reason,
                    inspector_version=self.inspection.inspector_version,
                )
                self._sign(predicate, self._digests(files), key)
            except BaseException:
                self._pack, self._frames = before  # what was added is cut off by the next part
                raise
            parsed = dict(self._known)
            try:
                disk.tidy(self.folder)
            finally:
                self._release()
        return Bundle.open(self.folder, parsed)

    def _sign(self, predicate: CaptureSealed, digests: Mapping[str, str], key: SigningKey) -> None:
        """Write the manifest, as the next link in the chain of the system's inspections."""
        place = self.folder.resolve()
        chain = Chain.of(place.parents[2], self.inspection)
        with chain.locked():
            payload = payload_of(digests, predicate.model_copy(update={"prev": chain.head()}))
            manifest = envelope_of(payload, key)
            check_size(f"{CAPTURE}/{MANIFEST}", len(manifest))
            folder = place.relative_to(chain.archive).as_posix()
            chain.add(Link(folder=folder, digest=digest(payload)))
            disk.write_file(self._path(MANIFEST), manifest, partial=self.folder / PARTIAL)

    def _digests(self, files: UntrustedFolder) -> dict[str, str]:
        """What the manifest lists: SHA-256 by name. Raises BundleError where the pack is not what was written."""
        found = PackSurvey.of(files)
        expected = {name: frame.header.sha256 for name, frame in self._frames.items()}
        if found.damage or expected != {frame.header.name: frame.header.sha256 for frame in found.frames}:
            raise BundleError(
                FormattedMessage("{file}: was changed while it was sealed", file=f"{CAPTURE}/{PACK}"),
                remedy="close it with 'inspector seal'",
            )
        shared = json_object(self._read(SHARED_TABLE), f"{CAPTURE}/{SHARED_TABLE}")
        expected |= {f"{SHARED}/{name}": str(sha256) for name, sha256 in shared.items()}
        return expected | {PACK: files.digest(f"{CAPTURE}/{PACK}")}

    def close(self) -> None:
        """Release the capture without sealing it, so that it can be resumed, by another process too."""
        with self._mutex:
            if self._open:
                try:
                    self._sync()
                finally:
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


def _part(name: str, content: bytes, ledger: int | None) -> tuple[str, bytes, int | None]:
    check_part(f"{CAPTURE}/{name}", content)
    return name, compressed(content), ledger


def _is_entry(line: bytes) -> bool:
    try:
        LedgerEntry.parse(line)
    except ValueError:
        return False
    return len(line) <= LINE_BYTES


def _create(folder: Path, root: Path, shared: Mapping[str, bytes], head: bytes, salt: bytes) -> int:
    """Create ``folder`` with the head of an inspection; the result is its lock.

    The head is written last: without all of it nothing was begun (``CaptureWriter.resume`` says so).
    """
    locked: int | None = None
    disk.make_folder(folder.parent)
    with disk.writing(folder):
        folder.mkdir(disk.FOLDER_MODE)
    try:
        locked = disk.lock(folder / LOCK)
        with disk.writing(folder):
            for name in (PARTIAL, CAPTURE):
                (folder / name).mkdir(disk.FOLDER_MODE)
        add_shared(root, shared, folder / PARTIAL)
        disk.append_at(folder / SALT, salt, 0, is_synced=True)
        disk.append_at(folder / LEDGER, b"", 0, is_synced=False)
        disk.append_at(folder / CAPTURE / PACK, head, 0, is_synced=True)
        with disk.writing(folder):
            for each in (folder / CAPTURE, folder, folder.parent):
                disk.sync_folder(each)
    except BaseException:
        if locked is not None:
            os.close(locked)
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return locked
