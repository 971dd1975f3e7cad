"""The one rate limiter: for all inspections of a process, their resolvers included, and for all processes of a user."""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from pathlib import Path

from inspector.network.pacing.address_state import AddressStates, MemoryStates
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from inspector.network.pacing.rate_limit import RateLimiter

#: The queues of each event loop and folder; who waits belongs to a loop, what was spent does not.
_limiters: dict[tuple[asyncio.AbstractEventLoop, Path], QueuedRateLimiter] = {}
#: The folders whose old files this process has removed.
_tidied: set[Path] = set()


def shared_rate_limiter(folder: Path | None = None) -> RateLimiter:
    """The rate limiter of the running event loop over the state in ``folder`` (None: the user's default one).

    Raises RateLimitError when the folder cannot be used. Only Linux has the locks that processes share it by; elsewhere
    the limits hold within the process.
    """
    from inspector.network.pacing.state_files import default_folder

    loop, where = asyncio.get_running_loop(), (folder or default_folder()).absolute()
    for ended in [key for key in _limiters if key[0].is_closed()]:
        if limiter := _limiters.pop(ended, None):  # another thread may have taken it by now
            limiter.close()
    found = _limiters.get((loop, where))
    if found is None:
        found = _limiters[loop, where] = QueuedRateLimiter(_states(where))
    return found


def waiting_connections() -> int:
    """How many connections of the running event loop wait for the rate of their address."""
    loop = asyncio.get_running_loop()
    return sum(limiter.waiting for (at, _), limiter in _limiters.items() if at is loop)


def _states(folder: Path) -> AddressStates:
    if sys.platform != "linux":
        return _in_memory(folder)
    from inspector.network.pacing.state_files import StateFiles

    states = StateFiles(folder)
    if folder not in _tidied:
        _tidied.add(folder)
        states.remove_old()
    return states


@cache
def _in_memory(_folder: Path) -> MemoryStates:
    return MemoryStates()
