"""How many scans are in flight: as many as the event loop bears.

More looks hide how long servers take to answer, until the loop itself is what they wait for: then one more only delays
the others, and with them their deadlines and their pace. How many that are hangs on the machine and on the servers; so
their number follows what the loop shows.
"""

from __future__ import annotations

import asyncio
from collections import deque

#: Places to begin with, and those that are always there.
FIRST_PLACES = 10
#: How often the loop is asked how late it is, and from when on it is late.
_TICK_SECONDS = 0.02
_LATE_SECONDS = 0.005
#: What is left of the places when it is.
_LEFT = 0.75


class Room:
    """Places for those who run side by side in one event loop: ``async with room`` holds one; first come, first served.

    While somebody waits, there is one more with every tick of a loop that keeps time, up to ``most``; a late loop takes
    a quarter of them back, as they become free (additive increase, multiplicative decrease, as in RFC 5681 §3.1).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._least = min(FIRST_PLACES, most)
        self._places = float(self._least)
        self._taken = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._due: float | None = None

    @property
    def places(self) -> int:
        """How many may run now."""
        return int(self._places)

    async def __aenter__(self) -> None:
        if self._due is None:
            self._await_tick()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._let_in()
        try:
            await place
        except BaseException:
            if not place.cancelled():
                self._leave()  # it was given in the same moment
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._taken -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._queue and self._taken < self.places:
            place = self._queue.popleft()
            if not place.done():  # else whoever waited was cancelled
                self._taken += 1
                place.set_result(None)

    def _await_tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + _TICK_SECONDS
        loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        if self._due is not None:
            self.feel(asyncio.get_running_loop().time() - self._due)
        self._due = None
        if self._taken or self._queue:
            self._await_tick()

    def feel(self, late: float) -> None:
        """The loop came so many seconds late to what it had to do."""
        if late > _LATE_SECONDS:
            self._places = max(self._least, self._places * _LEFT)
        elif self._queue:
            self._places = min(self._most, self._places + 1)
            self._let_in()
