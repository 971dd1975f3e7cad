"""Regimes as data: what is demanded, from which level, since when and under which clause.

A regime lives in a folder: ``regime.yaml`` (facts of the regime, clauses) and ``requirements/<theme>.yaml`` (rows),
with every text in Vietnamese and English.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from inspector.finding import ClauseRef, Force, Obligation, Severity
from inspector.model import Model
from inspector.settings import VantageKind

#: The check name of a row that nobody can observe from outside.
NOT_OBSERVABLE = "not-observable"


class Text(Model):
    """A text in both languages."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Clause(Model):
    """A pointer to a clause, in our own words. ``confidence`` H, M or L as in the source review."""

    id: str
    document: str
    number: str
    title: Text
    levels: tuple[int, ...]
    force: Force
    source: str
    confidence: str = Field(pattern="^[HML]$")

    def reference(self) -> ClauseRef:
        """The clause as findings carry it."""
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
    """One row: a check (or ``not-observable``) demanded at some levels.

    ``options`` are the check's, ``look`` maps probe names to look options, ``overlay`` names the overlay under which the
    row holds, ``vantages`` the kinds of vantage whose view counts (empty: all), ``title`` is needed where no check
    speaks for the row. ``laxer_because`` explains a row that demands less at a higher level.
    """

    id: str
    check: str
    levels: tuple[int, ...]
    force: Force
    obligation: Obligation
    severity: Severity
    clauses: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    look: dict[str, dict[str, Any]] = {}
    due_from: date | None = None
    overlay: str | None = None
    vantages: tuple[VantageKind, ...] = ()
    tags: tuple[str, ...] = ()
    title: Text | None = None
    source: str = ""
    laxer_because: Text | None = None


class Transition(Model):
    """Approvals under an older regime that keep it in force for their system until a date.

    A system follows the older regime while its approval is dated before ``approved_before`` (or its investment began
    before ``investment_before`` and it was approved by ``approved_until``), until ``until`` (included).
    """

    regime: str
    until: date
    approved_before: date | None = None
    investment_before: date | None = None
    approved_until: date | None = None
    source: str
    note: Text


class Overlay(Model):
    """Extra rows for systems whose declared facts say so, e.g. ``{state_body: true}``."""

    id: str
    title: Text
    when: dict[str, Any]
    valid_from: date
    valid_to: date | None = None
    status: str = "in-force"


class Regime(Model):
    """A legal regime with its rows resolved: ``id`` + ``version`` pin it in every judgement."""

    id: str
    version: str
    title: Text
    documents: dict[str, Text]
    authority: Text
    term: Text
    valid_from: date
    valid_to: date | None = None
    keeps: tuple[Transition, ...] = ()
    clauses: tuple[Clause, ...]
    overlays: tuple[Overlay, ...] = ()
    requirements: tuple[Requirement, ...]
    last_checked: date
    next: str | None = None

    def clause(self, id: str) -> Clause:  # noqa: A002
        """The clause with this id; raises KeyError."""
        return next(each for each in self.clauses if each.id == id)
