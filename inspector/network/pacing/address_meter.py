"""The arithmetic of the rate limits of one address, with the time as an argument."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from inspector.declare.authorisation import Rates
from inspector.network.pacing.rate_limit import WINDOW_SECONDS, halved

#: Back-off after a reset and after a server's request for fewer connections: first pause, doubled with each further one
#: in a row, and longest pause.
RESET_PAUSE_SECONDS, RESET_PAUSE_MOST = 0.25, 8.0
REQUESTED_PAUSE_SECONDS, REQUESTED_PAUSE_MOST = 2.0, 60.0
#: How long the rates hold of one who has asked the address and does not ask again: longer than any pause.
DEMAND_SECONDS = 120.0
#: How long an address that stopped answering is asked at half the rate.
SLOWED_SECONDS = 3600.0
#: Demands that are kept apart; of more than these the first to end are merged into one.
_DEMANDS = 8
#: Departures are counted in this many steps of the window where the burst is larger than that.
_STEPS = 128
#: Rates above this count as this: they limit nothing.
_MOST = 1_000_000
#: The states of a connection's slot: none, granted and maybe not sent yet, sent and not closed yet.
FREE, GRANTED, OPEN = 0, 1, 2


class RateValues(NamedTuple):
    """The fields of ``Rates``: every connection reads them, and attributes of a model are slow."""

    connections_per_second: int
    burst: int
    at_once: int
    port_questions_per_second: int

    @classmethod
    def of(cls, rates: Rates) -> RateValues:
        """The values of these rates."""
        return cls(*(min(getattr(rates, name), _MOST) for name in cls._fields))

    def rates(self) -> Rates:
        """The rates with these values."""
        return Rates(**self._asdict())


def _strictest(demands: list[RateValues]) -> RateValues:
    return demands[0] if len(demands) == 1 else RateValues(*map(min, zip(*demands, strict=True)))


class AddressMeter:
    """Counts the connections to one address. All instants are seconds of one clock.

    At most ``burst`` connections are opened in any window of a second and at most ``burst + rate × t`` in any ``t``
    seconds (the generic cell rate algorithm, ITU-T I.371, and a log of opened connections). A connection that was
    granted but not yet opened counts as opened at every instant until it is. Each has a slot, from 0 on.

    ``empty_at`` is the instant at which the whole burst is available again; ``times`` and ``counts`` the departures
    of the last window; ``demands`` the rates of all who ask, each until an instant; ``is_swept`` says that a sweep has
    begun, ``swept_until`` when the next one may. Where it ``is_unknown`` what was spent, everything was.
    """

    __slots__ = (
        "_checked_until",
        "_latest",
        "_latest_values",
        "blocked_until",
        "changed_at",
        "counts",
        "demands",
        "empty_at",
        "failures",
        "is_swept",
        "is_unknown",
        "rates",
        "slots",
        "swept_until",
        "times",
        "written_at",
    )

    def __init__(self, *, is_unknown: bool = False) -> None:
        self.is_unknown = is_unknown
        self.rates: RateValues | None = None
        self.demands: dict[RateValues, float] = {}
        self.empty_at = -math.inf
        self.times: deque[float] = deque()
        self.counts: deque[int] = deque()
        self.slots = bytearray()
        self.blocked_until = -math.inf
        self.failures = 0
        self.is_swept = False
        self.swept_until = -math.inf
        self.changed_at = self.written_at = -math.inf
        self._latest: Rates | None = None
        self._latest_values: RateValues | None = None
        self._checked_until = -math.inf

    # --- whose rates hold ---

    def demand(self, rates: Rates, now: float) -> bool:
        """Someone asks who is authorised to these rates; whether those who share the meter have to be told."""
        if rates is not self._latest or self._latest_values is None:
            self._latest, self._latest_values = rates, RateValues.of(rates)
        return self.hold(self._latest_values, now, DEMAND_SECONDS)

    def hold(self, values: RateValues, now: float, seconds: float) -> bool:
        """Exceed these rates in no way, from now on for so many seconds; whether that is new."""
        until = self.demands.get(values, -math.inf)
        is_new = until <= now + seconds / 2
        self.demands[values] = max(until, now + seconds)
        if until <= now or now >= self._checked_until:
            self._apply(now)
        return is_new

    def _apply(self, now: float) -> None:
        """Make the strictest of the demands that hold the rates of this address."""
        for values in [values for values, until in self.demands.items() if until <= now]:
            del self.demands[values]
        while len(self.demands) > _DEMANDS:
            one, other = sorted(self.demands, key=self.demands.__getitem__)[:2]
            until = max(self.demands.pop(one), self.demands.pop(other))
            both = _strictest([one, other])
            self.demands[both] = max(until, self.demands.get(both, until))
        self._checked_until = min(self.demands.values())
        rates = _strictest(list(self.demands))
        if self.rates is not None and self.empty_at > now:
            # What was spent is so many connections: another rate takes another time to make up for them.
            ratio = self.rates.connections_per_second / rates.connections_per_second
            self.empty_at = now + (self.empty_at - now) * ratio
        self.rates = rates
        if self.is_unknown:
            self.is_unknown = False
            self.spend(now)

    # --- connections ---

    def ready_at(self, now: float) -> float:
        """The first instant at which one more may be granted; infinite while that depends on others ending."""
        rates = self.rates
        assert rates is not None  # noqa: S101  (who asks has demanded)
        granted = self.slots.count(GRANTED)
        if granted + self.slots.count(OPEN) >= rates.at_once:
            return math.inf
        while self.times and self.times[0] <= now - WINDOW_SECONDS:
            self.times.popleft()
            self.counts.popleft()
        by_window = now
        departed = sum(self.counts)
        surplus = departed + granted - rates.burst
        if surplus >= 0:
            if surplus >= departed:
                return math.inf
            by_window = self._departure(surplus) + WINDOW_SECONDS
        by_rate = self.empty_at - (rates.burst - 1) / rates.connections_per_second
        return max(now, by_window, by_rate, self.blocked_until)

    def _departure(self, number: int) -> float:
        """The instant of the departure with this number, from 0, oldest first."""
        for at, count in zip(self.times, self.counts, strict=True):
            if number < count:
                return at
            number -= count
        raise IndexError(number)

    def grant(self, now: float) -> int:
        """Grant one more; gives its slot."""
        assert self.rates is not None  # noqa: S101  (who asks has demanded)
        self.empty_at = max(self.empty_at, now) + 1 / self.rates.connections_per_second
        slot = self.slots.find(FREE)
        if slot < 0:
            slot = len(self.slots)
            self.slots.append(GRANTED)
        else:
            self.slots[slot] = GRANTED
        self.changed_at = now
        return slot

    def departed(self, slot: int, now: float) -> None:
        """One that was granted has been opened by now."""
        if self.slots[slot] == GRANTED:
            self.slots[slot] = OPEN
            self._count(now, 1)
        self.changed_at = now

    def _count(self, now: float, connections: int) -> None:
        if self.rates is not None and self.rates.burst > _STEPS:
            now = math.ceil(now * _STEPS / WINDOW_SECONDS) * WINDOW_SECONDS / _STEPS
        if self.times and self.times[-1] >= now:
            self.counts[-1] += connections
        else:
            self.times.append(now)
            self.counts.append(connections)

    def ended(self, slot: int, now: float) -> None:
        """One is closed or, if it has not departed, was never opened."""
        self.slots[slot] = FREE
        while self.slots and self.slots[-1] == FREE:
            self.slots.pop()
        self.changed_at = now

    def lost(self, slot: int, now: float) -> None:
        """The process that had it has ended: what it was granted has been opened by now, and is closed."""
        self.departed(slot, now)
        self.ended(slot, now)

    def spend(self, now: float) -> None:
        """Count as if the whole burst had been opened now: what was is not known."""
        assert self.rates is not None  # noqa: S101  (who asks has demanded)
        self.empty_at = now + self.rates.burst / self.rates.connections_per_second
        self.times.clear()
        self.counts.clear()
        self._count(now, self.rates.burst)
        self.changed_at = now

    # --- back-off ---

    def back_off(self, now: float, *, on_request: bool, seconds: float = 0.0) -> None:
        """The address reset a connection, or (``on_request``) asked for fewer: wait before the next one."""
        first, most = (
            (REQUESTED_PAUSE_SECONDS, REQUESTED_PAUSE_MOST) if on_request else (RESET_PAUSE_SECONDS, RESET_PAUSE_MOST)
        )
        pause = min(most, max(first * 2 ** min(self.failures, 10), seconds))
        self.failures = min(self.failures + 1, 10)
        self.blocked_until = max(self.blocked_until, now + pause)

    def succeeded(self) -> None:
        """A connection succeeded: the next reset counts as the first one in a row."""
        self.failures = 0

    def slow_down(self, now: float) -> None:
        """Halve the rates."""
        if self.rates is not None:
            self.hold(RateValues.of(halved(self.rates.rates())), now, SLOWED_SECONDS)

    # --- the clock ---

    def follow(self, now: float) -> bool:
        """It is ``now``; whether the clock went back since the last call: then no time has passed."""
        back, self.written_at = self.written_at - now, now
        if back <= 0:
            return False
        for name in ("empty_at", "blocked_until", "swept_until", "changed_at"):
            setattr(self, name, getattr(self, name) - back)
        self.times = deque(at - back for at in self.times)
        self.demands = {values: until - back for values, until in self.demands.items()}
        self._checked_until = -math.inf
        return True
