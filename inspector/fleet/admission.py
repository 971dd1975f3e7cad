"""When the next system may begin: as many at a time as the machine carries, and none while the event loop is late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from inspector.collect.limiter import LoopLag

#: Seconds between the beginnings of two systems: what a system does first is done by one after the other.
START_SECONDS = 0.1
#: The lag from which on the loop is late (seconds): answers lie unread for so long, and timeouts may be false.
LATE_SECONDS = 0.05


class SystemAdmission:
    """Admits systems, at most so many at once.

    The next one waits until the loop is on time again; where none runs, one begins in any case. So the number follows
    what the loop carries: none is begun while it carries no more, and none that runs is stopped.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.running = 0
        self.is_used = False
        self._places = asyncio.Semaphore(most)
        self._begun_at = float("-inf")
        self._lag = 0.0
        self._measured = asyncio.Event()

    def record_lag(self, seconds: float) -> None:
        """A callback of the loop ran so many seconds late."""
        self._lag = seconds
        self._measured.set()

    @property
    def _is_late(self) -> bool:
        return self._lag > LATE_SECONDS

    async def admit(self) -> None:
        """Wait until one more may begin; it counts until ``leave``."""
        await self._places.acquire()
        try:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._begun_at + START_SECONDS - loop.time())
            while self.running and await self._measure() > LATE_SECONDS:
                pass
        except BaseException:
            self._places.release()
            raise
        self._begun_at = loop.time()
        self.running += 1

    async def _measure(self) -> float:
        """The lag of the next tick."""
        self._measured.clear()
        await self._measured.wait()
        return self._lag

    def leave(self) -> None:
        """One has ended."""
        self.running -= 1
        self._places.release()

    @asynccontextmanager
    async def measuring(self) -> AsyncIterator[None]:
        """Within the body the lag is measured."""
        self.is_used = True
        LoopLag.of_running_loop().listen(self)
        try:
            yield
        finally:
            self.is_used = False
