"""What the pack of a capture holds that may not be whole: its frames in order, and what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from inspector.model.base import digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import limit_of
from inspector.seal.json_parts import INSPECTION
from inspector.seal.layout import CAPTURE, LEDGER, PACK, SHARED_TABLE
from inspector.seal.pack import Damage, Frame, decompressed, stored_at, walk
from inspector.seal.run_index import is_listed_as_begun
from inspector.seal.shared_files import read_shared
from inspector.seal.untrusted_files import UntrustedFolder, json_object

ENDS_IN_ZEROS = "ends in zeros, as after a power failure: what was there may be lost"
_UNREADABLE = "a part cannot be read"
_ALTERED = "is not what was recorded"
_GONE = "a part is missing"


class NotBegunError(BundleError):
    """An inspection was stopped before it began: nothing was sent for it, and nothing recorded."""


@dataclass(slots=True)
class PackSurvey:
    """What a pack holds that may not be whole: its frames in order, and what is damaged."""

    files: UntrustedFolder
    frames: list[Frame]
    damage: list[Damage]

    @classmethod
    def of(cls, files: UntrustedFolder) -> Self:
        """Read the pack of a capture. Raises BundleError."""
        found = cls(files, [], [])
        if (files.path / CAPTURE / PACK).exists():
            with files.reading(f"{CAPTURE}/{PACK}") as descriptor:
                for each in walk(descriptor, is_marked=True):
                    if isinstance(each, Damage):
                        found.damage.append(each)
                    else:
                        found.frames.append(each)
        return found

    def refuse_unbegun(self, folder: Path) -> None:
        """Raise NotBegunError where the head was not written completely, so that nothing was begun.

        Where the index of the run says that it had begun, everything was lost: BundleError.
        """
        begun = {frame.header.name for frame in self.frames} | {each.name for each in self.damage if not each.is_torn}
        ledger = folder / LEDGER
        if INSPECTION.rest not in begun and not (ledger.exists() and ledger.stat().st_size):
            if is_listed_as_begun(folder):
                raise BundleError(
                    FormattedMessage(
                        "{folder}: what was recorded is gone: the index of the run says that it had begun",
                        folder=folder,
                    ),
                    remedy="keep this folder as it is, and inspect the system in a new run",
                )
            raise NotBegunError(
                FormattedMessage("{folder}: was stopped before it began: nothing was scanned", folder=folder),
                remedy="remove this folder, and run the inspection again",
            )

    def read(self, frame: Frame) -> bytes:
        """The content of a frame. Raises BundleError."""
        with self.opened() as content_of:
            return content_of(frame)

    @contextmanager
    def opened(self) -> Iterator[Callable[[Frame], bytes]]:
        """Within the body, a function that gives the content of a frame. It raises BundleError."""
        with self.files.reading(f"{CAPTURE}/{PACK}") as descriptor:

            def content_of(frame: Frame) -> bytes:
                file = f"{CAPTURE}/{frame.header.name}"
                data = stored_at(descriptor, frame)
                if digest(data) != frame.header.sha256:
                    raise BundleError(FormattedMessage("{file}: is not what was recorded", file=file))
                return decompressed(data, limit_of(file), file)

            yield content_of

    def parts(self) -> dict[str, Frame]:
        """The frames by name."""
        return {frame.header.name: frame for frame in self.frames}

    def lost(self) -> dict[str, str]:
        """What is damaged or missing, by part; a torn end, as a killed writer leaves it, is not."""
        lost: dict[str, str] = {}
        for each in self.damage:
            if each.has_zeros:
                lost[each.name or PACK] = ENDS_IN_ZEROS
            elif not each.is_torn:
                lost[each.name or PACK] = _ALTERED if each.name else _UNREADABLE
        numbers = [frame.header.number for frame in self.frames]
        if numbers != sorted(numbers) or (numbers and numbers[-1] + 1 - len(numbers) > len(self.damage)):
            lost.setdefault(PACK, _GONE)
        return lost

    def head(self, archive: UntrustedFolder) -> Callable[[str], bytes]:
        """A function that gives a part of what was fixed at the beginning, shared or not. It raises BundleError."""
        frames = self.parts()

        def read(name: str) -> bytes:
            if name in frames:
                return self.read(frames[name])
            if (sha256 := table.get(name)) is not None:
                return read_shared(archive, str(sha256), f"{CAPTURE}/{name}")
            damaged = name in {each.name for each in self.damage}
            text = "{file}: is not what was recorded" if damaged else "{file}: is missing"
            raise BundleError(FormattedMessage(text, file=f"{CAPTURE}/{name}"))

        table: Mapping[str, object] = {}
        table = json_object(read(SHARED_TABLE), f"{CAPTURE}/{SHARED_TABLE}")
        return read
