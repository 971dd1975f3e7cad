"""The inside of a server process: it takes orders and sockets from its parent, says when it is ready, and ends with it.

One line of JSON on standard input holds the orders; one line of JSON on standard output says "ready". The process
leaves when standard input ends, so that no server outlives its parent, however that one ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any


def take_orders() -> dict[str, Any]:
    """What this process is to do; from then on it ends with its parent."""
    orders: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    return orders


def say_ready(**told: object) -> None:
    """Tell the parent that requests are answered now, and what it has to know."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)
