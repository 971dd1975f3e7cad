"""What a long scan has seen so far, on the disk until the scan is recorded: it survives the end of the process."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inspector.model.base import canonical, digest
from inspector.record.limits import RAW_BYTES
from inspector.seal import atomic_files as disk
from inspector.seal.layout import PARTIAL, UNFINISHED
from inspector.seal.untrusted_files import UntrustedFolder


@dataclass(frozen=True, slots=True)
class UnfinishedScan:
    """The numbered parts of one scan, in the folder of its inspection. ``scan`` names it."""

    folder: Path
    scan: Sequence[object]

    @property
    def _place(self) -> Path:
        return self.folder / UNFINISHED / digest(canonical(list(self.scan)))

    def parts(self) -> tuple[bytes, ...]:
        """What was kept, in order. Raises BundleError."""
        if not self._place.is_dir():
            return ()
        files = UntrustedFolder(self._place)
        return tuple(files.read(f"{number}", RAW_BYTES) for number in range(1, self._count() + 1))

    def keep(self, part: bytes) -> None:
        """Keep one more part; it is on the disk when this returns. Raises BundleError."""
        disk.make_folder(self._place, below=self.folder)
        disk.write_file(self._place / f"{self._count() + 1}", part, partial=self.folder / PARTIAL)

    def _count(self) -> int:
        return sum(1 for _ in self._place.iterdir())

    def remove(self) -> None:
        """The scan is recorded."""
        shutil.rmtree(self._place, ignore_errors=True)
