"""One signed folder of a bundle, a capture or an assessment: its parts, each verified against the manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from inspector.model.base import digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import limit_of
from inspector.seal.layout import MANIFEST, PACK, SHARED, is_file, is_shared
from inspector.seal.manifest import Sealed, fault_of
from inspector.seal.pack import Damage, Frame, decompressed, headers, stored_at, walk
from inspector.seal.shared_files import check_shared, read_shared
from inspector.seal.untrusted_files import FileFault, UntrustedFolder, printable

_ALTERED = "is not what was sealed, since its SHA-256 differs"


@dataclass(slots=True)
class SealedPart:
    """``name`` (``capture`` or ``assessments/<name>``) in the bundle ``files``, with what its manifest lists.

    ``archive`` holds what is shared; ``shared`` are the parts that are, each with the SHA-256 of its file.
    """

    files: UntrustedFolder
    archive: UntrustedFolder
    name: str
    sealed: Sealed[Any]
    shared: dict[str, str] = field(init=False)
    _frames: dict[str, Frame] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.shared = {
            name.removeprefix(f"{SHARED}/"): sha256 for name, sha256 in self.listed.items() if is_shared(name)
        }

    @property
    def listed(self) -> Mapping[str, str]:
        """SHA-256 of what is stored, by name in the manifest."""
        return self.sealed.files

    @property
    def frames(self) -> dict[str, Frame]:
        """The frames of the pack by name; raises BundleError."""
        if self._frames is None:
            with self.files.reading(f"{self.name}/{PACK}") as descriptor:
                self._frames = {frame.header.name: frame for frame in headers(descriptor)}
        return self._frames

    def faults(self) -> list[FileFault]:
        """What is altered, missing, extra or not a plain file, by part."""
        found, faults = self.files.walk(self.name)
        named = {fault.file for fault in faults}
        own = {name: sha256 for name, sha256 in self.listed.items() if is_file(name)}
        for name in sorted(found - {MANIFEST} - set(own)):
            faults.append(FileFault(file=printable(f"{self.name}/{name}"), what="is not in the manifest"))
        for name in sorted({*own, PACK}):
            file = f"{self.name}/{name}"
            if file in named:
                continue
            try:
                if self.files.digest(file) != own.get(name):
                    faults += self._faults_of_pack() if name == PACK else [FileFault(file=file, what=_ALTERED)]
            except BundleError as error:
                faults.append(fault_of(self.name, error))
        for part, sha256 in sorted(self.shared.items()):
            try:
                check_shared(self.archive, sha256, f"{self.name}/{part}")
            except BundleError as error:
                faults.append(fault_of(self.name, error))
        return faults

    def _faults_of_pack(self) -> list[FileFault]:
        """Which parts of a pack that is not the sealed one are others, missing or extra."""
        expected = {name: sha256 for name, sha256 in self.listed.items() if not is_file(name) and not is_shared(name)}
        whole: set[str] = set()
        altered: set[str] = set()
        extra: set[str] = set()
        with self.files.reading(f"{self.name}/{PACK}") as descriptor:
            for each in walk(descriptor, is_marked=False):
                name = each.name if isinstance(each, Damage) else each.header.name
                if isinstance(each, Damage):
                    altered.add(name)
                elif name not in expected or name in whole:
                    extra.add(name)
                elif each.header.sha256 == expected[name]:
                    whole.add(name)
                else:
                    altered.add(name)
        faults = [
            FileFault(
                file=f"{self.name}/{name}",
                what=_ALTERED if name in altered else "is missing, or cannot be read any more",
            )
            for name in sorted(expected.keys() - whole)
        ]
        faults += [
            FileFault(file=printable(f"{self.name}/{name}"), what="is not in the manifest") for name in sorted(extra)
        ]
        return faults or [FileFault(file=f"{self.name}/{PACK}", what=_ALTERED)]

    def read(self, name: str) -> bytes:
        """The content of a part, verified again, because it may have changed since. Raises BundleError."""
        if name in self.shared or is_file(name):
            return self._read(name, -1)
        with self.opened() as content_of:
            return content_of(name)

    @contextmanager
    def opened(self) -> Iterator[Callable[[str], bytes]]:
        """Within the body, a function that gives the content of a part as ``read`` does."""
        with self.files.reading(f"{self.name}/{PACK}") as descriptor:
            yield lambda name: self._read(name, descriptor)

    def _read(self, name: str, pack: int) -> bytes:
        file = f"{self.name}/{name}"
        if (sha256 := self.shared.get(name)) is not None:
            return read_shared(self.archive, sha256, file)
        if name not in self.listed:
            raise BundleError(FormattedMessage("{file}: is missing", file=printable(file)))
        if is_file(name):
            data = self.files.read(file)
        elif (frame := self.frames.get(name)) is None or frame.header.size > _most_stored(file):
            raise BundleError(FormattedMessage("{file}: is missing", file=printable(file)))
        else:
            data = stored_at(pack, frame)
        if digest(data) != self.listed[name]:
            raise BundleError(FormattedMessage("{file}: is not what was sealed, since its SHA-256 differs", file=file))
        return data if is_file(name) else decompressed(data, limit_of(file), file)


def _most_stored(file: str) -> int:
    """The most bytes of a zstd frame: compression may lengthen incompressible data a little."""
    limit = limit_of(file)
    return limit + limit // 64 + 1024
