"""Regimes as data: what is required, from which level, since when and under which clause.

The stored models of a regime, and the resolution of its rows for one system on one day. ``inspector.regime.loader``
reads them from folders, ``inspector.regime.selection`` selects the regime of a system.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from inspector.declare.declaration import System
from inspector.declare.settings import VantageKind
from inspector.model.base import Model, Same
from inspector.model.declared import Approval, ApprovalStatus, Facts
from inspector.model.finding import ClauseRef, Force, Obligation, Severity
from inspector.model.formatted import FormattedMessage

#: Stands in a row's ``check`` when the requirement cannot be observed from outside.
NOT_OBSERVABLE = "not-observable"

#: Legal days are days in Vietnam, which has one UTC offset all year.
VIETNAM = datetime.timezone(datetime.timedelta(hours=7), "+07")

_SPAN = re.compile(r"([1-5])(?:-([1-5]))?\Z")

#: The forces that rest on a legal text; only these may have the obligation *must*.
LEGAL = frozenset({Force.BINDING, Force.CLAUSE_EVIDENCE})


def day_of(as_of: date) -> date:
    """Return the day in Vietnam of an instant; a date is returned as it is."""
    return as_of.astimezone(VIETNAM).date() if isinstance(as_of, datetime.datetime) else as_of


def _parse_levels(value: Any) -> Any:
    """Parse ``3``, ``1-5`` or ``[1, 3]`` into a tuple of levels."""
    if isinstance(value, int):
        return (value,)
    span = _SPAN.match(value) if isinstance(value, str) else None
    if span is not None:
        return tuple(range(int(span[1]), int(span[2] or span[1]) + 1))
    if isinstance(value, str):
        raise ValueError(FormattedMessage("{value} is not a set of levels; write 3, 1-5 or [1, 3]", value=repr(value)))  # noqa: TRY004  (pydantic's contract)
    return tuple(value) if isinstance(value, list) else value


def _check_levels(levels: tuple[int, ...]) -> tuple[int, ...]:
    if not levels or any(level not in range(1, 6) for level in levels):
        raise ValueError("levels are 1 to 5; write 3, 1-5 or [1, 3]")
    if len(set(levels)) != len(levels):
        raise ValueError("a level is listed twice; remove one of the two")
    return tuple(sorted(levels))


Levels = Annotated[tuple[int, ...], BeforeValidator(_parse_levels), AfterValidator(_check_levels)]


class BilingualText(Model):
    """A text in Vietnamese and in English."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Document(BilingualText):
    """A legal or technical document: its title in our own words; ``id`` is the prefix of its clauses' ids."""

    id: str = Field(pattern=r"^[a-z0-9]+$")
    source: str
    confidence: str = Field(pattern="^[HML]$")


class Clause(Model):
    """A reference to a clause, with a title in our own words.

    ``force`` is the strongest force that a requirement may claim from this clause. ``confidence`` is H (the official
    text was read in full), M (one good secondary source) or L (inferred).
    """

    id: str
    document: str
    number: str = Field(pattern=r"^\S+$")
    title: BilingualText
    levels: Levels
    force: Force
    source: str
    confidence: str = Field(pattern="^[HML]$")

    def reference(self) -> ClauseRef:
        """Return the reference that findings store."""
        return ClauseRef(
            id=self.id,
            document=self.document,
            number=self.number,
            title_vi=self.title.vi,
            title_en=self.title.en,
            confidence=self.confidence,
            source=self.source,
        )


