"""How many systems fit each authorised window at the authorised rates, when they are inspected side by side."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inspector.declare.authorisation import Authorisation
from inspector.network.access.time_windows import Interval, common, intervals, merged
from inspector.plan.pace import HORIZON, pace_of
from inspector.record.plan import Plan


@dataclass(slots=True)
class Window:
    """One authorised window: the systems that fit it, in order, when the last one ends, and the hours of all of them.

    ``seconds`` are what the rates alone take, summed over the systems.
    """

    opens: datetime
    closes: datetime
    systems: list[str] = field(default_factory=list)
    seconds: int = 0
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """A system whose sweep of all ports goes on over these windows, and the seconds that it takes in each."""

    system: str
    windows: tuple[Window, ...]
    seconds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Misfit:
    """A system that fits no window within the horizon, and the seconds that it needs in one."""

    system: str
    seconds: int


class WindowSchedule:
    """Puts each system into the first window in which it fits, in the order of ``add``; one whose sweep of all ports
    fits none into what is left of several, one after the other.

    A system takes as long as the rates of its busiest address; systems at one address come one after the other, and at
    most ``at_once`` systems are inspected at the same time. Confirmation scans, and the time of the scans themselves,
    are not contained. Windows that open and close together are one. ``hours`` narrow those of all authorisations.
    """

    def __init__(self, at: datetime, at_once: int, hours: Sequence[Interval] | None = None) -> None:
        self.misfits: list[Misfit] = []
        self.spreads: list[Spread] = []
        self._at = at
        self._at_once = at_once
        self._hours = hours
        self._windows: dict[Interval, Window] = {}
        self._places: dict[Interval, list[datetime]] = {}
        self._busy: dict[tuple[Interval, str], datetime] = {}
        self._known: dict[tuple[object, ...], list[Interval]] = {}

    @property
    def windows(self) -> list[Window]:
        """The windows that systems were put into, in time order."""
        return sorted(self._windows.values(), key=lambda each: (each.opens, each.closes))

    def add(self, system: str, plan: Plan, authorisations: Iterable[Authorisation]) -> Window | None:
        """Put a system into a window (the first of several); None when it fits none, or nothing is sent to it."""
        granted = tuple(authorisations)
        needed = {address: pace.seconds for address, pace in pace_of(plan.tasks, granted).items()}
        if not needed:
            return None
        used = {task.authorisation for task in plan.tasks if task.cause is None}
        own = [each for each in granted if each.id in used]
        permitted = list(self._intervals(own))
        for interval in permitted:
            window = self._put(system, interval, needed)
            if window is not None:
                return window
        if plan.selection.all_ports and (spread := self._spread(system, permitted, needed)) is not None:
            self.spreads.append(spread)
            return spread.windows[0]
        self.misfits.append(Misfit(system, max(needed.values())))
        return None

    def _intervals(self, granted: Iterable[Authorisation]) -> Iterator[Interval]:
        """When all of these permit packets, within the horizon."""
        permitted = None if self._hours is None else list(self._hours)
        for each in granted:
            key = (each.valid_from, each.valid_until, each.windows)
            if key not in self._known:
                self._known[key] = merged(intervals(each, self._at, self._at + HORIZON))
            found = self._known[key]
            permitted = found if permitted is None else common(permitted, found)
        yield from permitted or ()

    def _spread(self, system: str, permitted: Iterable[Interval], needed: dict[str, int]) -> Spread | None:
        """Put a system into several windows; None, and into none, where all of them together are too short."""
        rest, parts = needed, list[tuple[Interval, dict[str, int]]]()
        for interval in permitted:
            left = int((interval[1] - self._start(interval, needed)).total_seconds())
            part = {address: min(seconds, left) for address, seconds in rest.items()}
            if left > 0:
                parts.append((interval, part))
                rest = {address: seconds - part[address] for address, seconds in rest.items()}
            if not any(rest.values()):
                placed = [self._put(system, *each) for each in parts]
                windows = tuple(window for window in placed if window is not None)
                return Spread(system, windows, tuple(max(each.values()) for _, each in parts))
        return None

    def _start(self, interval: Interval, addresses: Iterable[str]) -> datetime:
        """When the next system at these addresses can begin."""
        opens, _ = interval
        places = self._places.setdefault(interval, [opens] * self._at_once)
        return max(places[0], *(self._busy.get((interval, address), opens) for address in addresses))

    def _put(self, system: str, interval: Interval, needed: dict[str, int]) -> Window | None:
        opens, closes = interval
        start = self._start(interval, needed)
        ends = {address: start + timedelta(seconds=seconds) for address, seconds in needed.items()}
        last = max(ends.values())
        if last > closes:
            return None
        heapq.heapreplace(self._places[interval], last)
        for address, end in ends.items():
            self._busy[interval, address] = end
        window = self._windows.setdefault(interval, Window(opens, closes))
        window.systems.append(system)
        window.seconds += max(needed.values())
        window.ends = max(window.ends or last, last)
        return window
