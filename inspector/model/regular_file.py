"""Reading of files that a user names: only regular ones, so that nothing waits for data or acts on a device."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class NotRegular(OSError):
    """The path names a pipe, device or socket, or cannot be the path of a file."""


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a file, at most ``limit`` + 1 of them, so that the caller can tell that there are more.

    Raises OSError: IsADirectoryError for a folder, NotRegular for what is neither file nor folder.
    """
    try:
        _refuse_others(path, path.stat())  # opening a device may act on it
        # Without O_NONBLOCK, a named pipe that was put here meanwhile would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError:  # a null character
        raise NotRegular(errno.EINVAL, "it cannot be the path of a file", str(path)) from None
    with os.fdopen(descriptor, "rb") as file:
        _refuse_others(path, os.fstat(descriptor))
        return file.read(limit + 1)


def _refuse_others(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise NotRegular(errno.EINVAL, "it is not a regular file", str(path))
