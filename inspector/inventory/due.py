"""What is due when: the dates of the regimes, applied to the systems and organisations of a snapshot.

The dates, their sources, how sure they are and whether they are still law are data of the regimes. A date whose
fulfilment the lists do not tell is *unknown*: neither met nor late.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from inspector.declare import declaration
from inspector.inventory.declarations import declared, obstacle
from inspector.inventory.snapshot import Snapshot
from inspector.inventory.system import InventorySystem
from inspector.model.base import Model
from inspector.model.csv_text import csv_of
from inspector.model.declared import ApprovalStatus, PlanStatus, Stage
from inspector.model.errors import UsageError
from inspector.regime.regime import Amount, BilingualText, Deadline, Regime, Status
from inspector.regime.selection import InTransition, regime_for, transition_for


class State(StrEnum):
    """Whether something that is asked for by a day was done."""

    LATE = "late"
    DUE = "due"
    UNKNOWN = "unknown"


class DueItem(Model):
    """Something that is due: for a system (its key), an organisation (its code), or everybody (both None).

    ``day`` is the last day, None where it does not follow from what is known; ``regime`` and ``deadline`` are ids,
    ``promise`` for a day that the owner promised.
    """

    state: State
    day: dt.date | None
    regime: str
    deadline: str
    title: BilingualText
    organisation: str | None = None
    system: str | None = None
    level: int | None = None
    source: str
    confidence: str
    status: Status
    note: BilingualText | None = None


PROMISE = "promise"
_PROMISES = {
    "promised-approval": BilingualText(vi="Phê duyệt cấp độ theo cam kết", en="Approval of the level, as promised"),
    "promised-plan": BilingualText(
        vi="Triển khai đầy đủ phương án theo cam kết", en="Plan carried out in full, as promised"
    ),
}


def due(
    snapshot: Snapshot,
    regimes: Sequence[Regime],
    as_of: dt.date,
    *,
    below: str | None = None,
    inspected: Mapping[str, dt.date] | None = None,
) -> list[DueItem]:
    """What is late, due or unknown on a day, the earliest first.

    ``below`` restricts it to an organisation and those below it; ``inspected`` are the days of the last inspections by
    the keys of systems, which lists do not give.
    """
    codes = snapshot.organisations.below(below) if below is not None else None
    systems = [
        each for each in snapshot.systems if not each.is_retired and (codes is None or each.organisation in codes)
    ]
    found = [item for each in systems for item in _of_system(each, regimes, as_of, inspected or {})]
    owners = sorted({snapshot.organisations.current(each.organisation, as_of) for each in systems})
    found += _yearly(owners, _in_force(regimes, as_of), as_of)
    return sorted(
        found, key=lambda each: (each.day or dt.date.max, each.deadline, each.organisation or "", each.system or "")
    )


def _in_force(regimes: Sequence[Regime], day: dt.date) -> list[Regime]:
    return [each for each in regimes if each.is_in_force(day)]


def _of_system(
    system: InventorySystem,
    regimes: Sequence[Regime],
    as_of: dt.date,
    inspected: Mapping[str, dt.date],
) -> Iterator[DueItem]:
    yield from _promised(system, as_of)
    as_declared = None if obstacle(system) else declared(system, system.owner or system.organisation)
    for regime in _regimes_of(as_declared, regimes, as_of):
        for deadline in regime.deadlines:
            if deadline.fulfilled_by is None or (system.level is not None and system.level not in deadline.levels):
                continue
            if system.level is None and deadline.fulfilled_by == "inspection":
                continue
            if (item := _item(system, deadline, regime, as_of, inspected.get(system.key))) is not None:
                yield item
    if as_declared is not None and (transition := transition_for(regimes, as_declared, as_of)) is not None:
        yield from _of_transition(system, transition)


def _of_transition(system: InventorySystem, transition: InTransition) -> Iterator[DueItem]:
    """The days on which the older regime's measures end for a system, and its approval under it."""
    rule = transition.rule
    days = {"transition": (rule.until, _TRANSITION)}
    if rule.approved_until is not None and system.approval.status is not ApprovalStatus.APPROVED:
        days["transition-approval"] = rule.approved_until, _TRANSITION_APPROVAL
    for deadline, (day, title) in days.items():
        yield DueItem(
            state=State.DUE,
            day=day,
            regime=transition.newer.id,
            deadline=deadline,
            title=title,
            organisation=system.organisation,
            system=system.key,
            level=system.level,
            source=rule.source,
            confidence=rule.confidence,
            status=Status.IN_FORCE,
            note=rule.note,
        )


_TRANSITION = BilingualText(
    vi="Hết thời gian chuyển tiếp: đáp ứng quy định mới", en="End of the transition: the new rules are met"
)
_TRANSITION_APPROVAL = BilingualText(
    vi="Phê duyệt cấp độ theo quy định cũ trong thời gian chuyển tiếp",
    en="Approval under the older rules during the transition",
)


