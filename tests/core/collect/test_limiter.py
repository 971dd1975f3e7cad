"""Places in an event loop: never more than it bears, never more than allowed, and none is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from inspector.collect.limiter import FIRST_PLACES, Room

LATE, IN_TIME = 1.0, 0.0


class Crowd:
    """Tasks that each want a place and stay until they are let go."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.inside: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._may_go: dict[int, asyncio.Event] = {}

    async def come(self, count: int) -> None:
        for number in range(len(self.tasks), len(self.tasks) + count):
            self._may_go[number] = asyncio.Event()
            self.tasks.append(asyncio.create_task(self._stay(number)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _stay(self, number: int) -> None:
        async with self.room:
            self.inside.append(number)
            try:
                await self._may_go[number].wait()
            finally:
                self.inside.remove(number)

    async def go(self, *numbers: int) -> None:
        for number in numbers:
            self._may_go[number].set()
        await asyncio.wait([self.tasks[number] for number in numbers], timeout=5)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def crowded(most: int, story: Callable[[Crowd], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a story in a room whose clock only the story moves."""
    monkeypatch.setattr("inspector.collect.limiter._TICK_SECONDS", 3600.0)

    async def play() -> None:
        crowd = Crowd(Room(most))
        try:
            await story(crowd)
        finally:
            await crowd.leave()

    asyncio.run(play())


def test_first_come_first_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond the places wait, and come in in their order."""

    async def story(crowd: Crowd) -> None:
        await crowd.come(FIRST_PLACES + 3)
        assert crowd.inside == [*range(FIRST_PLACES)]
        await crowd.go(4, 5)
        assert crowd.inside[-2:] == [FIRST_PLACES, FIRST_PLACES + 1]
        assert len(crowd.inside) == FIRST_PLACES

    crowded(50, story, monkeypatch)


def test_places_grow_while_somebody_waits_and_the_loop_keeps_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with every tick, up to the most; none for nobody."""

    async def story(crowd: Crowd) -> None:
        room = crowd.room
        await crowd.come(FIRST_PLACES)
        room.feel(IN_TIME)
        assert room.places == FIRST_PLACES
        await crowd.come(10)
        room.feel(IN_TIME)
        await asyncio.sleep(0)
        assert len(crowd.inside) == room.places == FIRST_PLACES + 1
        for _ in range(20):
            room.feel(IN_TIME)
        await asyncio.sleep(0)
        assert len(crowd.inside) == room.places == FIRST_PLACES + 4

    crowded(FIRST_PLACES + 4, story, monkeypatch)


def test_a_late_loop_takes_places_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is sent away; nobody comes in until there is room again; the first places stay."""

    async def story(crowd: Crowd) -> None:
        room = crowd.room
        await crowd.come(60)
        for _ in range(30):
            room.feel(IN_TIME)
        await asyncio.sleep(0)
        assert len(crowd.inside) == FIRST_PLACES + 30
        room.feel(LATE)
        assert room.places == (FIRST_PLACES + 30) * 3 // 4
        assert len(crowd.inside) == FIRST_PLACES + 30
        await crowd.go(*range(10))
        assert len(crowd.inside) == room.places
        await crowd.go(10)
        assert len(crowd.inside) == room.places
        for _ in range(50):
            room.feel(LATE)
        assert room.places == FIRST_PLACES

    crowded(50, story, monkeypatch)


def test_few_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most may be below the places that there are elsewhere."""

    async def story(crowd: Crowd) -> None:
        await crowd.come(5)
        crowd.room.feel(IN_TIME)
        crowd.room.feel(LATE)
        await asyncio.sleep(0)
        assert crowd.inside == [0, 1]

    crowded(2, story, monkeypatch)


def test_who_is_cancelled_leaves_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits, in the moment in which it is let in, and inside: its place is the next one's."""

    async def story(crowd: Crowd) -> None:
        await crowd.come(4)
        assert crowd.inside == [0]
        crowd.tasks[1].cancel()
        await crowd.go(0)
        assert crowd.inside == [2]
        crowd.tasks[2].cancel()
        await asyncio.sleep(0)  # its place is given to the next, which has not come in yet
        assert crowd.inside == []
        crowd.tasks[3].cancel()
        await asyncio.sleep(0)
        await crowd.come(1)
        assert crowd.inside == [4]

    crowded(1, story, monkeypatch)


def test_it_feels_the_loop_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that block take places back, and calm gives them again; an empty room lets the loop rest."""

    async def story() -> tuple[int, int]:
        room = Room(50)
        crowd = Crowd(room)
        await crowd.come(60)
        async with asyncio.timeout(60):
            while room.places == FIRST_PLACES:  # noqa: ASYNC110  (nothing tells of a tick)
                await asyncio.sleep(0.01)
            while room.places > FIRST_PLACES:
                time.sleep(0.1)  # noqa: ASYNC251  (that is the point)
                await asyncio.sleep(0)
        await crowd.leave()
        felt.clear()
        await asyncio.sleep(0.2)
        return room.places, len(felt)

    felt: list[float] = []
    feel = Room.feel

    def noted(room: Room, late: float) -> None:
        felt.append(late)
        feel(room, late)

    monkeypatch.setattr(Room, "feel", noted)
    places, ticks = asyncio.run(story())
    assert places == FIRST_PLACES
    assert ticks <= 1, "nobody is there any more"
