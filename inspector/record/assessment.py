"""An assessment: the result of applying the rules of one date to a capture."""

from __future__ import annotations

from inspector.declare.statement import Statement
from inspector.model.base import Cause, Instant, Model
from inspector.model.finding import Finding
from inspector.model.subject import Subject
from inspector.model.table import Table
from inspector.record.inspection import PluginRecord
from inspector.record.plan import VantageLimit
from inspector.regime.regime import RegimeChange, Requirement

__all__ = ["Assessment", "Coverage", "FailedScan", "RegimeChange"]


class FailedScan(Model):
    """A scan without an observation, and why; counted in the coverage and listed in the report."""

    probe: str
    subject: Subject
    cause: Cause
    detail: str = ""


class Coverage(Model):
    """How much was scanned.

    ``asked`` scan tasks, of which ``seen`` gave an observation; ``missed`` lists the rest with causes.
    ``not_selected``, ``not_authorised`` (no authorisation permits the intrusiveness) and ``not_observable`` count
    requirements, by id; ``not_installed`` are those among ``not_selected`` whose optional plugin is not installed.
    ``limits`` are those of the vantage.
    """

    asked: int
    seen: int
    missed: tuple[FailedScan, ...] = ()
    not_selected: tuple[str, ...] = ()
    not_installed: tuple[str, ...] = ()
    not_authorised: tuple[str, ...] = ()
    not_observable: tuple[str, ...] = ()
    limits: tuple[VantageLimit, ...] = ()


class Assessment(Model):
    """The findings of one system under one regime at one instant. ``requirements`` are the resolved rows.

    ``plugins`` are those that ran the checks, ``tables`` the dated facts that checks compared with, ``statements``
    those that were applied; ``reparse``: the facts were parsed again from the raw bytes.
    """

    inspection: str
    system: str
    level: int
    as_of: Instant
    regime: str
    regime_version: str
    overlays: tuple[str, ...] = ()
    inspector_version: str
    plugins: tuple[PluginRecord, ...] = ()
    requirements: tuple[Requirement, ...]
    findings: tuple[Finding, ...]
    coverage: Coverage
    statements: tuple[Statement, ...] = ()
    reparse: bool = False
    next_regime: str | None = None
    changes: tuple[RegimeChange, ...] = ()
    tables: tuple[Table, ...] = ()
