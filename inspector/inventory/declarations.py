"""Declarations made of a snapshot: for each owner a file of JSON lines, which ``inspector plan`` and ``run`` read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from inspector.declare import declaration
from inspector.inventory.organisation import Organisation
from inspector.inventory.snapshot import Snapshot
from inspector.inventory.system import InventorySystem
from inspector.model.base import canonical
from inspector.model.declared import Approval, ApprovalStatus, Facts, Stage
from inspector.model.formatted import FormattedMessage


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A system that cannot be declared, and why."""

    system: InventorySystem
    why: str


def obstacle(system: InventorySystem) -> str | None:
    """Why a system cannot be declared; None where it can. Nothing that is unknown is made up."""
    if system.level is None:
        return FormattedMessage("its level is unknown")
    if system.approval.status is ApprovalStatus.APPROVED and system.approval.date is None:
        return FormattedMessage("it is approved, but the day of the decision is unknown")
    if system.approval.status is None and (system.stage or Stage.OPERATING) in (Stage.OPERATING, Stage.UPGRADE):
        return FormattedMessage("whether its level is approved is unknown")
    return None


def declared(system: InventorySystem, owner: str) -> declaration.System:
    """The system as a declaration states it; ``obstacle`` must be None. ``owner`` is the name of its organisation.

    Inspections are left out: the lists do not give their days.
    """
    approval = system.approval
    return declaration.System(
        id=system.id,
        name=system.name,
        owner=owner,
        operator=system.operator,
        level=system.level or 0,
        stage=system.stage or Stage.OPERATING,
        approval=Approval(
            status=approval.status,
            decision=approval.number,
            date=approval.date,
            body=approval.by,
            expected=approval.expected,
        )
        if approval.status is not None
        else None,
        plan=system.plan.status,
        plan_expected=system.plan.expected,
        regulation=system.regulation,
        provider=system.provider,
        facts=Facts(internal_only=system.internal_only),
        hosts=system.hosts,
        endpoints=system.endpoints,
    )


def declaring(organisation: Organisation) -> declaration.Organisation:
    """The organisation as a declaration states it."""
    return declaration.Organisation(
        code=organisation.code,
        name=organisation.name,
        head=organisation.head,
        parent=organisation.parent,
        valid_from=organisation.valid_from,
        valid_until=organisation.valid_until,
    )


def declarations(snapshot: Snapshot, below: str | None = None) -> tuple[dict[str, bytes], list[LeftOut], int]:
    """The declarations by file name, the systems that are in none, and how many are in one.

    ``below`` restricts them to an organisation and those below it. Retired systems are in none.
    """
    codes = snapshot.organisations.below(below) if below is not None else None
    chosen = [each for each in snapshot.systems if codes is None or each.organisation in codes]
    files: dict[str, bytes] = {}
    left: list[LeftOut] = []
    count = 0
    for code, systems in groupby(chosen, key=attrgetter("organisation")):
        organisation = snapshot.organisations.by_code.get(code) or Organisation(code=code, name=code)
        lines = list(_lines(organisation, systems, left))
        if len(lines) > 1:
            files[f"{code}.jsonl"] = b"".join(lines)
            count += len(lines) - 1
    return files, left, count


def _lines(organisation: Organisation, systems: Iterable[InventorySystem], left: list[LeftOut]) -> Iterator[bytes]:
    head = declaring(organisation).model_dump(mode="json", exclude_defaults=True)
    yield canonical({"organisation": head}) + b"\n"
    for each in systems:
        if each.is_retired:
            continue
        if why := obstacle(each):
            left.append(LeftOut(each, why))
            continue
        made = declared(each, organisation.name)
        yield canonical(made.model_dump(mode="json", exclude_defaults=True)) + b"\n"
