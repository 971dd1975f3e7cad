"""The systems of an inventory as candidates of a campaign."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspector.campaign.candidates import Candidate, Undeclared
from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import Declaration, System
from inspector.declare.document import SourceMap, split
from inspector.engine.engine import NotInspected
from inspector.inventory import snapshot as snapshots
from inspector.inventory.declarations import declared, declaring, obstacle
from inspector.inventory.due import due
from inspector.inventory.organisation import Organisation, Organisations, Scope
from inspector.inventory.snapshot import Snapshot
from inspector.inventory.system import InventorySystem
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import BadUri, Scheme, parse_uri
from inspector.pipeline.context import InputDocuments
from inspector.regime.regime import Regime


@dataclass(frozen=True, slots=True)
class InventorySource:
    """What a snapshot gives: the systems that can be declared, the others, and its digest."""

    digest: str
    candidates: list[Candidate]
    undeclared: list[Undeclared]
    below: Callable[[str], Collection[str]]


def read_inventory(
    folder: Path,
    trusted: Collection[str],
    authorisations: Sequence[Authorisation],
    source_map: SourceMap,
    schemes: Mapping[str, Scheme],
    day: dt.date,
    *,
    regimes: Sequence[Regime] = (),
    inspected: Mapping[str, dt.date] | None = None,
) -> InventorySource:
    """The systems of the newest snapshot in a folder, but for retired ones. Raises BundleError or UsageError.

    ``inspected`` are the days of the last inspections, by key: when the next ones are due follows from the ``regimes``.
    """
    snapshot = snapshots.read(folder, None, trusted)
    due_on = _due_on(snapshot, regimes, day, inspected or {})
    candidates: list[Candidate] = []
    undeclared: list[Undeclared] = []
    by_organisation: dict[str, list[InventorySystem]] = {}
    for each in snapshot.systems:
        if not each.is_retired:
            by_organisation.setdefault(each.organisation, []).append(each)
    for code, systems in by_organisation.items():
        organisation = snapshot.organisations.by_code.get(code) or Organisation(code=code, name=code)
        made: list[tuple[InventorySystem, System]] = []
        for each in systems:
            found = _declared(each, organisation, schemes)
            if isinstance(found, Undeclared):
                undeclared.append(found)
            else:
                made.append((each, found))
        if made:
            declaration = Declaration(organisation=declaring(organisation), systems=tuple(system for _, system in made))
            documents = InputDocuments(declaration, tuple(authorisations), source_map=source_map)
            candidates += [Candidate(system, documents, each.kind, due_on.get(each.key)) for each, system in made]
    below = _below(snapshot.organisations, day)
    return InventorySource(snapshot.digest, candidates, undeclared, below)


def _due_on(
    snapshot: Snapshot, regimes: Sequence[Regime], day: dt.date, inspected: Mapping[str, dt.date]
) -> dict[str, dt.date]:
    """By when each system is to be inspected; one of which no inspection is known is due on this day."""
    by_inspection = {
        (regime.id, each.id) for regime in regimes for each in regime.deadlines if each.fulfilled_by == "inspection"
    }
    found: dict[str, dt.date] = {}
    for item in due(snapshot, regimes, day, inspected=inspected):
        if item.system is None or (item.regime, item.deadline) not in by_inspection:
            continue
        on = item.day if item.system in inspected else day
        if on is not None:  # a regime may ask for inspections without saying how often
            found[item.system] = min(on, found.get(item.system, on))
    return found


def _declared(
    system: InventorySystem, organisation: Organisation, schemes: Mapping[str, Scheme]
) -> System | Undeclared:
    """The system as it would be declared, or why it cannot be inspected."""

    def refused(cause: NotInspected, detail: str) -> Undeclared:
        return Undeclared(system.key, system.organisation, system.level, system.kind, cause, detail)

    if organisation.scope is not Scope.IN:
        return refused(
            NotInspected.NO_REGIME,
            FormattedMessage("its organisation is outside the law: {scope}", scope=organisation.scope),
        )
    if not system.endpoints:
        return refused(NotInspected.NO_ENDPOINT, "")
    if why := obstacle(system):
        return refused(NotInspected.INVALID, why)
    try:
        endpoints = tuple(dict.fromkeys(str(parse_uri(text, schemes)) for text in system.endpoints))
    except BadUri as error:
        what, _ = split(error.args[0])
        return refused(NotInspected.INVALID, what)
    return declared(system, organisation.name).model_copy(update={"endpoints": endpoints})


def _below(organisations: Organisations, day: dt.date) -> Callable[[str], Collection[str]]:
    """Which organisations are below one on a day: those that ended belong to their successors."""

    def below(code: str) -> Collection[str]:
        found = organisations.below(organisations.current(code, day))
        return found | {each.code for each in organisations if organisations.current(each.code, day) in found}

    return below
