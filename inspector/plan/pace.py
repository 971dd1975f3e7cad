"""How long a plan takes at the authorised rates, and whether it fits its time window."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inspector.declare.authorisation import Authorisation
from inspector.declare.document import SourceMap, diagnostic_at
from inspector.model.errors import WindowTooShort
from inspector.model.formatted import FormattedMessage
from inspector.network import Scope, pace_seconds, sweep_seconds
from inspector.record.plan import Plan, ScanTask


def longest(tasks: Sequence[ScanTask], authorisations: Iterable[Authorisation]) -> int:
    """The maximum duration of a plan in seconds: the longest scan of each wave, plus what the rate limits add."""
    waves: dict[int, int] = defaultdict(int)
    for task in tasks:
        if task.cause is None:
            waves[task.wave] = max(waves[task.wave], task.bounds.seconds)
    return sum(waves.values()) + max((each.seconds for each in pace_of(tasks, authorisations).values()), default=0)


@dataclass(frozen=True, slots=True)
class Pace:
    """The seconds that the rate limits alone take at one address, with the arithmetic by authorisation."""

    seconds: int = 0
    sums: tuple[Mapping[str, int | str], ...] = ()

    def text(self) -> FormattedMessage:
        """The arithmetic as a text."""
        return FormattedMessage.joined("; ", (FormattedMessage(ARITHMETIC, **each) for each in self.sums))


ARITHMETIC = (
    "{address}: {connections} connections at {rate}/s (burst {burst}) = {opening} s, "
    "{questions} port questions at {sweep}/s = {sweeping} s"
)


def pace_of(tasks: Iterable[ScanTask], authorisations: Iterable[Authorisation]) -> dict[str, Pace]:
    """What the rate limits alone take, by address."""
    rates = {each.id: each.rates for each in authorisations}
    connections: dict[tuple[str, str], int] = defaultdict(int)
    questions: dict[tuple[str, str], int] = defaultdict(int)
    for task in tasks:
        if task.cause is None and task.authorisation is not None and task.subject.address is not None:
            connections[task.subject.address, task.authorisation] += task.bounds.connections
            questions[task.subject.address, task.authorisation] += task.bounds.port_questions
    pace: dict[str, Pace] = {}
    for (address, authorisation), count in sorted(connections.items()):
        rate = rates[authorisation]
        asked = questions[address, authorisation]
        opening, sweeping = math.ceil(pace_seconds(count, rate)), math.ceil(sweep_seconds(asked, rate))
        arithmetic: dict[str, int | str] = {
            "address": address,
            "connections": count,
            "rate": rate.connections_per_second,
            "burst": rate.burst,
            "opening": opening,
            "questions": asked,
            "sweep": rate.port_questions_per_second,
            "sweeping": sweeping,
        }
        before = pace.get(address, Pace())
        pace[address] = Pace(before.seconds + opening + sweeping, (*before.sums, arithmetic))
    return pace


def check_window(plan: Plan, scope: Scope, at: datetime, source_map: SourceMap = SourceMap()) -> None:  # noqa: B008  (frozen and empty)
    """Raise WindowTooShort, with the arithmetic, when the window that is open at ``at`` is too short for the plan."""
    closes = scope.window_closes(at)
    for address, pace in pace_of(plan.tasks, scope.authorisations).items():
        left = math.floor((closes - at).total_seconds()) if closes else 0
        if left < pace.seconds:
            about = (each.authorisation for each in plan.tasks if each.subject.address == address)
            by = next(filter(None, about))
            diagnostic = diagnostic_at(
                source_map.authorisation(by),
                FormattedMessage(
                    "the plan does not fit the authorised time: {arithmetic}; {needed} s needed, {left} s granted",
                    arithmetic=pace.text(),
                    needed=pace.seconds,
                    left=left,
                ),
                "ask for a longer window or a higher rate, or select less with --only or --select",
                source=FormattedMessage("authorisation {id}", id=repr(by)),
            )
            raise WindowTooShort([diagnostic])
