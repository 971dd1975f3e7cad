"""``inspector bundle export``: a sealed bundle in one file."""

from __future__ import annotations

from pathlib import Path

from inspector.cli import terminal
from inspector.cli.language import _
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.seal.export import SUFFIX, export_bundle


def write_export(folder: Path, file: Path) -> int:
    """Write the file and print how to check it. Raises InspectorError."""
    if not file.name.endswith(SUFFIX) or file.name == SUFFIX:
        raise UsageError(
            FormattedMessage("{file}: an exported bundle is a file {suffix}", file=file, suffix=f"NAME{SUFFIX}"),
            remedy=FormattedMessage("write --output {file}{suffix}", file=file, suffix=SUFFIX),
        )
    export_bundle(folder, file)
    terminal.print_result(_("Exported: {path}", path=file))
    terminal.print_result(_("Check a sealed bundle: {command}", command=f"inspector verify {file}"))
    return 0
