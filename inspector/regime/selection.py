"""Which regime applies to a system on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from inspector.declare.declaration import System
from inspector.model.errors import UsageError
from inspector.regime.regime import (
    Regime,
    Transition,
    day_of,
)


def named(regimes: Iterable[Regime], id: str) -> Regime:  # noqa: A002  (the field's word)
    """The regime with this id; raises UsageError."""
    known = {regime.id: regime for regime in regimes}
    if id not in known:
        raise UsageError(
            f"regime {id!r} is not installed", remedy=f"choose one of: {', '.join(sorted(known)) or 'none'}"
        )
    return known[id]


def following(regimes: Iterable[Regime], regime: Regime) -> Regime | None:
    """The regime that comes after this one, if it is installed."""
    return next((each for each in regimes if each.id == regime.next), None)


def transition(regimes: Sequence[Regime], system: System, as_of: date) -> tuple[Regime, Transition] | None:
    """The older regime that a system still follows on a day, with the rule that keeps it; None outside transitions."""
    day = day_of(as_of)
    known = {regime.id: regime for regime in regimes}
    for newer in sorted(regimes, key=lambda each: each.valid_from, reverse=True):
        for rule in newer.keeps:
            older = known.get(rule.regime)
            if older is None or older.valid_to is None or day <= older.valid_to:
                continue
            if rule.holds(system.approval, day, newer):
                return older, rule
    return None


def select(regimes: Sequence[Regime], system: System, as_of: date) -> Regime:
    """The regime of a system on a day: the one that a transition keeps for it, else the one in force.

    Raises UsageError where no regime is in force (before the first, in a declared gap) or where more than one is.
    """
    day = day_of(as_of)
    kept = transition(regimes, system, day)
    if kept is not None:
        return kept[0]
    current = [regime for regime in regimes if regime.is_in_force(day)]
    if len(current) == 1:
        return current[0]
    if current:
        names = ", ".join(sorted(regime.id for regime in current))
        raise UsageError(
            f"system {system.id!r}: several regimes are in force on {day}: {names}", remedy="name one: --regime"
        )
    raise _none(regimes, system, day)


def _none(regimes: Sequence[Regime], system: System, day: date) -> UsageError:
    """The error of a day without a regime, which says why there is none."""
    what = f"system {system.id!r}: no regime is in force on {day}"
    for regime in regimes:
        for gap in regime.gaps:
            if gap.first <= day <= gap.last:
                return UsageError(
                    f"{what} ({gap.first} to {gap.last}: {gap.note.en})",
                    remedy="declare its approval if it has one, choose another --as-of, or name one: --regime",
                )
    spans = ", ".join(f"{each.id} from {each.valid_from} to {each.valid_to or 'today'}" for each in regimes) or "none"
    return UsageError(f"{what}; installed: {spans}", remedy="choose another --as-of, or name one: --regime")
