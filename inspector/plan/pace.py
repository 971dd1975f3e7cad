"""How long a plan takes at the authorised rates, and whether it fits its time window."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inspector.declare.authorisation import Authorisation, Rates
from inspector.declare.document import SourceMap, diagnostic_at
from inspector.declare.settings import Ceilings
from inspector.model.errors import WindowTooShort
from inspector.model.formatted import FormattedMessage
from inspector.network import Scope, pace_seconds, strictest, sweep_seconds
from inspector.record.plan import Plan, ScanTask

#: Scans that run at once whatever the load of the machine, when there are as many (see ``inspector.collect.limiter``).
LEAST_AT_ONCE = 10
#: How far ahead windows are looked for: a run that takes longer is planned again.
HORIZON = timedelta(days=31)


def longest(tasks: Iterable[ScanTask], authorisations: Sequence[Authorisation], ceilings: Ceilings) -> int:
    """The maximum duration of a plan's scans in seconds: wave after wave, at the authorised rates, under the ceilings.

    A scan lasts for its own time, and for what the rate of its address makes it wait. If all scans of a wave run at
    once, the wave is as long as the longest of them. Else the last one to begin has waited while every place was taken:
    at most the sum of all durations divided by the places (R. L. Graham's bound for list scheduling). Not contained:
    confirmation scans, scans of discovered subjects, and waiting for other connections to end (``at_once``).
    """
    waves: dict[int, list[ScanTask]] = defaultdict(list)
    for task in tasks:
        if task.cause is None:
            waves[task.wave].append(task)
    places = _places(authorisations, ceilings)
    before: dict[str, int] = defaultdict(int)
    seconds = 0
    for _, wave in sorted(waves.items()):
        waits = _waits(wave, authorisations, before)
        durations = [each.bounds.seconds + waits.get(each.subject.address or "", 0) for each in wave]
        seconds += max(durations) + (math.ceil(sum(durations) / places) if len(wave) > places else 0)
    return seconds


def _places(authorisations: Iterable[Authorisation], ceilings: Ceilings) -> int:
    """How many scans run at once at least, each with as many connections as an authorisation lets an address have."""
    most = max((each.rates.at_once for each in authorisations), default=1)
    return max(1, min(LEAST_AT_ONCE, ceilings.scans, ceilings.connections // most))


def _waits(wave: Iterable[ScanTask], authorisations: Iterable[Authorisation], before: dict[str, int]) -> dict[str, int]:
    """What the rates make the scans of a wave wait, by address, in seconds; adds their connections to ``before``.

    The burst may have been used up when the wave begins: by as many connections as came before.
    """
    rates = {each.id: each.rates for each in authorisations}
    held: dict[str, Rates] = {}
    connections: dict[str, int] = defaultdict(int)
    questions: dict[str, int] = defaultdict(int)
    for task in wave:
        if task.authorisation is not None and task.subject.address is not None:
            address, own = task.subject.address, rates[task.authorisation]
            held[address] = strictest(held.get(address, own), own)
            connections[address] += task.bounds.connections
            questions[address] += task.bounds.port_questions
    waits: dict[str, int] = {}
    for address, own in held.items():
        count = connections[address] + min(before[address], own.burst)
        waits[address] = math.ceil(pace_seconds(count, own)) + math.ceil(sweep_seconds(questions[address], own))
        before[address] += connections[address]
    return waits


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
    """Raise WindowTooShort, with the arithmetic, when the window that is open at ``at`` is too short for the plan.

    A sweep of all ports may go on in later windows; it has to fit those of the next month.
    """
    seconds = scope.open_seconds(at, HORIZON) if plan.selection.all_ports else None
    closes = scope.window_closes(at)
    for address, pace in pace_of(plan.tasks, scope.authorisations).items():
        left = math.floor(seconds if seconds is not None else (closes - at).total_seconds() if closes else 0)
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
