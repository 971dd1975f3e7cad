"""How many systems the open files of this process suffice for."""

from __future__ import annotations

import resource
from contextlib import suppress

#: The most open files that this process asks for: more than a run needs, and few enough for programs that close all.
_ENOUGH = 16_384
#: What is open beside systems and connections: libraries, logs, state of addresses, pipes of worker processes.
_OTHERS = 150
#: Files of a system: its locks, ledger and evidence, a sweep's pipes, the state of its addresses.
FILES_PER_SYSTEM = 10


def raise_limit() -> int:
    """Raise the soft limit of open files as far as the hard one permits, and give what holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


def systems_within(limit: int, connections: int) -> int:
    """How many systems may be inspected at once with so many open files, beside so many open connections; at least 1.

    Where the connections alone would need more than half of the files, these count as shared between both.
    """
    free = limit - _OTHERS - min(connections, (limit - _OTHERS) // 2)
    return max(1, free // FILES_PER_SYSTEM)
