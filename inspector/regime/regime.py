"""Regimes as data: what is required, from which level, since when and under which clause.

The stored models of a regime, and the resolution of its rows for one system on one day. ``inspector.regime.loader``
reads them from folders, ``inspector.regime.selection`` selects the regime of a system.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from inspector.declare.declaration import System
from inspector.declare.settings import VantageKind
from inspector.model.base import Model, Same
from inspector.model.declared import Approval, ApprovalStatus, Facts, Stage
from inspector.model.finding import ClauseRef, Force, Obligation, Severity
from inspector.model.formatted import FormattedMessage

#: Stands in a row's ``check`` when the requirement cannot be observed from outside.
NOT_OBSERVABLE = "not-observable"

#: Stands in a row's options for the day on which the row is resolved, as ISO 8601.
AS_OF = "$as_of"

#: Legal days are days in Vietnam, which has one UTC offset all year.
VIETNAM = datetime.timezone(datetime.timedelta(hours=7), "+07")

_SPAN = re.compile(r"([1-5])(?:-([1-5]))?\Z")

#: The forces that rest on a legal text; only these may have the obligation *must*.
LEGAL = frozenset({Force.BINDING, Force.CLAUSE_EVIDENCE})


_BEING_BUILT = frozenset({Stage.DESIGN, Stage.BUILD, Stage.UPGRADE})


def day_of(as_of: date) -> date:
    """Return the day in Vietnam of an instant; a date is returned as it is."""
    return as_of.astimezone(VIETNAM).date() if isinstance(as_of, datetime.datetime) else as_of


def _parse_levels(value: Any) -> Any:
    """Parse ``3``, ``1-5`` or ``[1, 3]`` into a tuple of levels."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, int):
        return (value,)
    span = _SPAN.match(value) if isinstance(value, str) else None
    if span is not None:
        return tuple(range(int(span[1]), int(span[2] or span[1]) + 1))
    if isinstance(value, str):
        raise ValueError(FormattedMessage("{value} is not a set of levels; write 3, 1-5 or [1, 3]", value=repr(value)))  # noqa: TRY004  (pydantic's contract)
    return value


@lru_cache(maxsize=64)
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

    def __str__(self) -> str:
        return self.en


#: H: the text was read in full; M: one good secondary source, a recognised scan, or a reading; L: inferred.
Confidence = Annotated[str, Field(pattern="^[HML]$")]


class Status(StrEnum):
    """Whether a text or a term is law."""

    IN_FORCE = "in-force"
    UNCLEAR = "unclear"
    ENDED = "ended"


class Bound(StrEnum):
    """Whom a clause binds; others may follow it. Systems of level 5 are *critical* by themselves."""

    EVERYONE = "everyone"
    STATE_AND_SERVICES = "state-and-services"
    STATE = "state"
    ARCHIVES = "archives"
    CRITICAL = "critical"
    SERVICE_FIRMS = "service-firms"

    def includes(self, other: Bound, level: int) -> bool:
        """Whether all whom ``other`` names are bound, too, at a level."""
        if self is Bound.EVERYONE or self is other or (self is Bound.CRITICAL and level == _CRITICAL_LEVEL):
            return True
        return other in _NARROWER.get(self, ())


_CRITICAL_LEVEL = 5
_NARROWER = {
    Bound.STATE_AND_SERVICES: (Bound.STATE, Bound.ARCHIVES),
    Bound.STATE: (Bound.ARCHIVES,),
}


class Document(BilingualText):
    """A legal or technical document: its title in our own words; ``id`` is the prefix of its clauses' ids.

    ``source`` says where it was read, ``read`` when. ``status`` is that of today, ``note`` explains it.
    """

    id: str = Field(pattern=r"^[a-z0-9]+$")
    source: str
    confidence: Confidence
    read: date | None = None
    in_force: date | None = None
    status: Status = Status.IN_FORCE
    note: BilingualText | None = None


class Clause(Model):
    """A reference to a clause, with a title in our own words.

    ``force`` is the strongest force that a requirement may claim from this clause; at the levels of ``optional`` the
    law leaves it to the owner, so no more than baseline. ``not_judged`` says why no row of ours rests on it.
    """

    id: str
    document: str
    number: str = Field(pattern=r"^\S+$")
    title: BilingualText
    levels: Levels
    force: Force
    source: str
    confidence: Confidence
    binds: Bound = Bound.EVERYONE
    in_force: date | None = None
    optional: tuple[int, ...] = ()
    not_judged: BilingualText | None = None

    def force_for(self, bound: Bound, level: int) -> Force:
        """The strongest force that a row about these owners may claim at a level."""
        if self.force in LEGAL and (level in self.optional or not self.binds.includes(bound, level)):
            return Force.BASELINE
        return self.force

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


