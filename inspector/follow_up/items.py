"""The state of what was told to be mended: pure functions over records and what inspections have seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from inspector.declare.follow_up import FollowUpAction, Responsible
from inspector.follow_up.records import FollowUpRecord


class ItemState(StrEnum):
    """What is known of a demand.

    CLAIMED: the owner says that it is mended, and no inspection has looked since. NOT_MENDED: one has, and it still
    fails. MENDED: one has seen it pass. CLOSED: withdrawn with consent, or not demanded by the rules any more.
    """

    OPEN = "open"
    CLAIMED = "claimed"
    NOT_MENDED = "not-mended"
    MENDED = "mended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SeenFinding:
    """What the inspections say of a finding: its state in the store, whether it is open, when it last failed."""

    requirement: str
    check: str
    subject: str
    severity: str
    state: str
    is_open: bool
    is_fixed: bool
    last_seen: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class FollowUpItem:
    """A finding that an organisation was told to mend: by when, by whom, and what became of it.

    ``seen`` is None where no inspection of the archive has such a finding.
    """

    system: str
    finding: str
    due: date
    responsible: Responsible
    demanded: datetime
    demanded_by: str
    document: str | None
    claimed: datetime | None
    claimed_by: str | None
    state: ItemState
    seen: SeenFinding | None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be mended, as far as inspections have seen."""
        return self.state in (ItemState.OPEN, ItemState.CLAIMED, ItemState.NOT_MENDED)

    def is_late(self, day: date) -> bool:
        """Whether it is open after its last day."""
        return self.is_open and self.due < day


def items_of(records: Iterable[FollowUpRecord], seen: Mapping[tuple[str, str], SeenFinding]) -> list[FollowUpItem]:
    """Every demand by system and finding, the last one of each; records come in their order."""
    demands: dict[tuple[str, str], FollowUpRecord] = {}
    claims: dict[tuple[str, str], FollowUpRecord] = {}
    for record in records:
        for finding in record.entry.findings:
            key = record.entry.system, finding
            if record.entry.action is FollowUpAction.DEMAND:
                demands[key] = record
            elif record.entry.action is FollowUpAction.CLAIM:
                claims[key] = record
    return [_item(key, demand, claims.get(key), seen.get(key)) for key, demand in sorted(demands.items())]


def _item(
    key: tuple[str, str], demand: FollowUpRecord, claim: FollowUpRecord | None, seen: SeenFinding | None
) -> FollowUpItem:
    entry = demand.entry
    assert entry.due is not None  # noqa: S101  (a demand has both)
    assert entry.responsible is not None  # noqa: S101
    if claim is not None and seen is not None and _reopened(claim, seen):
        claim = None  # it was about an earlier failure
    return FollowUpItem(
        system=key[0],
        finding=key[1],
        due=entry.due,
        responsible=entry.responsible,
        demanded=demand.at,
        demanded_by=entry.by,
        document=entry.document,
        claimed=claim.at if claim else None,
        claimed_by=claim.entry.by if claim else None,
        state=_state(claim, seen),
        seen=seen,
    )


def _reopened(claim: FollowUpRecord, seen: SeenFinding) -> bool:
    """Whether a finding failed again after it had been closed, and the claim is older than that."""
    return seen.state in ("new", "returned") and claim.at < seen.changed


def _state(claim: FollowUpRecord | None, seen: SeenFinding | None) -> ItemState:
    if seen is not None and not seen.is_open:
        return ItemState.MENDED if seen.is_fixed else ItemState.CLOSED
    if claim is None:
        return ItemState.OPEN
    return ItemState.NOT_MENDED if seen is not None and seen.last_seen > claim.at else ItemState.CLAIMED
