"""Atomic and durable writing: temporary file, fsync, rename; appended lines are complete or cut off."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from inspector.model.errors import BundleError, BundleInUse
from inspector.model.formatted import FormattedMessage
from inspector.model.line_file import open_plain, size_of_lines
from inspector.record.limits import too_long
from inspector.seal.layout import INCIDENTS, LEDGER, LOCK, PARTIAL, SALT, UNFINISHED

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_NO_SPACE = "free some space, then try again; a run goes on with 'inspector run --resume out/RUN'"
_NO_PERMISSION = "make it writable, or choose another output folder"
_NO_FOLDER = "a file is where a folder is needed; move it, or choose another output folder"
_REMEDIES = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: _NO_SPACE,
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: _NO_PERMISSION,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError of the body into a BundleError that names ``path`` and what to do."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk, then try again")
        raise BundleError(
            FormattedMessage("{path}: cannot be written: {reason}", path=path, reason=error.strerror), remedy=remedy
        ) from error


def make_folder(path: Path, *, below: Path | None = None, is_synced: bool = True) -> None:
    """Make ``path`` and its missing parents, accessible to their owner only; by default the disk has them then.

    Nothing is made where ``below`` is not there: it was moved away, or its disk is. Raises BundleError.
    """
    if below is not None:
        check_in_place(below)
    with writing(path):
        for parent in _make_folder(path):
            if is_synced:
                sync_folder(parent)


def check_in_place(folder: Path) -> None:
    """Raise BundleError where a folder that was made before is not there any more."""
    if not folder.is_dir():
        raise not_in_place(folder)


def not_in_place(folder: Path) -> BundleError:
    """A folder that was made before is not there any more."""
    return BundleError(
        FormattedMessage("{folder}: is not there any more", folder=folder),
        remedy="put the output folder back in its place, then go on with 'inspector run --resume out/RUN'",
    )


def _make_folder(path: Path) -> list[Path]:
    """Make ``path`` and its missing parents; the result is the folders to sync."""
    if path.is_dir():
        return []
    changed = _make_folder(path.parent)
    path.mkdir(FOLDER_MODE, exist_ok=True)
    return [*changed, path.parent]


def write_file(path: Path, data: bytes, *, partial: Path) -> None:
    """Write ``data`` to ``path``, complete or not at all; ``partial`` is for temporary files, on the same disk."""
    write_files(path.parent, {path.name: data}, partial=partial)


def replace_file(path: Path, data: bytes, *, partial: Path) -> None:
    """Put ``data`` in the place of ``path``, complete; after a power failure it may be what it was before."""
    with writing(path):
        Path(_write_temporary([data], partial)).replace(path)


def write_pieces(path: Path, pieces: Iterable[bytes], *, partial: Path) -> None:
    """Write the bytes in ``pieces`` to ``path``, complete or not at all, without having all of them in memory."""
    with writing(path):
        temporary = _write_temporary(pieces, partial)
        Path(temporary).replace(path)
        sync_folder(path.parent)


def write_files(folder: Path, *groups: Mapping[str, bytes], partial: Path) -> None:
    """Write the files below ``folder``, each complete or not at all; a group only after the ones before it.

    Missing folders are made. Everything is on the disk when this returns, with few waits for many files.
    """
    temporary: dict[str, str] = {}
    name = ""
    try:
        for name, data in (each for files in groups for each in files.items()):
            temporary[name] = _write_temporary([data], partial)
        for files in groups:
            changed = [each for above in _folders(files) for each in _make_folder(folder / above)]
            for name in files:
                os.replace(temporary.pop(name), f"{folder}/{name}")  # noqa: PTH105  (text costs a third of paths)
            for each in dict.fromkeys((*changed, *(folder / above for above in _folders(files)))):
                sync_folder(each)
    except OSError as error:
        with writing(folder / name):
            raise error from None
    finally:
        for left in temporary.values():
            Path(left).unlink(missing_ok=True)


def _folders(names: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(name.rpartition("/")[0] for name in names)


def _write_temporary(pieces: Iterable[bytes], partial: Path) -> str:
    """Write ``data`` to a temporary file on the disk; the result is its path."""
    temporary = f"{partial}/{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        for data in pieces:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return temporary


def sync_folder(path: Path) -> None:
    """Make the names in this folder survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_line(path: Path, line: bytes, limit: int, *, is_synced: bool = True) -> None:
    """Append ``line`` (or several) and a line feed to ``path``; on the disk when this returns, or not at all.

    Without ``is_synced`` the operating system has it, and the disk with the next one. Several processes may append to
    one file. An incomplete last line, left by a crash, is cut off first. Raises LimitExceeded when the file would have
    more than ``limit`` bytes.
    """
    with writing(path):
        descriptor = open_plain(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end = size_of_lines(descriptor)
            if end + len(line) + 1 > limit:
                raise too_long(path, limit)
            try:
                os.ftruncate(descriptor, end)
                _write(descriptor, line + b"\n", end)
                if is_synced:
                    os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def append_at(path: Path, data: bytes, end: int, *, is_synced: bool) -> None:
    """Write ``data`` at ``end``, where the file's content ends; all of it, or nothing. What stands behind is cut off.

    The operating system has it when this returns; with ``is_synced`` the disk has it. Raises BundleError.
    """
    with writing(path):
        descriptor = open_plain(path)
        try:
            size = os.fstat(descriptor).st_size
            if size < end:
                raise OSError(errno.EIO, "it is shorter than what was written to it")
            try:
                if size > end:
                    os.ftruncate(descriptor, end)
                _write(descriptor, data, end)
                if is_synced:
                    os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def cut_incomplete_line(path: Path) -> bytes:
    """Cut off a last line without its line feed, left by a crash; the result is the beginning of what was cut off."""
    with writing(path):
        descriptor = open_plain(path)
        try:
            end = size_of_lines(descriptor)
            cut = os.pread(descriptor, 4096, end)
            os.ftruncate(descriptor, end)
            return cut
        finally:
            os.close(descriptor)


def complete_size(path: Path) -> int:
    """The size of the complete lines of this file (bytes)."""
    with writing(path):
        descriptor = open_plain(path)
        try:
            return size_of_lines(descriptor)
        finally:
            os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the content of this file survive a power failure."""
    with writing(path):
        descriptor = open_plain(path)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def lock(path: Path) -> int:
    """Take the exclusive lock at ``path``; the result is its descriptor. The lock ends with the process.

    Raises BundleError when another process, or another writer in this one, has it.
    """
    with writing(path):
        descriptor = open_plain(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise BundleInUse(
            FormattedMessage("{parent}: is being written by another process", parent=path.parent),
            remedy="wait for it to end, or stop it",
        ) from None
    return descriptor


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Within the body no other process, and no other thread of this one, is in such a body for this folder."""
    with writing(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def tidy(folder: Path) -> None:
    """Remove the files that only served the writing of an inspection from its folder, the salt first."""
    with writing(folder):
        left = [name for name in (SALT, LEDGER, INCIDENTS) if (folder / name).exists()]
        for name in left:
            (folder / name).unlink(missing_ok=True)
        if left:
            sync_folder(folder)
        for name in (PARTIAL, UNFINISHED):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / LOCK).unlink(missing_ok=True)
