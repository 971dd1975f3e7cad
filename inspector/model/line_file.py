"""A file of lines that is only appended to: a line is there complete, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_FLAGS = os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_plain(path: Path, flags: int = os.O_RDWR) -> int:
    """A descriptor of the file, created with mode 0600 where it is missing; raises OSError for anything but a file.

    A symbolic link is not followed, a named pipe not waited for.
    """
    descriptor = os.open(path, flags | _FLAGS, 0o600)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise OSError(0, "it is not a regular file of this folder alone")
    return descriptor


def size_of_lines(descriptor: int) -> int:
    """The size of the complete lines of a file (bytes)."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - 4096)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


class LineFile:
    """An open file of lines. An incomplete last line, left by a crash, is cut off when it is opened."""

    def __init__(self, path: Path) -> None:
        self._descriptor = open_plain(path, os.O_RDWR | os.O_APPEND)
        self.size = size_of_lines(self._descriptor)
        os.ftruncate(self._descriptor, self.size)
        self._is_torn = False

    def append(self, line: bytes) -> None:
        """Append a line that ends in a line feed; the operating system has it when this returns. Raises OSError.

        What was written of it before an error is taken back, at the latest before the next line.
        """
        if self._is_torn:
            self._take_back()
        self._is_torn = True
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._take_back()
            raise
        self._is_torn = False
        self.size += len(line)

    def _take_back(self) -> None:
        os.ftruncate(self._descriptor, self.size)
        self._is_torn = False

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
