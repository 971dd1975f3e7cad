"""Selects the regime that applies to a system on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from inspector.declare.declaration import System
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.regime.regime import Regime, Transition, day_of, in_transition


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


@dataclass(frozen=True, slots=True)
class InTransition:
    """The older regime that a system still follows, the newer one that grants it, and the rule that says so."""

    older: Regime
    newer: Regime
    rule: Transition


def transition_for(regimes: Sequence[Regime], system: System, as_of: date) -> InTransition | None:
    """Return the transition to which a system belongs on a day.

    None when no transition applies, and while the older regime is still in force by itself.
    """
    day = day_of(as_of)
    known = {regime.id: regime for regime in regimes}
    for newer in sorted(regimes, key=lambda each: each.valid_from, reverse=True):
        for rule in newer.transitions:
            older = known.get(rule.regime)
            if older is None or older.valid_to is None or day <= older.valid_to:
                continue
            if rule.applies(system, day, newer):
                return InTransition(older, newer, rule)
    return None


def with_transitions(regimes: Sequence[Regime]) -> tuple[Regime, ...]:
    """Return the regimes, and those that apply to systems in a transition between two of them."""
    known = {regime.id: regime for regime in regimes}
    pairs = {(rule.regime, newer.id) for newer in regimes for rule in newer.transitions if rule.regime in known}
    return (*regimes, *(in_transition(known[older], known[newer]) for older, newer in sorted(pairs)))


def regime_for(regimes: Sequence[Regime], system: System, as_of: date) -> Regime:
    """Return the regime of a system on a day: the one in force, or, in a transition, the older regime's measures.

    The duties are those of the newer regime (``in_transition``) from its first day on.

    Raises:
        Misuse: no regime is in force (before the first, or in a declared gap), or more than one is.
    """
    day = day_of(as_of)
    kept = transition_for(regimes, system, day)
    if kept is not None:
        return in_transition(kept.older, kept.newer) if kept.newer.is_in_force(day) else kept.older
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


def _spans(regimes: Sequence[Regime]) -> str:
    """When each regime is in force."""
    parts = [
        FormattedMessage("{id} from {first} to {last}", id=each.id, first=each.valid_from, last=each.valid_to)
        if each.valid_to
        else FormattedMessage("{id} from {first} on", id=each.id, first=each.valid_from)
        for each in regimes
    ]
    return FormattedMessage.joined(", ", parts) if parts else FormattedMessage("none")


def _no_regime_error(regimes: Sequence[Regime], system: System, day: date) -> UsageError:
    """Return the error for a day on which no regime is in force, with the reason."""
    what = FormattedMessage("system {system}: no regime is in force on {day}", system=repr(system.id), day=day)
    for regime in regimes:
        for gap in regime.gaps:
            if gap.first <= day <= gap.last:
                return UsageError(
                    FormattedMessage(
                        "{what} ({first} to {last}: {note})", what=what, first=gap.first, last=gap.last, note=gap.note
                    ),
                    remedy="declare its approval if it has one, choose another --as-of, or name one: --regime",
                )
    return UsageError(
        FormattedMessage("{what}; installed: {spans}", what=what, spans=_spans(regimes)),
        remedy="choose another --as-of, or name one: --regime",
    )