class Requirement(Model):
    """One row: a check (or ``not-observable``) required at some levels.

    ``plugin`` names the optional plugin that brings the check: where it is not installed, the row is not selected.
    ``options`` are the check's, ``scan`` maps probe names to scan options. ``overlay`` names the overlay to which the
    row belongs, ``replaces`` the row that it replaces once it is due. ``vantages`` are the kinds of vantage whose
    results count (empty: all). ``title`` is needed where no check gives one. ``source`` names the standard behind
    thresholds and recommendations. ``laxer_because`` explains a row that requires less at a higher level.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
    check: str
    plugin: str | None = None
    levels: Levels
    force: Force
    obligation: Obligation
    severity: Severity
    clauses: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    scan: dict[str, dict[str, Any]] = {}
    due_from: date | None = None
    overlay: str | None = None
    replaces: str | None = None
    vantages: tuple[VantageKind, ...] = ()
    tags: tuple[str, ...] = ()
    title: BilingualText | None = None
    source: str = ""
    laxer_because: BilingualText | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.obligation is Obligation.MUST and self.force not in LEGAL:
            raise ValueError(
                FormattedMessage(
                    "must rests on {value}; write should, or force binding or clause-evidence", value=self.force.value
                )
            )
        if self.check == NOT_OBSERVABLE and self.title is None:
            raise ValueError("a not-observable row has no check to give it a title; add title")
        if self.replaces is not None and self.overlay is None:
            raise ValueError("only a row of an overlay replaces another; add overlay")
        if self.force in LEGAL and not self.clauses:
            raise ValueError(
                FormattedMessage("force {value} without a clause; cite one, or write baseline", value=self.force.value)
            )
        if not self.clauses and not self.source:
            raise ValueError("neither clauses nor source; add the standard that the row rests on as source")
        return self

    @property
    def strength(self) -> str:
        """Return ``force/obligation/severity``."""
        return f"{self.force.value}/{self.obligation.value}/{self.severity.value}"

    def is_due(self, as_of: date) -> bool:
        """Whether a failure counts on that day."""
        return self.due_from is None or day_of(as_of) >= self.due_from


class Transition(Model):
    """A rule by which some systems follow an older regime until a day (included).

    It applies to a system approved before ``approved_before`` (by date or, where no date is declared, by the regime
    that the approval names). With ``investment_before`` it applies to a system whose investment began before that day
    and that is approved under the older regime, or still awaits its approval, by ``approved_until``.
    """

    regime: str
    until: date
    approved_before: date | None = None
    investment_before: date | None = None
    approved_until: date | None = None
    source: str
    confidence: str = Field(pattern="^[HML]$")
    note: BilingualText

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.approved_before is None) == (self.investment_before is None):
            raise ValueError("a transition is for approvals or investments; give approved_before or investment_before")
        if (self.investment_before is None) != (self.approved_until is None):
            raise ValueError("an investment needs the day until which it may be approved; give approved_until")
        return self

    def applies(self, approval: Approval | None, day: date, newer: Regime) -> bool:
        """Whether a system with this approval still follows the older regime on ``day``."""
        if approval is None or approval.regime == newer.id or day > self.until:
            return False
        if approval.date is not None and approval.date > day:
            return False
        if self.approved_before is not None:
            return self._approved_early(approval)
        return self._begun_early(approval, day, newer)

    def _approved_early(self, approval: Approval) -> bool:
        if approval.status is not ApprovalStatus.APPROVED:
            return False
        if approval.date is None:
            return approval.regime is not None
        return self.approved_before is not None and approval.date < self.approved_before

    def _begun_early(self, approval: Approval, day: date, newer: Regime) -> bool:
        begun, before, last = approval.investment_from, self.investment_before, self.approved_until
        if begun is None or before is None or last is None or begun >= before:
            return False
        if approval.status is not ApprovalStatus.APPROVED:
            return approval.regime == self.regime and day <= last
        if approval.date is None:
            return approval.regime == self.regime
        chosen = approval.regime == self.regime or approval.date < newer.valid_from
        return chosen and approval.date <= last


class Gap(Model):
    """Days before this regime, both included, on which no regime is in force."""

    first: date
    last: date
    source: str
    note: BilingualText


class Overlay(Model):
    """Extra rows for systems with certain declared facts, e.g. ``{state_body: true}``; a list means any of its values.

    From ``unclear_from`` on it is unclear whether the overlay is still law: its rows are then recommendations.
    """

    id: str
    title: BilingualText
    when: dict[str, Any] = Field(min_length=1)
    valid_from: date
    valid_to: date | None = None
    unclear_from: date | None = None
    note: BilingualText | None = None

    @model_validator(mode="after")
    def _facts_exist(self) -> Self:
        for name in self.when:
            if name not in Facts.model_fields:
                raise ValueError(
                    FormattedMessage(
                        "{name} is not a fact of a declaration; known: {known}",
                        name=repr(name),
                        known=", ".join(Facts.model_fields),
                    )
                )
        return self

    def applies(self, facts: Facts, day: date) -> bool:
        """Whether its rows apply to a system with these facts on that day."""
        if day < self.valid_from or (self.valid_to is not None and day > self.valid_to):
            return False
        return all(_matches(getattr(facts, name), wanted) for name, wanted in self.when.items())

    def is_unclear(self, day: date) -> bool:
        """Whether it is unclear on that day that the overlay is law."""
        return self.unclear_from is not None and day >= self.unclear_from


def _matches(fact: Any, wanted: Any) -> bool:
    """Whether a fact, or one item of a fact that is a list, is a wanted value."""
    accepted = wanted if isinstance(wanted, list | tuple) else (wanted,)
    return any(each in accepted for each in fact) if isinstance(fact, tuple) else fact in accepted


class Regime(Model):
    """A legal regime with all its rows; every assessment records its ``id`` and ``version``.

    ``documents`` are by official number. ``transitions`` are the rules by which systems still follow an older regime,
    ``gaps`` the days before this one that belong to none, ``next`` is the id of the succeeding regime. ``version``
    names the extensions that were added: ``2026.11+baseline.2026.11``.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
    version: str
    title: BilingualText
    documents: dict[str, Document]
    authority: BilingualText
    term: BilingualText
    valid_from: date
    valid_to: date | None = None
    transitions: tuple[Transition, ...] = ()
    gaps: tuple[Gap, ...] = ()
    clauses: tuple[Clause, ...]
    overlays: tuple[Overlay, ...] = ()
    requirements: tuple[Requirement, ...]
    last_checked: date
    next: str | None = None

    def clause(self, id: str) -> Clause:  # noqa: A002  (the field's word)
        """Return the clause with this id; raises KeyError."""
        for each in self.clauses:
            if each.id == id:
                return each
        raise KeyError(id)

    def is_in_force(self, day: date) -> bool:
        """Whether it is in force on that day, regardless of transitions."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class RegimeChange(Model):
    """What the next regime changes for one requirement; ``was`` and ``becomes`` are ``force/obligation/severity``."""

    requirement: str
    title: BilingualText | None = None
    was: str | None = None
    becomes: str | None = None
    clauses: tuple[str, ...] = ()


def overlays_of(regime: Regime, system: System, as_of: date) -> tuple[Overlay, ...]:
    """Return the overlays that apply to the system's declared facts on that day."""
    day = day_of(as_of)
    return tuple(each for each in regime.overlays if each.applies(system.facts, day))


