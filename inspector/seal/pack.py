"""A pack: the parts of a capture or an assessment in one file, each a frame with its name, length and digest.

A frame is a zstd *skippable* frame whose content is a header in canonical JSON, and behind it one zstd frame with the
part's content; so a pack is a zstd file (RFC 8878), and ``zstd -dc`` prints what is in it. The header::

    {
        "name": "evidence/12-tls",
        "number": 19,
        "pack": "<mark of this pack>",
        "sha256": "<of the zstd frame>",
        "size": 812,
    }

``ledger``, where there is one, is the size of the ledger's complete lines by then (bytes). The mark is the same in all
frames of a pack and is sent to nobody, so that bytes of a server are not taken for a frame where a pack was damaged.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import zstandard
from pydantic import NonNegativeInt, ValidationError

from inspector.model.base import Model, canonical
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage

_MAGIC = (0x184D2A5D).to_bytes(4, "little")
_PREFIX_BYTES = 8
_MOST_HEADER_BYTES = 1024
_CHUNK = 2**20
#: So many zeros stand at the end of no frame.
_ZEROS = bytes(32)
#: How often a pack that is damaged is read at most.
_READINGS = 3
#: The maximum window of the decompressor (bytes of memory).
_WINDOW_BYTES = 8 * 2**20

#: Levels of compression: of what is written while scans run, and of what is long and written once.
_FAST, _SMALL = 7, 12


class Header(Model):
    """What stands before a part: its name, its place among the frames, and length and digest of its zstd frame."""

    name: str
    number: NonNegativeInt
    pack: str
    sha256: str
    size: NonNegativeInt
    ledger: int | None = None

    def written(self) -> bytes:
        """The skippable frame of this header."""
        data = canonical(self.model_dump(exclude_none=True))
        return _MAGIC + len(data).to_bytes(4, "little") + data


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame in a pack: its header, and where the header and the zstd frame begin (bytes)."""

    header: Header
    start: int
    content: int

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.content + self.header.size


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a pack that are no whole frame. ``name`` is the part's, "" where it cannot be read.

    ``is_torn``: the pack ends in them, before the frame does, as where a writer was killed; ``has_zeros``: they end in
    zeros, as no frame does, and as a power failure leaves them.
    """

    name: str
    start: int
    end: int
    is_torn: bool
    has_zeros: bool


def compressed(content: bytes, *, is_small: bool = False) -> bytes:
    """The zstd frame of a part, or the file of something shared; ``is_small`` takes more time for fewer bytes."""
    return zstandard.ZstdCompressor(level=_SMALL if is_small else _FAST).compress(content)


def decompressed(data: bytes, limit: int, name: str) -> bytes:
    """The content of a zstd frame; raises BundleError when it is not the size that it says, or beyond ``limit``."""
    try:
        size = zstandard.frame_content_size(data)
        if size > limit:
            raise BundleError(
                FormattedMessage("{name}: holds more bytes than the {size} it may", name=name, size=limit)
            )
        reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).stream_reader(data)
        content = reader.read(size + 1) if size >= 0 else b""
    except zstandard.ZstdError as error:
        raise BundleError(FormattedMessage("{name}: cannot be decompressed: {error}", name=name, error=error)) from None
    if len(content) != size:
        raise BundleError(FormattedMessage("{name}: holds other bytes than it says", name=name))
    return content


@dataclass(slots=True)
class PackWriter:
    """Makes the frames of one pack, in order; ``number`` is the next one's, and ``end`` where it begins."""

    mark: str
    number: int = 0
    end: int = 0

    def frame(self, name: str, stored: bytes, ledger: int | None = None) -> tuple[Frame, bytes]:
        """The next frame, and its bytes; ``stored`` is the part's zstd frame."""
        header = Header(
            name=name,
            number=self.number,
            pack=self.mark,
            sha256=hashlib.sha256(stored).hexdigest(),
            size=len(stored),
            ledger=ledger,
        )
        written = header.written()
        frame = Frame(header, self.end, self.end + len(written))
        self.number += 1
        self.end = frame.end
        return frame, written + stored

    def again(self, frame: Frame, descriptor: int, ledger: int) -> bytes:
        """The bytes of the next frame, with what is in a frame of another pack, and at most this size of the ledger.

        Raises OSError.
        """
        known = None if frame.header.ledger is None else min(frame.header.ledger, ledger)
        return self.frame(frame.header.name, stored_at(descriptor, frame), known)[1]


