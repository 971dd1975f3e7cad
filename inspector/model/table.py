"""Tables: dated facts from outside, with which checks compare what was seen.

A table is stored as it is, like a regime, so that a capture can be judged again with the one that it was judged with. A
check names the kind of table that it needs by a class of entries, as it names observations (``TableAt``).
"""

from __future__ import annotations

from datetime import date
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import Field

from inspector.model.base import Model, Same, digest

E = TypeVar("E", bound="TableEntries")


class Table(Model):
    """A table: its kind with the version of its form, as ``end-of-support/1``, its day, and where its facts are from.

    Later than ``stale_after_days`` days after ``dated`` nothing may pass by it: what it does not list, may be listed by
    then.
    """

    kind: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*/[0-9]{1,3}$")
    dated: date
    source: str = Field(min_length=1)
    stale_after_days: int = Field(ge=1, le=400)
    entries: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        """The kind without the version of its form."""
        return self.kind.partition("/")[0]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form, in lower-case hexadecimal."""
        return digest(self.canonical())

    def age_days(self, on: date) -> int:
        """The age on a day; 0 before the table's own."""
        return max(0, (on - self.dated).days)

    def is_stale(self, on: date) -> bool:
        """Whether it is too old on a day for anything to pass by it."""
        return self.age_days(on) > self.stale_after_days


class TableEntries(Model):
    """The entries of one kind of table; a subclass says which, and of what type they are."""

    kind: ClassVar[str]

    entries: tuple[Any, ...]

    @classmethod
    def of(cls, table: Table) -> Self:
        """The entries of a table of this kind, read once; raises ``pydantic.ValidationError``."""
        read: Self = _entries(cls, Same(table))
        return read


@lru_cache(maxsize=16)
def _entries(kind: type[E], table: Same[Table]) -> E:
    return kind.model_validate({"entries": table.value.entries})


class TableAt(Generic[E]):
    """A table as a check gets it: its entries, and the day (UTC) on which the facts were seen that it compares."""

    __slots__ = ("entries", "seen_on", "table")

    def __init__(self, table: Table, kind: type[E], seen_on: date) -> None:
        self.table = table
        self.entries: E = kind.of(table)
        self.seen_on = seen_on

    @property
    def is_stale(self) -> bool:
        """Whether the table is too old for what was seen that day."""
        return self.table.is_stale(self.seen_on)


class NoTable:
    """Stands for a table that the assessment has not got, or not in a form that the check knows."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind
