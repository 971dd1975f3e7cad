"""A bundle in one file that can be verified anywhere: a tar archive (ustar, POSIX.1-1988) compressed with zstd.

Its members are the files of the bundle below the inspection's id, in order of their names, with those that it shares as
``shared/<sha256>.zst``. There is one way to write it: what differs in any byte is refused when it is read.
"""

from __future__ import annotations

import os
import secrets
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import zstandard

from inspector.model.errors import BundleError, LimitExceeded
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import PACK_BYTES, limit_of, too_long
from inspector.seal import atomic_files as disk
from inspector.seal.layout import ASSESSMENTS, CAPTURE, SHARED, is_path, is_step, shared_name
from inspector.seal.shared_files import archive_of
from inspector.seal.untrusted_files import UntrustedFolder, printable
from inspector.seal.verify import shared_by, verify

SUFFIX = ".tar.zst"

_BLOCK = 512
_CHUNK = 2**20
_WINDOW_BYTES = 8 * 2**20
#: What is read of a file: so many members, and so many bytes for each byte of it.
_MOST_MEMBERS = 10_000
_MOST_RATIO = 64


def export_bundle(folder: Path, file: Path) -> None:
    """Write the bundle in ``folder`` and what it shares into ``file``, complete or not at all. Raises BundleError."""
    answer = verify(folder, trusted=())
    if answer.head is None:
        raise BundleError(
            FormattedMessage("{folder}: is not intact: {fault}", folder=folder, fault=str(answer.intact.faults[0])),
            remedy="see what 'inspector verify' says of it",
        )
    root = answer.head.inspection
    if not is_step(root):
        raise BundleError(FormattedMessage("{name} cannot be the name of a file", name=repr(root)))
    files, archive = UntrustedFolder(folder), archive_of(folder)
    members = {f"{part}/{name}": files for part in (CAPTURE, ASSESSMENTS) for name in _plain_files(files, part)}
    members |= {shared_name(sha256): archive for sha256 in shared_by(folder)}
    temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        with disk.writing(file):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, disk.FILE_MODE)
            with os.fdopen(descriptor, "wb") as raw:
                with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as target:
                    for name in sorted(members):
                        _write_member(target, f"{root}/{name}", members[name], name)
                    target.write(bytes(2 * _BLOCK))
                raw.flush()
                os.fsync(descriptor)
            temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _plain_files(files: UntrustedFolder, part: str) -> set[str]:
    return files.walk(part)[0] if (files.path / part).exists() else set()


def _write_member(target: IO[bytes], member: str, files: UntrustedFolder, name: str) -> None:
    with files.reading(name) as descriptor:
        size = left = os.fstat(descriptor).st_size
        target.write(_header(member, size))
        while left and (chunk := os.read(descriptor, min(_CHUNK, left))):
            target.write(chunk)
            left -= len(chunk)
    if left:
        raise BundleError(FormattedMessage("{file}: changed while it was read", file=name))
    target.write(bytes(-size % _BLOCK))


def _header(member: str, size: int) -> bytes:
    """The header of a member; nothing in it says who wrote it, or when."""
    info = tarfile.TarInfo(member)
    info.size, info.mode = size, disk.FILE_MODE
    return info.tobuf(tarfile.USTAR_FORMAT)


# --- Reading ----------------------------------------------------------------------------------------------------------


def unpack(file: Path, folder: Path) -> Path:
    """Write the files of an exported bundle below ``folder``; the result is the bundle's folder.

    Nothing is written elsewhere, no link is made, and sizes are bounded by the limits of a bundle and by the size of
    the file. Raises BundleError that names the file, or the member that is wrong.
    """
    with _opened(file) as (source, size):
        reader = _Reader(source, file.name, _MOST_RATIO * size + 16 * _CHUNK)
        root = ""
        names: set[str] = set()
        while (found := reader.header()) is not None:
            member, length = found
            first, _, name = member.partition("/")
            root = root or first
            known = name.partition("/")[0] in {CAPTURE, ASSESSMENTS, SHARED} and "/" in name
            if first != root or not is_step(root) or not is_path(name) or not known or name in names:
                raise reader.error("{file}: has a member that is no file of a bundle: {name}", name=printable(member))
            if length > limit_of(name):
                raise too_long(name, limit_of(name))
            names.add(name)
            if len(names) > _MOST_MEMBERS:
                raise reader.error("{file}: has more than {limit} members", limit=_MOST_MEMBERS)
            _write(folder / root / name, reader.content(length))
        if not root:
            raise reader.error("{file}: is empty")
    return folder / root


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    with disk.writing(path):
        disk.make_folder(path.parent, is_synced=False)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, disk.FILE_MODE)
        with os.fdopen(descriptor, "wb") as target:
            for piece in pieces:
                target.write(piece)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The file and its size; raises BundleError when it is no regular file."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BundleError(FormattedMessage("{file}: cannot be read: {reason}", file=file, reason=reason)) from None
    with os.fdopen(descriptor, "rb") as source:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(FormattedMessage("{file}: is not a regular file", file=file))
        yield source, status.st_size


class _Reader:
    """Reads the tar archive in a compressed file, at most ``limit`` bytes of it."""

    def __init__(self, source: IO[bytes], file: str, limit: int) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).stream_reader(
            source, read_across_frames=True
        )
        self._file = file
        self._left = self._limit = min(limit, _MOST_MEMBERS * _CHUNK + 2 * PACK_BYTES)

    def error(self, text: str, **values: object) -> BundleError:
        """An error about the file."""
        return BundleError(FormattedMessage(text, file=self._file, **values))

    def header(self) -> tuple[str, int] | None:
        """Name and size of the next member; None at the end. Raises BundleError for any other header than ours."""
        block = self._read(_BLOCK)
        if block == bytes(_BLOCK):
            if self._read(_BLOCK) != bytes(_BLOCK) or self._piece(1):
                raise self.error("{file}: goes on behind its end")
            return None
        prefix, name = (block[start:end].rstrip(b"\0").decode("ascii", "replace") for start, end in _NAMES)
        member = f"{prefix}/{name}" if prefix else name
        digits = block[124:135]
        size = int(digits, 8) if digits.isdigit() and b"8" not in digits and b"9" not in digits else -1
        try:
            is_ours = size >= 0 and _header(member, size) == block
        except (UnicodeError, ValueError):
            is_ours = False
        if not is_ours:
            raise self.error("{file}: has a header that 'inspector bundle export' does not write")
        return member, size

    def content(self, size: int) -> Iterator[bytes]:
        """The bytes of a member, in pieces; behind them only zeros fill its last block."""
        for start in range(0, size, _CHUNK):
            yield self._read(min(_CHUNK, size - start))
        if any(self._read(-size % _BLOCK)):
            raise self.error("{file}: has bytes between its members")

    def _read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise LimitExceeded(
                FormattedMessage("{file}: holds more than {limit} bytes", file=self._file, limit=self._limit)
            )
        chunks: list[bytes] = []
        left = size
        while left and (chunk := self._piece(left)):
            chunks.append(chunk)
            left -= len(chunk)
        if left:
            raise self.error("{file}: ends too early")
        return b"".join(chunks)

    def _piece(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except zstandard.ZstdError as error:
            raise self.error("{file}: cannot be decompressed: {error}", error=error) from None


#: Where a header has the parts of a name.
_NAMES = ((345, 500), (0, 100))
