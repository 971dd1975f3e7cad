"""Writing so that what stands on the disk is whole: temporary file, fsync, rename; appended lines never torn."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.seal.layout import LOCK, PARTIAL, SALT

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_NO_ROOM = "make room there, then resume the inspection"
_NO_PERMISSION = "make it writable, or choose another output folder"
_NO_FOLDER = "a file stands where a folder is needed; move it, or choose another output folder"
_REMEDIES = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: _NO_PERMISSION,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn trouble of the operating system into a BundleError that names ``path`` and what to do."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "see to the disk, then try again")
        raise BundleError(
            FormattedMessage("{path}: cannot be written: {reason}", path=path, reason=error.strerror), remedy=remedy
        ) from error


def make_folder(path: Path) -> None:
    """Make ``path`` and what is missing above it, each open to its owner only."""
    with writing(path):
        for parent in _make_folder(path):
            sync_folder(parent)


def _make_folder(path: Path) -> list[Path]:
    """The folders in which something new appeared, to be synced."""
    if path.is_dir():
        return []
    changed = _make_folder(path.parent)
    path.mkdir(FOLDER_MODE, exist_ok=True)
    return [*changed, path.parent]


def write_file(path: Path, data: bytes, *, partial: Path) -> None:
    """Put ``data`` at ``path`` whole or not at all; ``partial`` is a folder on the same disk for what is unfinished."""
    write_files(path.parent, {path.name: data}, partial=partial)


def write_files(folder: Path, *groups: Mapping[str, bytes], partial: Path) -> None:
    """Put every file at its name below ``folder``, whole or not at all; a group once those before are on the disk.

    Missing folders are made. Everything is on the disk when this returns: one wait for many files, not one for each.
    """
    begun: dict[str, str] = {}
    name = ""
    try:
        for name, data in (each for files in groups for each in files.items()):
            begun[name] = _begun(data, partial)
        for files in groups:
            changed = [each for above in _folders(files) for each in _make_folder(folder / above)]
            for name in files:
                os.replace(begun.pop(name), f"{folder}/{name}")  # noqa: PTH105  (text costs a third of paths)
            for each in dict.fromkeys((*changed, *(folder / above for above in _folders(files)))):
                sync_folder(each)
    except OSError as error:
        with writing(folder / name):
            raise error from None
    finally:
        for temporary in begun.values():
            Path(temporary).unlink(missing_ok=True)


def _folders(names: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(name.rpartition("/")[0] for name in names)


def _begun(data: bytes, partial: Path) -> str:
    """A temporary file with ``data``, on the disk."""
    temporary = f"{partial}/{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
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
    """Make the names in this folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_line(path: Path, line: bytes) -> None:
    """Append ``line`` (or several) and a line feed to ``path``, on the disk when this returns; a part is taken back.

    Several processes may append to one file. A torn line that a crash left behind is cut off first.
    """
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end = _whole_lines(descriptor)
            try:
                os.ftruncate(descriptor, end)
                _write(descriptor, line + b"\n", end)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)


def cut_torn_line(path: Path) -> None:
    """Cut off a last line that a crash left without its line feed."""
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, _whole_lines(descriptor))
        finally:
            os.close(descriptor)


def _whole_lines(descriptor: int) -> int:
    """How many bytes of the file are whole lines."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - 4096)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _write(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def lock(path: Path) -> int:
    """Take the exclusive lock at ``path`` and give its descriptor; the lock ends with the process, however that ends.

    Raises BundleError when another process, or another writer in this one, holds it.
    """
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise BundleError(
            FormattedMessage("{parent}: is being written by another process", parent=path.parent),
            remedy="wait for it to end, or stop it",
        ) from None
    return descriptor


def tidy(folder: Path) -> None:
    """Remove from an inspection's folder what only served its writing, the salt first."""
    with writing(folder):
        (folder / SALT).unlink(missing_ok=True)
        sync_folder(folder)
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        (folder / LOCK).unlink(missing_ok=True)
