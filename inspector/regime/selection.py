"""Selects the regime that applies to a system on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from inspector.declare.declaration import System
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.regime.regime import Regime, Transition, day_of


def regime_by_id(regimes: Iterable[Regime], id: str) -> Regime:  # noqa: A002  (the field's word)
    """Return the regime with this id.

    Raises:
        Misuse: no installed regime has it; the remedy lists the installed ones.
    """
    known = {regime.id: regime for regime in regimes}
    if id not in known:
        raise UsageError(
            FormattedMessage("regime {id} is not installed", id=repr(id)),
            remedy=FormattedMessage("choose one of: {known}", known=", ".join(sorted(known)) or "none"),
        )
    return known[id]


def next_regime(regimes: Iterable[Regime], regime: Regime) -> Regime | None:
    """Return the regime that succeeds this one; None when it names none or that one is not installed."""
    return next((each for each in regimes if each.id == regime.next), None)


def transition_for(regimes: Sequence[Regime], system: System, as_of: date) -> tuple[Regime, Transition] | None:
    """Return the older regime that a system still follows on a day, with the transition that says so.

    None when no transition applies, and while the older regime is still in force by itself.
    """
    day = day_of(as_of)
    known = {regime.id: regime for regime in regimes}
    for newer in sorted(regimes, key=lambda each: each.valid_from, reverse=True):
        for rule in newer.transitions:
            older = known.get(rule.regime)
            if older is None or older.valid_to is None or day <= older.valid_to:
                continue
            if rule.applies(system.approval, day, newer):
                return older, rule
    return None


def regime_for(regimes: Sequence[Regime], system: System, as_of: date) -> Regime:
    """Return the regime of a system on a day: the one that a transition extends for it, else the one in force.

    Raises:
        Misuse: no regime is in force (before the first, or in a declared gap), or more than one is.
    """
    day = day_of(as_of)
    in_transition = transition_for(regimes, system, day)
    if in_transition is not None:
        return in_transition[0]
    current = [regime for regime in regimes if regime.is_in_force(day)]
    if len(current) == 1:
        return current[0]
    if current:
        ids = ", ".join(sorted(regime.id for regime in current))
        raise UsageError(
            FormattedMessage(
                "system {system}: several regimes are in force on {day}: {ids}",
                system=repr(system.id),
                day=day,
                ids=ids,
            ),
            remedy="name one: --regime",
        )
    raise _no_regime_error(regimes, system, day)


def _no_regime_error(regimes: Sequence[Regime], system: System, day: date) -> UsageError:
    """Return the error for a day on which no regime is in force, with the reason."""
    what = FormattedMessage("system {system}: no regime is in force on {day}", system=repr(system.id), day=day)
    for regime in regimes:
        for gap in regime.gaps:
            if gap.first <= day <= gap.last:
                return UsageError(
                    FormattedMessage(
                        "{what} ({first} to {last}: {en})", what=what, first=gap.first, last=gap.last, en=gap.note.en
                    ),
                    remedy="declare its approval if it has one, choose another --as-of, or name one: --regime",
                )
    spans = ", ".join(f"{each.id} from {each.valid_from} to {each.valid_to or 'today'}" for each in regimes) or "none"
    return UsageError(
        FormattedMessage("{what}; installed: {spans}", what=what, spans=spans),
        remedy="choose another --as-of, or name one: --regime",
    )
