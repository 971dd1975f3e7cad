"""An assessment: what the rules of one date say about what was captured."""

from __future__ import annotations

from inspector.declare.statement import Statement
from inspector.model.base import Cause, Instant, Model
from inspector.model.finding import Finding
from inspector.model.subject import Subject
from inspector.record.inspection import PluginRecord
from inspector.record.plan import VantageLimit
from inspector.regime.regime import RegimeChange, Requirement

__all__ = ["Assessment", "Coverage", "FailedScan", "RegimeChange"]


class FailedScan(Model):
    """A question that was not answered, and why: counted in the coverage, listed in the report."""

    probe: str
    subject: Subject
    cause: Cause
    detail: str = ""


class Coverage(Model):
    """How much was scanned.

    ``asked`` looks, of which ``seen`` gave an observation; ``missed`` lists the rest with causes. ``not_selected``,
    ``not_authorised`` (no authorisation permits a scan of that touch) and ``not_observable`` count requirements, by id;
    ``not_installed`` are those among ``not_selected`` whose optional plugin is not installed. ``limits`` are the
    vantage's own.
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
    """Findings of one system under one regime at one instant. ``requirements`` are the rows as resolved.

    ``plugins`` are those that judged, ``statements`` those that were judged with; ``reparse`` tells that the facts were
    read again from the raw bytes.
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
