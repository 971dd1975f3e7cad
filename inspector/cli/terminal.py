"""The terminal: results on stdout, everything else on stderr.

Control characters from servers and documents are escaped, and commands to the runner of a pipeline.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from inspector.cli.language import translated
from inspector.model.errors import InspectorError
from inspector.model.escaping import escape_commands, escape_control

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


class ReaderLeft(Exception):
    """The process that reads stdout closed the pipe. click and rich would end with exit code 1."""


def _console(stderr: bool) -> Console:
    from rich.console import Console

    plain = "NO_COLOR" in os.environ
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return Console(
        file=stream, no_color=plain, highlight=False, emoji=False, markup=False, width=width, soft_wrap=False
    )


def _inert(text: str) -> str:
    return escape_commands(escape_control(text))


def print_result(text: str = "") -> None:
    """Write a result to stdout."""
    try:
        sys.stdout.write(_inert(text) + "\n")
    except BrokenPipeError:
        raise ReaderLeft from None


def print_note(text: str) -> None:
    """Write something about the work to stderr."""
    sys.stderr.write(_inert(text) + "\n")


def print_error(error: InspectorError) -> None:
    """Write an error and its remedy to stderr, in the language of the command."""
    for line in error.text(translated).splitlines():
        print_note(f"inspector: {line}")


def print_table(table: Table) -> None:
    """Write a table to stdout."""
    try:
        _console(stderr=False).print(table)
    except SystemExit:  # rich's answer to a closed pipe
        raise ReaderLeft from None


def table(title: str | None, *columns: str) -> Table:
    """An empty table."""
    from rich import box
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add_row(made: Table, *cells: str, style: str | None = None) -> None:
    """Add a row whose cells are text and nothing else."""
    from rich.text import Text

    made.add_row(*(Text(escape_commands(escape_control(cell, keep=""))) for cell in cells), style=style)