def _promised(system: InventorySystem, as_of: dt.date) -> Iterator[DueItem]:
    """The days that the owner promised, until what was promised is done."""
    for deadline, kind, day in (
        ("promised-approval", "approval", system.approval.expected),
        ("promised-plan", "plan", system.plan.expected),
    ):
        done = _is_done(system, kind)
        if day is None or done:
            continue
        yield DueItem(
            state=State.UNKNOWN if done is None else State.LATE if day < as_of else State.DUE,
            day=day,
            regime=PROMISE,
            deadline=deadline,
            title=_PROMISES[deadline],
            organisation=system.organisation,
            system=system.key,
            level=system.level,
            source=f"{system.origin.file} {system.origin.at}",
            confidence="H",
            status=Status.IN_FORCE,
        )


def _regimes_of(system: declaration.System | None, regimes: Sequence[Regime], as_of: dt.date) -> Iterable[Regime]:
    """The regime that a system follows; of one that cannot be declared, those in force on the day."""
    if system is None:
        return _in_force(regimes, as_of)
    try:
        return [regime_for(regimes, system, as_of)]
    except UsageError:  # no regime is in force on that day
        return []


def _is_done(system: InventorySystem, kind: str) -> bool | None:
    """Whether the level is approved, or the plan carried out; None where no list says it."""
    if kind == "approval":
        status = system.approval.status
        if status is ApprovalStatus.APPROVED:
            return True if system.approval.is_proven else None
        return None if status is None else False
    plan = system.plan.status
    return None if plan is None else plan is PlanStatus.FULL


def _item(
    system: InventorySystem, deadline: Deadline, regime: Regime, as_of: dt.date, last: dt.date | None
) -> DueItem | None:
    if deadline.fulfilled_by == "inspection":
        day = _after(last, deadline.every) if last is not None and deadline.every is not None else None
        state = State.UNKNOWN if day is None else State.LATE if day < as_of else State.DUE
    else:
        done = _is_done(system, deadline.fulfilled_by or "")
        if done or deadline.on is None or system.stage not in _RUNNING:
            return None
        day = deadline.on
        state = State.UNKNOWN if done is None else State.LATE if day < as_of else State.DUE
    return _made(deadline, regime, state, day, system.organisation, system)


#: The stages of systems that run; None: a list that gives no stages.
_RUNNING = (None, Stage.OPERATING, Stage.UPGRADE)


def _after(day: dt.date, amount: Amount) -> dt.date:
    """The day so many days, months or years later; the last of a month where it has no such day."""
    if amount.unit in ("hour", "day", "working-day"):
        return day + dt.timedelta(days=amount.value if amount.unit != "hour" else 0)
    months = day.year * 12 + day.month - 1 + amount.value * (12 if amount.unit == "year" else 1)
    for of_month in range(day.day, 27, -1):
        try:
            return dt.date(months // 12, months % 12 + 1, of_month)
        except ValueError:
            continue
    return dt.date(months // 12, months % 12 + 1, min(day.day, 28))


def _yearly(owners: Iterable[str], regimes: Iterable[Regime], as_of: dt.date) -> Iterator[DueItem]:
    """The next yearly reports of each owner; whether this year's was sent is not in the lists."""
    for regime in regimes:
        for deadline in regime.deadlines:
            if deadline.yearly is None or not deadline.id.startswith("yearly-report"):
                continue
            day = dt.date(as_of.year, deadline.yearly.month, deadline.yearly.day)
            if day < as_of:
                day = dt.date(as_of.year + 1, deadline.yearly.month, deadline.yearly.day)
            for owner in owners:
                yield _made(deadline, regime, State.DUE, day, owner, None)


def _made(
    deadline: Deadline,
    regime: Regime,
    state: State,
    day: dt.date | None,
    organisation: str,
    system: InventorySystem | None,
) -> DueItem:
    return DueItem.model_construct(
        state=state,
        day=day,
        regime=regime.id,
        deadline=deadline.id,
        title=deadline.title,
        organisation=organisation,
        system=system.key if system else None,
        level=system.level if system else None,
        source=deadline.source,
        confidence=deadline.confidence,
        status=deadline.status,
        note=deadline.note,
    )


# --- Formats --------------------------------------------------------------------------------------------------------

COLUMNS = (
    *("state", "day", "deadline", "title_vi", "title_en", "organisation", "system", "level"),
    *("regime", "source", "confidence", "status"),
)


def _cells(item: DueItem) -> list[str]:
    values = item.model_dump(mode="json") | {"title_vi": item.title.vi, "title_en": item.title.en}
    return ["" if values[name] is None else str(values[name]) for name in COLUMNS]


def as_csv(items: Iterable[DueItem]) -> bytes:
    """One line for each item; no cell is a formula."""
    return csv_of(COLUMNS, map(_cells, items))


def as_json(items: Iterable[DueItem], snapshot: Snapshot, as_of: dt.date) -> bytes:
    """The items, with the snapshot's digest and the day."""
    value = {
        "snapshot": snapshot.digest,
        "as_of": as_of.isoformat(),
        "items": [item.model_dump(mode="json") for item in items],
    }
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
