"""When an authorisation permits packets: its validity and its time windows, as intervals of absolute time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from inspector.declare.authorisation import Authorisation, Window

Interval = tuple[datetime, datetime]

#: A window that ends in the last second of the day ends at midnight.
_LAST = time(23, 59, 59)
#: Windows repeat weekly: one that does not open within this time never does.
_CYCLE = timedelta(days=9)


def _hours(window: Window, begin: datetime, end: datetime) -> Iterator[Interval]:
    """The intervals of one window that overlap [begin, end); an end before its start is on the next day."""
    zone = ZoneInfo(window.timezone)
    shuts = time(0) if window.end == _LAST else window.end
    day = begin.astimezone(zone).date() - timedelta(days=1)
    last = end.astimezone(zone).date()
    while day <= last:
        if day.isoweekday() in window.days:
            over_midnight = timedelta(days=1 if shuts <= window.start else 0)
            opens = datetime.combine(day, window.start, zone).astimezone(UTC)
            closes = datetime.combine(day + over_midnight, shuts, zone).astimezone(UTC)
            if opens < closes:
                yield opens, closes
        day += timedelta(days=1)


def hours_of(windows: Iterable[Window], begin: datetime, end: datetime) -> list[Interval]:
    """The union of these windows within [begin, end), in order; all of it where there is no window."""
    windows = tuple(windows)
    if begin >= end:
        return []
    if not windows:
        return [(begin.astimezone(UTC), end.astimezone(UTC))]
    found = (interval for window in windows for interval in _hours(window, begin, end))
    clipped = ((max(opens, begin), min(closes, end)) for opens, closes in found)
    return merged((opens.astimezone(UTC), closes.astimezone(UTC)) for opens, closes in clipped if opens < closes)


def intervals(authorisation: Authorisation, begin: datetime, end: datetime) -> list[Interval]:
    """When ``authorisation`` permits packets within [begin, end), in order and merged."""
    begin, end = max(begin, authorisation.valid_from), min(end, authorisation.valid_until)
    return hours_of(authorisation.windows, begin, end)


def common(one: Iterable[Interval], other: Iterable[Interval]) -> list[Interval]:
    """The time in both, in order."""
    others = tuple(other)
    pairs = ((max(opens, begins), min(closes, ends)) for opens, closes in one for begins, ends in others)
    return sorted((opens, closes) for opens, closes in pairs if opens < closes)


def merged(parts: Iterable[Interval]) -> list[Interval]:
    """The union of ``parts``, in order; adjacent intervals are joined."""
    union: list[Interval] = []
    for opens, closes in sorted(parts):
        if union and opens <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], closes))
        else:
            union.append((opens, closes))
    return union


def is_open(authorisation: Authorisation, at: datetime) -> bool:
    """Whether ``authorisation`` permits packets at this instant."""
    return bool(intervals(authorisation, at, at + timedelta(microseconds=1)))


def closes(authorisations: Iterable[Authorisation], at: datetime) -> datetime | None:
    """When the interval that is open at ``at`` ends; None when none is open."""
    granted = tuple(authorisations)
    whole = (each.valid_until.astimezone(UTC) for each in granted if not each.windows and each.is_valid(at))
    end = max(whole, default=at)
    while True:
        horizon = end + _CYCLE
        for opens, shuts in merged(part for each in granted for part in intervals(each, at, horizon)):
            if opens <= at < shuts:
                end = shuts
        if end < horizon:
            return end if end > at else None


def opens_next(authorisations: Iterable[Authorisation], at: datetime) -> datetime | None:
    """The first instant from ``at`` on at which packets are permitted; None when there is none."""
    firsts: list[datetime] = []
    for each in authorisations:
        begin = max(at, each.valid_from)
        firsts.extend(opens for opens, _ in intervals(each, begin, begin + _CYCLE)[:1])
    return min(firsts, default=None)
