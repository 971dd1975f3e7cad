"""The one rate limiter: for all inspections of a process, their resolvers included, and for all processes of a user."""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from pathlib import Path
from typing import Protocol

from inspector.declare.settings import Settings
from inspector.network.pacing.address_state import AddressStates, MemoryStates
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from inspector.network.pacing.rate_limit import RateLimiter


class _Limiter(RateLimiter, Protocol):
    """A rate limiter of one event loop; ``waiting``: how many connections wait."""

    @property
    def waiting(self) -> int: ...

    def close(self) -> None: ...


#: The limiters of each event loop, and where what was spent is kept; who waits belongs to a loop, what was spent does
#: not.
_limiters: dict[tuple[asyncio.AbstractEventLoop, Path | str], _Limiter] = {}
#: The folders whose old files this process has removed.
_tidied: set[Path] = set()


def shared_rate_limiter(settings: Settings) -> RateLimiter:
    """The rate limiter of the running event loop: over the database of the settings, else over the files of this user.

    Raises RateLimitError when the folder cannot be used, UsageError when the database cannot be named so. Only Linux
    has the locks that processes share files by; elsewhere the limits hold within the process.
    """
    from inspector.network.pacing.state_files import default_folder

    loop, database = asyncio.get_running_loop(), settings.database
    where: Path | str
    if database is not None:
        where = database.get_secret_value()
    else:
        where = (settings.rate_state or default_folder()).absolute()
    for ended in [key for key in _limiters if key[0].is_closed()]:
        if limiter := _limiters.pop(ended, None):  # another thread may have taken it by now
            limiter.close()
    found = _limiters.get((loop, where))
    if found is None:
        found = _limiters[loop, where] = QueuedRateLimiter(_states(where)) if isinstance(where, Path) else _of(where)
    return found


def _of(database: str) -> _Limiter:
    from inspector.network.postgresql import DatabaseSource

    source = DatabaseSource.of(database)  # says so where the extra is missing
    from inspector.network.pacing.database_limiter import DatabaseRateLimiter

    return DatabaseRateLimiter(source)


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
