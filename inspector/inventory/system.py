"""A system of the inventory: what the lists say about it, and where each value was read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from inspector.declare.declaration import SYSTEM_ID, Host
from inspector.inventory.organisation import Code, Text
from inspector.model.base import Model
from inspector.model.declared import ApprovalStatus, DocumentReference, PlanStatus, Stage


class SystemKind(StrEnum):
    """What a system serves, by Decree 331/2026 Art 9.2.a–đ (Decree 85/2016 Art 6.2 has the same five)."""

    INTERNAL = "internal"
    SERVICE = "service"
    INFRASTRUCTURE = "infrastructure"
    INDUSTRIAL_CONTROL = "industrial-control"
    OTHER = "other"


class LevelApproval(Model):
    """The dossier and the decision that approves the level; ``expected`` is the day promised for it."""

    status: ApprovalStatus | None = None
    number: Text | None = None
    date: dt.date | None = None
    by: Text | None = None
    expected: dt.date | None = None

    @property
    def is_proven(self) -> bool:
        """Whether the number and the date of the decision are known."""
        return self.number is not None and self.date is not None


class SecurityPlan(Model):
    """How far the security plan is carried out: ``progress`` in percent; ``expected`` is the day promised for it."""

    status: PlanStatus | None = None
    expected: dt.date | None = None
    progress: Annotated[Decimal, Field(ge=0, le=100)] | None = None


class Inspected(Model):
    """Which inspections took place, in the vocabulary of Form 08 column 12; None: no list says anything of it."""

    before_use: bool | None = None
    periodic: bool | None = None


class Role(StrEnum):
    """Whose list a value is from, seen from the system."""

    OWNER = "owner"
    OPERATOR = "operator"
    OTHER = "other"


class Origin(Model):
    """Where values were read: in the list of ``organisation``, which is the system's ``role``, at ``at`` of ``file``.

    ``at`` is ``SHEET!CELL`` or ``LINE:COLUMN`` of the row's first cell, ``as_of`` the day that the list describes.
    """

    organisation: Code
    role: Role
    as_of: dt.date
    file: str
    at: str


class InventorySystem(Model):
    """A system as the lists say. Its key is ``ORG/ID``: the code of its owner and the id within the owner's list.

    ``code`` is the code that lists give; where they give none, the id is made of the name. ``formerly`` are earlier
    names and keys. A stage that no list gives is None, and counts as operating. ``origin`` is where its values were
    read but for those in ``origins``, by field (``approval.number``). ``listed_by`` has the day of the newest list of
    each organisation that lists it; ``unlisted_since`` is the day of the list that leaves it out (*not listed any
    more*), None while it is listed.
    """

    organisation: Code
    id: str = Field(pattern=f"^{SYSTEM_ID}$")
    code: Text | None = None
    name: Text
    formerly: tuple[Text, ...] = ()
    owner: Text | None = None
    operator: Text | None = None
    kind: SystemKind | None = None
    level: Annotated[int, Field(ge=1, le=5)] | None = None
    stage: Stage | None = None
    approval: LevelApproval = LevelApproval()
    regulation: DocumentReference | None = None
    plan: SecurityPlan = SecurityPlan()
    inspected: Inspected = Inspected()
    internal_only: bool | None = None
    provider: Text | None = None
    contact: Text | None = None
    hosts: tuple[Host, ...] = ()
    endpoints: tuple[str, ...] = ()
    origin: Origin
    origins: dict[str, Origin] = {}
    listed_by: dict[Code, dt.date] = {}
    unlisted_since: dt.date | None = None

    @property
    def key(self) -> str:
        """``ORG/ID``."""
        return f"{self.organisation}/{self.id}"

    @property
    def is_retired(self) -> bool:
        """Whether it is out of use."""
        return self.stage is Stage.RETIRED
