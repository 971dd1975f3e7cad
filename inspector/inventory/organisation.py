"""Organisations: who owns and operates systems, as of which day, under whom, and who followed whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from inspector.model.base import Model

#: An organisation's code: where it has one, its electronic identification code (mã định danh điện tử).
CODE = r"^[^\W_][\w.-]{0,63}$"
Code = Annotated[str, Field(pattern=CODE, description="1 to 64 letters, digits, '.', '_' and '-'")]


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("it is empty; write a text")
    return value


Text = Annotated[str, AfterValidator(_text)]


class OrganisationKind(StrEnum):
    """What an organisation is."""

    MINISTRY = "ministry"
    PROVINCE = "province"
    ENTERPRISE = "enterprise"
    UNIT = "unit"


class Group(StrEnum):
    """The groups of the government's statistics, and those that belong to neither."""

    MINISTRIES = "bo-nganh"
    PROVINCES = "dia-phuong"
    OTHER = "khac"


class Scope(StrEnum):
    """Whether systems of an organisation are this regime's, or of the defence, public security or cipher forces."""

    IN = "in"
    DEFENCE = "defence"
    PUBLIC_SECURITY = "public-security"
    CIPHER = "cipher"


class Organisation(Model):
    """An organisation. ``head`` and ``position`` are the leader who answers; both days of validity are included.

    ``successor`` is the code of the organisation to which its systems went when it ended.
    """

    code: Code
    name: Text
    kind: OrganisationKind = OrganisationKind.UNIT
    parent: Code | None = None
    head: Text | None = None
    position: Text | None = None
    valid_from: dt.date | None = None
    valid_until: dt.date | None = None
    successor: Code | None = None
    scope: Scope = Scope.IN

    @field_validator("valid_until")
    @classmethod
    def _after_it_begins(cls, valid_until: dt.date | None, info: ValidationInfo) -> dt.date | None:
        valid_from = info.data.get("valid_from")
        if valid_from and valid_until and valid_until < valid_from:
            raise ValueError("valid_until is before valid_from; correct one of them")
        return valid_until

    def has_ended(self, day: dt.date) -> bool:
        """Whether it no longer exists on ``day``."""
        return self.valid_until is not None and day > self.valid_until


@dataclass(frozen=True, slots=True)
class Organisations:
    """Organisations by code, without cycles among parents and successors (``organisation_list`` refuses those)."""

    by_code: Mapping[str, Organisation]
    _children: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, organisations: Iterable[Organisation]) -> Self:
        """The organisations with these codes."""
        by_code = {each.code: each for each in organisations}
        children: dict[str, list[str]] = {}
        for each in by_code.values():
            if each.parent is not None:
                children.setdefault(each.parent, []).append(each.code)
        return cls(by_code, children)

    def __iter__(self) -> Iterator[Organisation]:
        return iter(self.by_code.values())

    def __len__(self) -> int:
        return len(self.by_code)

    def current(self, code: str, day: dt.date) -> str:
        """The code of the organisation that answers on ``day``: of one that ended, its last living successor."""
        for _ in range(len(self.by_code) + 1):
            found = self.by_code.get(code)
            if found is None or not found.has_ended(day) or found.successor is None:
                return code
            code = found.successor
        return code

    def followers(self, code: str) -> tuple[str, ...]:
        """The codes of the organisations that followed one, and those that followed them, on whatever day."""
        found: list[str] = []
        while (
            (each := self.by_code.get(code)) is not None and each.successor is not None and each.successor not in found
        ):
            code = each.successor
            found.append(code)
        return tuple(found)

    def above(self, code: str) -> Iterator[Organisation]:
        """The organisation and those above it, up to the top."""
        seen: set[str] = set()
        next_code: str | None = code
        while next_code is not None and next_code not in seen and (found := self.by_code.get(next_code)):
            seen.add(next_code)
            yield found
            next_code = found.parent

    def below(self, code: str) -> set[str]:
        """The codes of the organisation and of those below it."""
        found: set[str] = set()
        left = [code]
        while left:
            each = left.pop()
            if each not in found:
                found.add(each)
                left.extend(self._children.get(each, ()))
        return found

    def group(self, code: str) -> Group:
        """The group of the nearest ministry or province at or above the organisation; OTHER where there is none."""
        for each in self.above(code):
            if each.kind is OrganisationKind.MINISTRY:
                return Group.MINISTRIES
            if each.kind is OrganisationKind.PROVINCE:
                return Group.PROVINCES
        return Group.OTHER