def walk(descriptor: int, *, is_marked: bool) -> Iterator[Frame | Damage]:
    """The frames of a pack with what is damaged between them, in order; every digest is verified.

    With ``is_marked`` only frames count that have the mark of the first one. Behind damage, the next frame is looked
    for, as long as that needs no more than a few readings of the pack. Raises OSError.
    """
    size, start = os.fstat(descriptor).st_size, 0
    mark: str | None = None
    left = _READINGS * size + _CHUNK
    while start < size:
        frame = _header_at(descriptor, start, mark)
        mark = frame.header.pack if frame and is_marked else mark
        left -= frame.header.size if frame and frame.end <= size else 0
        if frame and left >= 0 and digest_at(descriptor, frame) == frame.header.sha256:
            start = frame.end
            yield frame
            continue
        if left < 0:
            end = size
        elif frame and (frame.end == size or (frame.end < size and _header_at(descriptor, frame.end, mark))):
            end = frame.end
        else:  # nothing readable follows: its length may be altered
            end = _next(descriptor, frame.content if frame else start + 1, size, mark)
        last = os.pread(descriptor, min(len(_ZEROS), end - start), end - min(len(_ZEROS), end - start))
        is_torn = end == size and not (frame and frame.end == size)
        yield Damage(frame.header.name if frame else "", start, end, is_torn, last == _ZEROS)
        start = end


def headers(descriptor: int) -> Iterator[Frame]:
    """The frames of a pack that is known to be whole; their digests are not verified again. Raises OSError."""
    size, start = os.fstat(descriptor).st_size, 0
    while start < size and (found := _header_at(descriptor, start, None)) is not None:
        yield found
        start = found.end


def _header_at(descriptor: int, start: int, mark: str | None) -> Frame | None:
    """The frame whose header begins here; None where there is none."""
    data = os.pread(descriptor, _PREFIX_BYTES + _MOST_HEADER_BYTES, start)
    length = int.from_bytes(data[4:_PREFIX_BYTES], "little")
    if data[:4] != _MAGIC or not 0 < length <= min(_MOST_HEADER_BYTES, len(data) - _PREFIX_BYTES):
        return None
    try:
        header = Header.parse(data[_PREFIX_BYTES : _PREFIX_BYTES + length])
    except ValidationError:
        return None
    is_own = header.written() == data[: _PREFIX_BYTES + length] and mark in (None, header.pack)
    return Frame(header, start, start + _PREFIX_BYTES + length) if is_own else None


def _next(descriptor: int, start: int, size: int, mark: str | None) -> int:
    """Where the next header stands; the end of the pack where there is none."""
    while start < size:
        chunk = os.pread(descriptor, _CHUNK, start)
        place = chunk.find(_MAGIC)
        while place >= 0:
            if _header_at(descriptor, start + place, mark):
                return start + place
            place = chunk.find(_MAGIC, place + 1)
        start += max(1, len(chunk) - len(_MAGIC) + 1)
    return size


def digest_at(descriptor: int, frame: Frame) -> str:
    """SHA-256 of the zstd frame, read in chunks; raises OSError."""
    digest = hashlib.sha256()
    place = frame.content
    while place < frame.end and (chunk := os.pread(descriptor, min(_CHUNK, frame.end - place), place)):
        digest.update(chunk)
        place += len(chunk)
    return digest.hexdigest()


def stored_at(descriptor: int, frame: Frame) -> bytes:
    """The zstd frame; fewer bytes where the pack ends before. Raises OSError."""
    chunks: list[bytes] = []
    place = frame.content
    while place < frame.end and (chunk := os.pread(descriptor, min(_CHUNK, frame.end - place), place)):
        chunks.append(chunk)
        place += len(chunk)
    return b"".join(chunks)
