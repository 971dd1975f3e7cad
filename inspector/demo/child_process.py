"""The child's side of a server process: configuration on standard input, readiness on standard output.

Each is one line of JSON. The process ends when standard input ends, so that no server outlives its parent.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any


def read_configuration() -> dict[str, Any]:
    """The configuration of this process, which from now on ends with its parent."""
    configuration: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    return configuration


def report_ready(**values: object) -> None:
    """Report to the parent that requests are answered now, with these values."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)
