"""The terminal: results on stdout, everything else on stderr.

Control characters from servers and documents are escaped, and commands to the runner of a pipeline.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
import textwrap
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inspector.cli.language import translated
from inspector.model.errors import InspectorError
from inspector.model.escaping import escape_commands, escape_control

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


#: The first error of each stream that takes no more: a reader that left, or a full disk.
_lost: dict[str, OSError] = {}


def lost() -> OSError | None:
    """The error of stdout, or else of stderr, where one of them took no more since the last call; flushes both."""
    for name in ("stdout", "stderr"):
        _write(name, "", flush=True)
    errors = [_lost.pop(name) for name in ("stdout", "stderr") if name in _lost]
    return errors[0] if errors else None


def _write(name: str, text: str, *, flush: bool = False) -> None:
    """Write to a stream; where it takes no more, that is noted, and the work goes on."""
    stream = getattr(sys, name)
    try:
        stream.write(text)
        if flush:
            stream.flush()
    except OSError as error:
        lose(name, error)
    except (AttributeError, ValueError) as error:  # a plugin closed or replaced the stream
        lose(name, OSError(errno.EBADF, str(error)))


def lose(name: str, error: OSError) -> None:
    """Note that a stream takes no more, and discard what is still written to it."""
    _lost.setdefault(name, error)
    with suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, getattr(sys, name).fileno())
        os.close(nowhere)


def _inert(text: str) -> str:
    return escape_commands(escape_control(text))


def print_result(text: str = "") -> None:
    """Write a result to stdout."""
    _write("stdout", _inert(text) + "\n")


@dataclass(frozen=True, slots=True)
class Styled:
    """A part of a line with its style, the parameters of an SGR sequence, as ``1;31``."""

    text: str
    style: str


def print_line(*parts: str | Styled) -> None:
    """Write a line to stdout whose parts have a style where stdout is a terminal with colours."""
    coloured = has_colours()
    written = (
        f"\x1b[{each.style}m{_inert(each.text)}\x1b[0m"
        if coloured and isinstance(each, Styled)
        else _inert(each.text if isinstance(each, Styled) else each)
        for each in parts
    )
    _write("stdout", "".join(written) + "\n")


def has_colours() -> bool:
    """Whether stdout is a terminal that shows colours, and the user has not refused them (NO_COLOR)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def width() -> int:
    """The columns of the terminal, or of COLUMNS; 80 elsewhere, and never fewer than 20."""
    return max(20, shutil.get_terminal_size((80, 24)).columns)


def cut(text: str, columns: int) -> str:
    """The text, cut to so many columns with an ellipsis at its end."""
    text = _inert(text)
    if _columns(text) <= columns:
        return text
    dots = "…" if _can_print("…") else "..."
    kept, left = "", columns - len(dots)
    for each in text:
        left -= _columns(each)
        if left < 0:
            break
        kept += each
    return kept.rstrip() + dots


def wrapped(text: str, columns: int) -> list[str]:
    """The text in lines of so many columns, broken between words."""
    return textwrap.wrap(_inert(text), columns, break_long_words=False, break_on_hyphens=False) or [""]


def _columns(text: str) -> int:
    """The columns that a terminal uses for a text."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (AttributeError, LookupError, UnicodeEncodeError):
        return False
    return True


def print_note(text: str) -> None:
    """Write something about the work to stderr."""
    _write("stderr", _inert(text) + "\n")


def print_progress(text: str) -> None:
    """Write control sequences and a part of a line to stderr, at once."""
    _write("stderr", text, flush=True)


def print_error(error: InspectorError) -> None:
    """Write an error and its remedy to stderr, in the language of the command."""
    for line in error.text(translated).splitlines():
        print_note(f"inspector: {line}")


def print_table(table: Table) -> None:
    """Write a table to stdout; on a terminal too narrow for the words of many columns as lines, one for each cell."""
    from rich.console import Console
    from rich.measure import Measurement

    text = io.StringIO()
    options: dict[str, Any] = {"force_terminal": sys.stdout.isatty(), "width": None if sys.stdout.isatty() else 160}
    console = Console(
        file=text, no_color="NO_COLOR" in os.environ, highlight=False, emoji=False, markup=False, **options
    )
    needed = Measurement.get(console, console.options.update(max_width=_UNBOUNDED), table).minimum
    if sys.stdout.isatty() and needed > width() and len(table.columns) > _MOST_FOLDED_COLUMNS:
        _print_rows(table)
        return
    if needed <= console.width:
        _spread(table, console, console.width - needed)
    console.print(table)
    _write("stdout", "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()))


def _spread(table: Table, console: Console, left: int) -> None:
    """Give each column the width of its longest word, and then what it lacks, but at most two thirds of what is left.

    rich narrows the widest columns alone, and so breaks words where others have room.
    """
    from rich.measure import measure_renderables

    sizes = [
        measure_renderables(console, console.options.update(max_width=_UNBOUNDED), [column.header, *column.cells])
        for column in table.columns
    ]
    widths = [each.minimum for each in sizes]
    missing = [each.maximum - each.minimum for each in sizes]
    shortest_first = sorted(range(len(sizes)), key=missing.__getitem__)
    for number, each in enumerate(shortest_first):
        more = min(missing[each], left * 2 // 3 if number + 1 < len(sizes) else left)
        widths[each] += more
        left -= more
    for column, columns in zip(table.columns, widths, strict=True):
        column.width = columns


#: The width for which a table is measured: no terminal is as wide.
_UNBOUNDED = 10_000
#: A table of so many columns stays one where it is too wide for the terminal: its longest words are folded.
_MOST_FOLDED_COLUMNS = 3


def _print_rows(table: Table) -> None:
    """Write the rows of a table as ``head: cell``, with an empty line after each row."""
    if table.title is not None:
        print_result(str(table.title))
    heads = [str(column.header) for column in table.columns]
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        for head, cell in zip(heads, cells, strict=True):
            for number, line in enumerate(wrapped(f"{head}: {cell}", width() - 2)):
                print_result(f"{'  ' if number else ''}{line}")
        print_result()


def table(title: str | None, *columns: str) -> Table:
    """An empty table."""
    from rich import box
    from rich.table import Table

    lines = box.SIMPLE if (sys.stdout.encoding or "utf-8").lower().startswith("utf") else box.ASCII
    made = Table(title=title, title_justify="left", box=lines, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add_row(made: Table, *cells: str, style: str | None = None) -> None:
    """Add a row whose cells are text and nothing else."""
    from rich.text import Text

    made.add_row(*(Text(escape_commands(escape_control(cell, keep=""))) for cell in cells), style=style)