class RowKind(StrEnum):
    """What a transition delays: a *measure* follows the regime of the approval, a *duty* always the newest regime."""

    MEASURE = "measure"
    DUTY = "duty"


class Requirement(Model):
    """One row: a check (or ``not-observable``) required at some levels.

    ``plugin`` names the optional plugin that brings the check: where it is not installed, the row is not selected.
    ``options`` are the check's, ``scan`` maps probe names to scan options. ``overlay`` names the overlay to which the
    row belongs, ``replaces`` the row that it replaces once it is due. ``bound`` names the overlay whose systems are
    bound by the row as written; for all others it recommends. ``unsettled`` is set where the declaration does not say
    whether the system is one of these: a failure is then inconclusive. ``vantages`` are the kinds of vantage whose
    results count (empty: all). ``title`` is needed where no check gives one. ``source`` names the standard behind
    thresholds and recommendations. ``laxer_because`` explains a row that requires less at a higher level.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
    check: str
    kind: RowKind = RowKind.MEASURE
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
    bound: str | None = None
    unsettled: bool = False
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
    that the approval names). With ``investment_before`` it applies to a system whose investment began before that day,
    that was not yet in operation then, and that is approved under the older regime by ``approved_until`` or, until
    then, is still being built.
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

    def applies(self, system: System, day: date, newer: Regime) -> bool:
        """Whether a system still follows the older regime on ``day``."""
        approval = system.approval
        if approval is None or approval.regime == newer.id or day > self.until:
            return False
        if approval.date is not None and approval.date > day:
            return False
        if self.approved_before is not None:
            return self._approved_early(approval)
        return self._begun_early(system, approval, day, newer)

    def _approved_early(self, approval: Approval) -> bool:
        if approval.status is not ApprovalStatus.APPROVED:
            return False
        if approval.date is None:
            return approval.regime is not None
        return self.approved_before is not None and approval.date < self.approved_before

    def _begun_early(self, system: System, approval: Approval, day: date, newer: Regime) -> bool:
        begun, before, last = approval.investment_from, self.investment_before, self.approved_until
        if begun is None or before is None or last is None or begun >= before:
            return False
        if system.in_operation_from is not None and system.in_operation_from < before:
            return False
        if approval.status is not ApprovalStatus.APPROVED:
            return system.stage in _BEING_BUILT and day <= last
        if approval.date is None:
            return approval.regime == self.regime
        chosen = approval.regime == self.regime or approval.date < newer.valid_from
        return chosen and approval.date <= last


class Amount(Model):
    """A number of hours, calendar days, working days, months or years; 0 hours: at once."""

    value: int = Field(ge=0)
    unit: Literal["hour", "day", "working-day", "month", "year"]


class DayOfYear(Model):
    """A day of every year, written ``MM-DD``."""

    month: int = Field(ge=1, le=12)
    day: int = Field(ge=1, le=31)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = re.fullmatch(r"([0-9]{2})-([0-9]{2})", value)
        if parts is None:
            raise ValueError(FormattedMessage("{value} is not a day of the year; write 12-24", value=repr(value)))
        return {"month": int(parts[1]), "day": int(parts[2])}

    def __str__(self) -> str:
        return f"{self.month:02}-{self.day:02}"


class Deadline(Model):
    """A term or a frequency of the law: one of ``on``, ``yearly``, ``within``, ``before``, ``every`` and ``unfixed``.

    ``on`` is the last day, ``yearly`` the last day of each year, ``MM-DD``; ``data_from`` and ``data_until`` are the
    period reported on. ``within`` runs from the event that the title names, ``before`` is the least time ahead of it.
    ``unfixed``: the text asks for it and names no number. Where the count of days is open, the earlier day is given and
    ``note`` says both. ``kind`` is as in rows. ``fulfilled_by`` is what of a system ends it: the approval of its level,
    its plan carried out in full, or an inspection since.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
    title: BilingualText
    levels: Levels = (1, 2, 3, 4, 5)
    on: date | None = None
    yearly: DayOfYear | None = None
    data_from: DayOfYear | None = None
    data_until: DayOfYear | None = None
    within: Amount | None = None
    before: Amount | None = None
    every: Amount | None = None
    unfixed: bool = False
    kind: RowKind = RowKind.DUTY
    fulfilled_by: Literal["approval", "plan", "inspection"] | None = None
    addressee: BilingualText | None = None
    binds: Bound = Bound.EVERYONE
    clauses: tuple[str, ...] = Field(min_length=1)
    source: str
    confidence: Confidence
    status: Status = Status.IN_FORCE
    note: BilingualText | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        all_kinds = (self.on, self.yearly, self.within, self.before, self.every, self.unfixed or None)
        given = [each for each in all_kinds if each is not None]
        if len(given) != 1:
            raise ValueError("a deadline is one of on, yearly, within, before, every and unfixed; give exactly one")
        return self


