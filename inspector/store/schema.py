"""The tables of the store. One model for SQLite and PostgreSQL: portable types only, instants in UTC.

Nothing stands here that cannot be read from the archive again, so that ``rebuild`` makes an equal store.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

#: Names of constraints, so that a migration can name them on every database.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcInstant(sa.TypeDecorator[datetime]):
    """An instant, stored in UTC; what is read has its zone on every database."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The instant in UTC, as the database takes it."""
        if value is None:
            return None
        converted = value.astimezone(UTC)
        return converted.replace(tzinfo=None) if dialect.name == "sqlite" else converted

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """The instant with its zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class StoredText(sa.TypeDecorator[str]):
    """A text that every database takes, and sorts by code points: what it cannot have is replaced by U+FFFD.

    That is the null character (PostgreSQL) and lone surrogates (both).
    """

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[str]:
        """The database's own type; SQLite compares octets anyway."""
        return dialect.type_descriptor(sa.String(collation="C") if dialect.name == "postgresql" else sa.String())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """The text as every database takes it."""
        del dialect
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Base(DeclarativeBase):
    """The base of all tables."""

    metadata = sa.MetaData(naming_convention=_NAMES)
    type_annotation_map = {
        str: StoredText(),
        datetime: UtcInstant(),
        list[Any]: sa.JSON(),
        dict[str, Any]: sa.JSON(),
    }


class ArchiveRow(Base):
    """The archive that the store is an index of; one row."""

    __tablename__ = "archive"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]


class InventoryRow(Base):
    """The snapshot of the inventory by which systems were brought together (None: there is none), and for which day.

    There is no row while they are not.
    """

    __tablename__ = "inventory"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str | None]
    day: Mapped[date]


class SystemRow(Base):
    """A system that was inspected or that the inventory lists.

    ``key`` is ``ORGANISATION/ID``, or the id where no organisation is known; ``organisation`` the one that answers for
    it now, ``group`` that one's ("" where no inventory has it). ``name``, ``owner`` and ``level`` are those of the
    inventory, else of the newest inspection; a level may be unknown. ``open`` to ``open_severe`` are those of the
    newest inspection.
    """

    __tablename__ = "system"
    __table_args__ = (
        sa.Index(
            "ix_system_sums",
            *("level", "organisation", "group", "is_inspected", "is_listed", "is_retired"),
            *("open_must", "open", "open_severe"),
        ),
        sa.Index("ix_system_list", "is_inspected", "open_must", "open", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    organisation: Mapped[str]
    group: Mapped[str] = mapped_column(default="")
    level: Mapped[int | None]
    name: Mapped[str]
    owner: Mapped[str]
    is_inspected: Mapped[bool] = mapped_column(default=False)
    is_listed: Mapped[bool] = mapped_column(default=False)
    is_retired: Mapped[bool] = mapped_column(default=False)
    listed_level: Mapped[int | None]
    unlisted_since: Mapped[date | None]
    open: Mapped[int] = mapped_column(default=0)
    open_must: Mapped[int] = mapped_column(default=0)
    open_severe: Mapped[int] = mapped_column(default=0)


class InspectionRow(Base):
    """A sealed and assessed inspection, with what lists need; the newest one of each system is ``is_newest``.

    ``declared`` is ``ORGANISATION/ID`` as it was sealed, ``name`` and ``owner`` as well. ``is_partial``: it was limited
    to some requirements, or is a re-inspection. ``folder`` is relative to the archive, ``assessment`` the newest one in
    it, ``assessments`` how many there are.
    ``failed`` to ``error`` count findings by outcome, ``failed_must`` mandatory ones that are due; ``new`` to
    ``not_seen_again`` count findings by their state after this inspection, ``open`` those that are open, ``open_must``
    and ``open_severe`` those of them that are mandatory and due, and of high or critical severity.
    """

    __tablename__ = "inspection"
    __table_args__ = (
        sa.Index("ix_inspection_history", "system_id", "begun"),
        sa.Index("ix_inspection_declared", "declared"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(sa.ForeignKey("system.id"))
    declared: Mapped[str]
    name: Mapped[str]
    owner: Mapped[str]
    level: Mapped[int]
    is_newest: Mapped[bool]
    run: Mapped[str]
    inspection: Mapped[str]
    folder: Mapped[str] = mapped_column(unique=True)
    capture: Mapped[str] = mapped_column(unique=True)
    begun: Mapped[datetime]
    ended: Mapped[datetime]
    assessment: Mapped[str]
    assessment_digest: Mapped[str]
    assessments: Mapped[int]
    as_of: Mapped[datetime]
    regime: Mapped[str]
    regime_version: Mapped[str]
    rules: Mapped[str]
    is_partial: Mapped[bool] = mapped_column(default=False)
    passed: Mapped[int]
    failed: Mapped[int]
    failed_must: Mapped[int]
    not_applicable: Mapped[int]
    inconclusive: Mapped[int]
    not_observable: Mapped[int]
    error: Mapped[int]
    new: Mapped[int] = mapped_column(default=0)
    still: Mapped[int] = mapped_column(default=0)
    returned: Mapped[int] = mapped_column(default=0)
    fixed: Mapped[int] = mapped_column(default=0)
    by_the_rules: Mapped[int] = mapped_column(default=0)
    not_seen_again: Mapped[int] = mapped_column(default=0)
    withdrawn: Mapped[int] = mapped_column(default=0)
    open: Mapped[int] = mapped_column(default=0)
    open_must: Mapped[int] = mapped_column(default=0)
    open_severe: Mapped[int] = mapped_column(default=0)


class FindingRow(Base):
    """The state of a failure of a system (``inspector.store.history.TrackedFinding``)."""

    __tablename__ = "finding"
    __table_args__ = (sa.Index("ix_finding_state", "state", "system_id"),)

    system_id: Mapped[int] = mapped_column(sa.ForeignKey("system.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    requirement: Mapped[str]
    check: Mapped[str]
    subject: Mapped[str]
    endpoint: Mapped[str | None]
    severity: Mapped[str]
    obligation: Mapped[str]
    force: Mapped[str]
    not_yet_due: Mapped[bool]
    excused: Mapped[bool]
    is_open: Mapped[bool]
    state: Mapped[str]
    reason: Mapped[str | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    changed: Mapped[datetime]
    capture: Mapped[str]
    rules: Mapped[str]
    failing: Mapped[list[Any]]
    addresses: Mapped[list[Any]]
    rests_on: Mapped[list[Any]]


class EventRow(Base):
    """A change of a finding's state, by the inspection that gave rise to it."""

    __tablename__ = "event"
    __table_args__ = (sa.Index("ix_event_system", "system_id", "inspection_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(sa.ForeignKey("system.id"))
    inspection_id: Mapped[int] = mapped_column(sa.ForeignKey("inspection.id"))
    finding: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]


class FollowUpRow(Base):
    """A sealed record of the follow-up (``inspector.follow_up.records``); ``due`` is a day."""

    __tablename__ = "follow_up"

    number: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str]
    digest: Mapped[str]
    at: Mapped[datetime]
    action: Mapped[str]
    system: Mapped[str]
    author: Mapped[str]
    due: Mapped[str | None]
    responsible: Mapped[str | None]
    email: Mapped[str | None]
    document: Mapped[str | None]
    note: Mapped[str | None]
    findings: Mapped[list[Any]]


class NotCountedRow(Base):
    """A folder of the archive that is not counted, and why; ``detail`` is an English text, perhaps of several lines."""

    __tablename__ = "not_counted"

    folder: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str]
    detail: Mapped[str]
