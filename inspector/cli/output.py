"""What a command makes for programs: printed, or written into the file of ``--output``."""

from __future__ import annotations

from pathlib import Path

from inspector.cli import terminal
from inspector.cli.language import _
from inspector.pipeline.reporting import write_private


def print_or_write(data: bytes, output: Path | None) -> None:
    """Print a text in UTF-8, or write it into a file of this user. Raises UsageError."""
    if output is None:
        terminal.print_result(data.decode().replace("\r\n", "\n").removesuffix("\n"))
        return
    write_private({output: data}, remedy="choose another file with --output")
    terminal.print_result(_("Written: {path}", path=output))