class Gap(Model):
    """Days before this regime, both included, on which no regime is in force."""

    first: date
    last: date
    source: str
    note: BilingualText


def _alternatives(value: Any) -> Any:
    return (value,) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value


#: Declared facts that together select something, e.g. ``{state_body: true}``; a list means any of its values.
FactValues = dict[str, Any]


class Overlay(Model):
    """Extra rows for the systems that a text binds, by their declared facts.

    ``when`` lists alternatives, of which one is met by all its facts; a system that meets ``unless`` is exempt.
    ``binds`` is the kind of owner so selected. From ``unclear_from`` on it is unclear whether the overlay is still law:
    its rows are then recommendations. With ``grace_before``, the ``due_from`` of its rows holds only for systems that
    were in operation before that day; for one declared to be newer the rows are due at once.
    """

    id: str
    title: BilingualText
    when: Annotated[tuple[FactValues, ...], BeforeValidator(_alternatives), Field(min_length=1)]
    unless: FactValues = {}
    binds: Bound = Bound.EVERYONE
    valid_from: date
    valid_to: date | None = None
    unclear_from: date | None = None
    grace_before: date | None = None
    note: BilingualText | None = None

    @model_validator(mode="after")
    def _facts_exist(self) -> Self:
        for name in [name for facts in (*self.when, self.unless) for name in facts]:
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
        return self._is_valid(day) and any(_meets(facts, each) for each in self.when) and not self._is_exempt(facts)

    def is_open(self, facts: Facts, day: date) -> bool:
        """Whether it does not apply, but would if facts that are not stated had the right values."""
        if not self._is_valid(day) or self._is_exempt(facts) or self.applies(facts, day):
            return False
        return any(_may_meet(facts, each) for each in self.when)

    def _is_valid(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def _is_exempt(self, facts: Facts) -> bool:
        return bool(self.unless) and _meets(facts, self.unless)

    def is_unclear(self, day: date) -> bool:
        """Whether it is unclear on that day that the overlay is law."""
        return self.unclear_from is not None and day >= self.unclear_from


def _meets(facts: Facts, wanted: FactValues) -> bool:
    return all(_matches(getattr(facts, name, None), each) for name, each in wanted.items())


def _may_meet(facts: Facts, wanted: FactValues) -> bool:
    stated = {name: each for name, each in wanted.items() if getattr(facts, name, None) not in (None, ())}
    return _meets(facts, stated)


def _matches(fact: Any, wanted: Any) -> bool:
    """Whether a fact, or one item of a fact that is a list, is a wanted value."""
    accepted = wanted if isinstance(wanted, list | tuple) else (wanted,)
    return any(each in accepted for each in fact) if isinstance(fact, tuple) else fact in accepted


class NamedRegime(Model):
    """A regime by its id and title."""

    id: str
    title: BilingualText


class Regime(Model):
    """A legal regime with all its rows; every assessment records its ``id`` and ``version``.

    ``documents`` are by official number. ``transitions`` are the rules by which systems still follow an older regime,
    ``gaps`` the days before this one that belong to none, ``next`` is the id of the succeeding regime. ``version``
    names the extensions that were added: ``2026.12+baseline.2026.12``, and the regime whose duties it has taken over
    for a system in transition, which ``duties_of`` names, too (``in_transition``).
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
    deadlines: tuple[Deadline, ...] = ()
    duties_of: NamedRegime | None = None
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


def in_transition(older: Regime, newer: Regime) -> Regime:
    """Return the rules for a system in transition: the measures of the older regime, the duties of the newer one.

    A transition delays conditions, standards and measures, not what the owner has to do anyway. The result has the id
    of the older regime, and is stored and shown like any other. It is the same object whenever both are.
    """
    return _in_transition(Same(older), Same(newer))


@lru_cache(maxsize=64)
def _in_transition(before: Same[Regime], after: Same[Regime]) -> Regime:
    older, newer = before.value, after.value
    duties = [row for row in newer.requirements if row.kind is RowKind.DUTY]
    measures = [row for row in older.requirements if row.kind is RowKind.MEASURE]
    deadlines = [each for each in older.deadlines if each.kind is RowKind.MEASURE] + [
        each for each in newer.deadlines if each.kind is RowKind.DUTY
    ]
    cited = {id_ for row in duties for id_ in row.clauses} | {id_ for each in deadlines for id_ in each.clauses}
    clauses = {each.id: each for each in newer.clauses if each.id in cited} | {each.id: each for each in older.clauses}
    overlays = {each.id: each for each in newer.overlays if each.id in _overlays_in(duties)}
    named = {clause.document for clause in clauses.values()}
    return older.model_copy(
        update={
            "version": f"{older.version}+{newer.id}.{newer.version.partition('+')[0]}",
            "documents": {**{name: each for name, each in newer.documents.items() if name in named}, **older.documents},
            "clauses": tuple(clauses[id_] for id_ in sorted(clauses)),
            "overlays": tuple({**overlays, **{each.id: each for each in older.overlays}}.values()),
            "requirements": (*measures, *duties),
            "deadlines": tuple(deadlines),
            "duties_of": NamedRegime(id=newer.id, title=newer.title),
        }
    )


def _overlays_in(rows: Iterable[Requirement]) -> set[str]:
    return {name for row in rows for name in (row.overlay, row.bound) if name is not None}


def overlays_of(regime: Regime, system: System, as_of: date) -> tuple[Overlay, ...]:
    """Return the overlays that apply to the system's declared facts on that day."""
    day = day_of(as_of)
    return tuple(each for each in regime.overlays if each.applies(system.facts, day))


def open_overlays(regime: Regime, system: System, as_of: date) -> tuple[Overlay, ...]:
    """Return the overlays that may apply, but for facts that are not stated."""
    day = day_of(as_of)
    return tuple(each for each in regime.overlays if each.is_open(system.facts, day))


def resolve(regime: Regime, system: System, *, as_of: date) -> tuple[Requirement, ...]:
    """Return the rows that apply to a system on a day, sorted by id, each with the clauses of the system's level alone.

    Rows for other vantages are included, so that a report can say that the result from this one does not count.
    """
    day = day_of(as_of)
    states = tuple((each.id, _state(each, system, day)) for each in overlays_of(regime, system, day))
    unsettled = frozenset(each.id for each in open_overlays(regime, system, day))
    return _resolved(Same(regime), system.level, states, unsettled, day)


class _OverlayState(StrEnum):
    """How the rows of an overlay hold for a system."""

    APPLIES = "applies"
    UNCLEAR = "unclear"
    WITHOUT_GRACE = "without-grace"


def _state(overlay: Overlay, system: System, day: date) -> _OverlayState:
    if overlay.is_unclear(day):
        return _OverlayState.UNCLEAR
    begun, before = system.in_operation_from, overlay.grace_before
    is_late = before is not None and begun is not None and begun >= before
    return _OverlayState.WITHOUT_GRACE if is_late else _OverlayState.APPLIES


@lru_cache(maxsize=128)
def _resolved(
    known: Same[Regime],
    level: int,
    overlays: tuple[tuple[str, _OverlayState], ...],
    unsettled: frozenset[str],
    day: date,
) -> tuple[Requirement, ...]:
    """The rows of a level, by id, with these overlays and those that may apply. Systems of one kind share them."""
    regime = known.value
    rows = list(_applicable_rows(regime, level, dict(overlays), unsettled))
    replaced = {row.replaces for row in rows if row.replaces and row.is_due(day)}
    levels = {clause.id: clause.levels for clause in regime.clauses}
    remaining = (row for row in rows if row.id not in replaced)
    return tuple(sorted((_on_day(_at_level(row, level, levels), day) for row in remaining), key=lambda row: row.id))


def _applicable_rows(
    regime: Regime, level: int, overlays: Mapping[str, _OverlayState], unsettled: frozenset[str]
) -> Iterator[Requirement]:
    for row in regime.requirements:
        if level not in row.levels or (row.overlay is not None and row.overlay not in overlays):
            continue
        if row.bound is not None and row.bound not in overlays:
            yield row.model_copy(update={"unsettled": True}) if row.bound in unsettled else _recommended(row)
        elif row.overlay is None:
            yield row
        elif overlays[row.overlay] is _OverlayState.UNCLEAR:
            yield _recommended(row)
        elif overlays[row.overlay] is _OverlayState.WITHOUT_GRACE:
            yield row.model_copy(update={"due_from": None})
        else:
            yield row


def _on_day(row: Requirement, day: date) -> Requirement:
    """Return the row with the day in place of ``$as_of``."""
    if AS_OF not in row.options.values():
        return row
    options = {name: day.isoformat() if value == AS_OF else value for name, value in row.options.items()}
    return row.model_copy(update={"options": options})


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
