"""The command line: one module per command, each loaded only when its command is called."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

#: The exit codes that a shell reports for a process ended by SIGINT, and by SIGTERM.
INTERRUPTED, TERMINATED = 130, 143


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; no traceback reaches the user."""
    _ready_streams()
    code = INTERRUPTED

    def terminate(_signal: int, _frame: object) -> None:
        """End as after an interrupt: what was begun is tidied up, and can be resumed."""
        nonlocal code
        code = TERMINATED
        signal.raise_signal(signal.SIGINT)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, terminate)
    try:
        from inspector.cli.app import call

        result = call(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        result = INTERRUPTED
    sys.exit(code if result == INTERRUPTED else result)


def _ready_streams() -> None:
    """Escape what a stream's encoding cannot express instead of failing; a closed stream discards everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (it lives as long as the process)
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
