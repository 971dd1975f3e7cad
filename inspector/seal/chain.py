"""The chain of the inspections of a system: the seal of each names the head digest of the one sealed before it.

::

    <archive>/chains/<system>-<digest>.jsonl     one Link a line, in the order of the seals; the digest is that of the
                                                 organisation's code and the system's id

A link is appended, on the disk, right before its manifest is written, both under a lock on the file: a process that
ends in between leaves a link whose folder has no manifest, which does not count. The file only finds the previous seal
without a search of the archive. What a seal names is signed, and is verified by the manifests themselves.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inspector.model.base import Model, digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.line_file import open_plain
from inspector.record.inspection import Inspection
from inspector.record.limits import limit_of, too_long
from inspector.seal import atomic_files as disk
from inspector.seal.layout import CAPTURE, CHAINS, INDEX, MANIFEST, is_path, is_step
from inspector.seal.manifest import CaptureSealed, Sealed, read_manifest
from inspector.seal.untrusted_files import FileFault, UntrustedFolder, printable

#: The most inspections of a system that are looked at one behind the other.
_MOST = 10_000


class Link(Model):
    """A sealed inspection: its folder relative to the archive, and its head digest."""

    folder: str
    digest: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of one system in an archive."""

    archive: Path
    path: Path

    @classmethod
    def of(cls, archive: Path, inspection: Inspection) -> Chain:
        """The chain of the system of an inspection; systems of two organisations may have one id."""
        code = "" if inspection.organisation is None else inspection.organisation.code
        system = inspection.system.id
        name = f"{system}-{digest(f'{code}/{system}'.encode())[:12]}.jsonl"
        return cls(archive, archive / CHAINS / name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within the body no other process, and no other thread, adds to the chain. Raises BundleError."""
        disk.make_folder(self.path.parent, is_synced=False)
        with disk.writing(self.path):
            descriptor = open_plain(self.path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def head(self) -> str | None:
        """The head digest of the last sealed inspection; None where there is none.

        An inspection that is not there any more counts: its seal was made.
        """
        for link in reversed(self.links()):
            folder = self.archive / link.folder
            if (folder / CAPTURE / MANIFEST).exists() or not (folder / CAPTURE).exists():
                return link.digest
        return None

    def add(self, link: Link) -> None:
        """Append a link, within ``locked``. Raises BundleError."""
        end = disk.complete_size(self.path)
        line = link.canonical() + b"\n"
        if end + len(line) > limit_of(INDEX):
            raise too_long(self.path, limit_of(INDEX))
        disk.append_at(self.path, line, end, is_synced=True)

    def links(self) -> list[Link]:
        """The links in the order of the seals, without lines that are damaged."""
        if not os.path.lexists(self.path):
            return []
        found = []
        for line in UntrustedFolder(self.path.parent).read(self.path.name, limit_of(INDEX)).split(b"\n")[:-1]:
            try:
                link = Link.parse(line)
            except ValueError:
                continue
            if is_path(link.folder):
                found.append(link)
        return found


class Predecessors(Model):
    """What an archive has of the inspections that were sealed before one of the same system.

    ``digest`` is what its seal names (None: nothing), ``folders`` are those of the inspections that lie in the archive
    one behind the other, the last one first; ``missing`` is the digest of the first one that does not, as where a
    bundle was copied alone. ``unnamed`` is the folder of an earlier inspection that a seal without a predecessor does
    not name. ``faults`` are inspections that are others than those named.
    """

    digest: str | None = None
    folders: tuple[str, ...] = ()
    missing: str | None = None
    unnamed: str | None = None
    faults: tuple[FileFault, ...] = ()


def predecessors(folder: Path, inspection: Inspection, sealed: Sealed[CaptureSealed]) -> Predecessors:
    """What the archive of the bundle in ``folder`` has of the inspections before it. Never raises for their content."""
    whole = folder.resolve()
    if len(whole.parents) < 3:
        return Predecessors(digest=sealed.predicate.prev, missing=sealed.predicate.prev)
    archive = whole.parents[2]
    there = _sealed_of(archive, inspection.system.id)
    known = {each.digest: (place, each) for place, each in there.items() if each is not None}
    try:
        linked = {each.digest: each.folder for each in Chain.of(archive, inspection).links()}
    except BundleError:
        linked = {}
    folders: list[str] = []
    faults: list[FileFault] = []
    named: str | None = sealed.predicate.prev
    while named is not None and named in known and len(folders) < _MOST:
        place, before = known[named]
        folders.append(place)
        named = before.predicate.prev
    if named is not None and (linked_to := linked.get(named)) in there:
        what = FormattedMessage("is not the inspection {digest} that the next seal names", digest=named)
        faults.append(FileFault(file=printable(f"../../../{linked_to}"), what=what))
    return Predecessors(
        digest=sealed.predicate.prev,
        folders=tuple(folders),
        missing=named,
        unnamed=_unnamed(archive, inspection, sealed, there) if sealed.predicate.prev is None else None,
        faults=tuple(faults),
    )


def _sealed_of(archive: Path, system: str) -> dict[str, Sealed[CaptureSealed] | None]:
    """The manifests of the sealed inspections of a system with this id, by folder; None for one that is altered."""
    found: dict[str, Sealed[CaptureSealed] | None] = {}
    for manifest in sorted(archive.glob(f"*/{system}/*/{CAPTURE}/{MANIFEST}")) if is_step(system) else ():
        place = manifest.parents[1].relative_to(archive).as_posix()
        if not is_path(place) or manifest.parents[1].is_symlink():
            continue
        try:
            found[place] = read_manifest(UntrustedFolder(archive / place), CAPTURE, CaptureSealed)
        except BundleError:
            found[place] = None
    return found


def _unnamed(
    archive: Path, inspection: Inspection, sealed: Sealed[CaptureSealed], there: dict[str, Sealed[CaptureSealed] | None]
) -> str | None:
    """The last inspection of the same system that ended before this one was begun."""
    from inspector.seal.bundle import Bundle

    code = inspection.organisation.code if inspection.organisation else None
    earlier = [
        (each.predicate.ended, place)
        for place, each in there.items()
        if each is not None and each.digest != sealed.digest and each.predicate.ended <= inspection.begun
    ]
    for _, place in sorted(earlier, reverse=True):
        try:
            other = Bundle.open(archive / place).inspection
        except BundleError:
            continue
        if (other.organisation.code if other.organisation else None) == code:
            return place
    return None
