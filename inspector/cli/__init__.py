"""The command line: one module per command, each loaded only when its command is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

#: How a shell tells a process that a person interrupted.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; no traceback reaches the user."""
    try:
        from inspector.cli.app import call

        code = call(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
