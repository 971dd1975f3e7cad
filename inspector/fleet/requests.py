"""What a run was asked to inspect, recorded when it begins, so that it can go on after whatever ended it.

The first line of the file says what holds for all, each further one is the request for one system. It holds what the
documents say, and so nothing secret; it is readable by its owner only, as everything else of a run.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TypeVar

import zstandard
from pydantic import ValidationError

from inspector.model.base import Instant, Model, canonical, digest, now
from inspector.model.errors import BundleError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import read_regular
from inspector.pipeline.request import InspectionRequest
from inspector.record.limits import FILE_BYTES
from inspector.seal import Attempt, RunIndex, State, without_inspection
from inspector.seal import atomic_files as disk
from inspector.seal.layout import PARTIAL, REQUESTS, SHARED

_M = TypeVar("_M", bound=Model)

#: The most bytes of one line.
_LINE_BYTES = 16 * 2**20
#: The format of the file.
FORMAT = 2


class RunHead(Model):
    """What holds for all requests of a run.

    ``systems`` are the ids of all that were asked for; ``refused`` says by system why there is no request for it.
    ``is_decided``: it is a run under an inspection decision, with pinned plugins only. ``blocks`` are the address
    blocks of authorisations by their digest: an estate's authorisation lists those of all systems, and each request has
    it.
    """

    format: int = FORMAT
    run: str
    begun: Instant
    systems: tuple[str, ...]
    is_decided: bool
    refused: Mapping[str, str] = {}
    blocks: Mapping[str, tuple[str, ...]] = {}


class RecordedRequest(Model):
    """A request whose authorisations have no address blocks, and for each of them the digest of those that it has."""

    request: InspectionRequest
    blocks: tuple[str, ...]


class RunRequests:
    """The requests of the run in a folder; they are read one by one, so that not all are in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = _read(folder)
        self.head = self._head()

    @classmethod
    def record(
        cls,
        index: RunIndex,
        requests: Iterable[InspectionRequest],
        *,
        refused: Mapping[str, str],
        systems: Iterable[str],
        is_decided: bool,
    ) -> RunRequests:
        """Record what is asked for, and each of the systems in the index, before anything is inspected."""
        folder = index.path.parent
        asked, given = tuple(systems), tuple(requests)
        blocks: dict[str, tuple[str, ...]] = {}
        recorded = [_without_blocks(each, blocks) for each in given]
        head = RunHead(run=index.run, begun=now(), systems=asked, is_decided=is_decided, refused=refused, blocks=blocks)
        data = _compressed([head, *recorded])
        disk.make_folder(folder.parent)
        with disk.writing(folder.parent):  # its name is on the disk when that of the run's folder is
            (folder.parent / SHARED).mkdir(disk.FOLDER_MODE, exist_ok=True)
        disk.make_folder(folder)
        partial = folder / PARTIAL
        disk.make_folder(partial)
        try:
            disk.write_file(
                folder / REQUESTS,
                data,
                partial=partial,
            )
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        index.add_all([_state(system, refused.get(system)) for system in asked])
        return cls(folder)

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether this is the folder of a run."""
        return (folder / REQUESTS).is_file()

    def _head(self) -> RunHead:
        with self._opened() as lines:
            head = self._parsed(RunHead, self._line(lines), 1)
        if head.format != FORMAT:
            raise self._error(f"it has format {head.format}, not {FORMAT}")
        if head.run != self.folder.resolve().name:
            raise self._error("it is about a run of another name")
        return head

    def __iter__(self) -> Iterator[InspectionRequest]:
        left = dict.fromkeys(each for each in self.head.systems if each not in self.head.refused)
        number = 1
        with self._opened() as lines:
            self._line(lines)
            while line := self._line(lines):
                number += 1
                recorded = self._parsed(RecordedRequest, line, number)
                request = recorded.request
                if request.run != self.head.run or request.system.id not in left:
                    raise self._error(f"line {number} is about another run or system than it says")
                del left[request.system.id]
                yield self._with_blocks(recorded, number)
        if left:
            raise self._error("it has another number of requests than it says")

    def _with_blocks(self, recorded: RecordedRequest, number: int) -> InspectionRequest:
        try:
            blocks = [self.head.blocks[each] for each in recorded.blocks]
            return _covering(recorded.request, blocks)
        except (KeyError, ValueError):
            raise self._error(f"line {number} does not say which address blocks its authorisations have") from None

    def _opened(self) -> IO[bytes]:
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(self._data))

    def _line(self, lines: IO[bytes]) -> bytes:
        try:
            return lines.readline(_LINE_BYTES)
        except zstandard.ZstdError as error:
            raise self._error(str(error)) from None

    def _parsed(self, kind: type[_M], line: bytes, number: int) -> _M:
        try:
            return kind.parse(line)
        except ValidationError as error:
            raise self._error(f"line {number}: {error.errors()[0]['msg']}") from None

    def _error(self, what: str) -> BundleError:
        return BundleError(
            FormattedMessage("{file}: cannot be read: {reason}", file=self.folder / REQUESTS, reason=what),
            remedy="inspect the systems in a new run",
        )


def _without_blocks(request: InspectionRequest, known: dict[str, tuple[str, ...]]) -> RecordedRequest:
    """The request as it is recorded; ``known`` takes the blocks of its authorisations, by their digest."""
    digests = []
    for each in request.authorisations:
        blocks = each.covers.blocks
        digests.append(digest(canonical(list(blocks))))
        known.setdefault(digests[-1], blocks)
    bare = _covering(request, [()] * len(digests))
    return RecordedRequest(request=bare, blocks=tuple(digests))


def _covering(request: InspectionRequest, blocks: Iterable[tuple[str, ...]]) -> InspectionRequest:
    """The request whose authorisations have these address blocks, one after the other."""
    changed = (
        each.model_copy(update={"covers": each.covers.model_copy(update={"blocks": listed})})
        for each, listed in zip(request.authorisations, blocks, strict=True)
    )
    return request.model_copy(update={"authorisations": tuple(changed)})


def _read(folder: Path) -> bytes:
    try:
        return read_regular(folder / REQUESTS, FILE_BYTES)
    except OSError as error:
        raise UsageError(
            FormattedMessage(
                "{folder}: the requests of the run cannot be read: {reason}", folder=folder, reason=error.strerror
            ),
            remedy="name the folder of a run, or of an interrupted inspection",
        ) from None


def _compressed(values: Iterable[Model]) -> bytes:
    out = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(out, closefd=False) as writer:
        for each in values:
            writer.write(_canonical(each) + b"\n")
    return out.getvalue()


def _canonical(value: Model) -> bytes:
    try:
        return value.canonical()
    except UnicodeEncodeError as error:
        text = error.object[max(0, error.start - 40) : error.end + 40]
        raise UsageError(
            FormattedMessage("{text} contains what is no Unicode", text=repr(text)),
            remedy="correct the option or variable that it comes from",
        ) from None


def _state(system: str, refusal: str | None) -> Attempt:
    state = State.REQUESTED if refusal is None else State.FAILED
    return Attempt(
        at=now(), system=system, inspection=without_inspection(system), state=state, detail=(refusal or "")[:2000]
    )