def resolve(regime: Regime, system: System, *, as_of: date) -> tuple[Requirement, ...]:
    """Return the rows that apply to a system on a day, sorted by id, each with the clauses of the system's level alone.

    Rows for other vantages are included, so that a report can say that the result from this one does not count.
    """
    day = day_of(as_of)
    unclear = {each.id: each.is_unclear(day) for each in overlays_of(regime, system, day)}
    return _resolved(Same(regime), system.level, tuple(unclear.items()), day)


@lru_cache(maxsize=128)
def _resolved(
    known: Same[Regime], level: int, overlays: tuple[tuple[str, bool], ...], day: date
) -> tuple[Requirement, ...]:
    """The rows of a level with these overlays, by id; whether each is unclear. Systems of one kind share them."""
    regime = known.value
    rows = list(_applicable_rows(regime, level, dict(overlays)))
    replaced = {row.replaces for row in rows if row.replaces and row.is_due(day)}
    levels = {clause.id: clause.levels for clause in regime.clauses}
    remaining = (row for row in rows if row.id not in replaced)
    return tuple(sorted((_at_level(row, level, levels) for row in remaining), key=lambda row: row.id))


def _applicable_rows(regime: Regime, level: int, overlays: Mapping[str, bool]) -> Iterator[Requirement]:
    for row in regime.requirements:
        if level not in row.levels:
            continue
        if row.overlay is None:
            yield row
        elif row.overlay in overlays:
            yield _recommended(row) if overlays[row.overlay] else row


def _recommended(row: Requirement) -> Requirement:
    """Return the row as a recommendation that replaces no row of the regime."""
    if row.force not in LEGAL:
        return row
    return row.model_copy(update={"force": Force.BASELINE, "obligation": Obligation.SHOULD, "replaces": None})


def _at_level(row: Requirement, level: int, levels: dict[str, tuple[int, ...]]) -> Requirement:
    return row.model_copy(update={"clauses": tuple(each for each in row.clauses if level in levels[each])})


def changes(
    current: Regime, succeeding: Regime, system: System, *, as_of: date | None = None
) -> tuple[RegimeChange, ...]:
    """Return what the succeeding regime changes for a system, row by row; equal strength is not a change."""
    day = succeeding.valid_from if as_of is None else max(day_of(as_of), succeeding.valid_from)
    was = {row.id: row for row in resolve(current, system, as_of=day)}
    becomes = {row.id: row for row in resolve(succeeding, system, as_of=day)}
    return tuple(
        _change(id_, was.get(id_), becomes.get(id_))
        for id_ in sorted({*was, *becomes})
        if _strength(was.get(id_)) != _strength(becomes.get(id_))
    )


def _strength(row: Requirement | None) -> str | None:
    return None if row is None else row.strength


def _change(id_: str, was: Requirement | None, becomes: Requirement | None) -> RegimeChange:
    row = becomes or was
    return RegimeChange(
        requirement=id_,
        title=row.title if row else None,
        was=_strength(was),
        becomes=_strength(becomes),
        clauses=becomes.clauses if becomes else (),
    )
