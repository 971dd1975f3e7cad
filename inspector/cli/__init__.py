"""The command line: one module per command, each loaded only when its command is called."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

#: The exit code that a shell reports for a process ended by SIGINT.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; no traceback reaches the user."""
    _ready_streams()
    try:
        from inspector.cli.app import call

        code = call(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _ready_streams() -> None:
    """Escape what a stream's encoding cannot express instead of failing; a closed stream discards everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (it lives as long as the process)
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
