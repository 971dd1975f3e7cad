"""Bounded reading of text files."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from inspector.model.errors import Diagnostic, InputFileError
from inspector.model.formatted import FormattedMessage
from inspector.model.regular_file import NotRegular, read_regular

#: The largest file that is read (bytes).
LARGEST_FILE = 20_000_000
#: The largest file with a list that is read one item at a time (bytes).
LARGEST_LIST = 100_000_000


def read_text(path: Path, limit: int | None = None) -> str:
    """The text of a file of at most ``limit`` bytes (None: LARGEST_FILE).

    Raises InputFileError when it is missing, unreadable, too large, or not UTF-8.
    """
    limit = LARGEST_FILE if limit is None else limit

    def refuse(what: str, remedy: str, line: int = 0, column: int = 0) -> NoReturn:
        raise InputFileError([Diagnostic(str(path), line, column, what, remedy)]) from None

    try:
        data = read_regular(path, limit)
    except FileNotFoundError:
        refuse("there is no such file", "check the path, or write one with inspector init")
    except IsADirectoryError:
        refuse("this is a folder", "name the file in it")
    except NotRegular as error:
        refuse(error.strerror or "", "name a regular file")
    except OSError as error:
        refuse(
            FormattedMessage("cannot be read: {reason}", reason=error.strerror or error),
            "check its permissions and its path",
        )
    if len(data) > limit:
        refuse(
            FormattedMessage("larger than {limit} bytes", limit=f"{limit:,}"),
            "split it into several files",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace").rpartition("\n")[2]
        line = data.count(b"\n", 0, error.start) + 1
        refuse(
            FormattedMessage("byte 0x{data} is not UTF-8", data=f"{data[error.start]:02x}"),
            "save the file as UTF-8",
            line,
            len(before) + 1,
        )
