"""What is fixed about an inspection before the first packet: documents, settings, plan, rules and versions."""

from __future__ import annotations

from typing import Any

from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import Organisation, SourceLocation, System
from inspector.declare.settings import Vantage
from inspector.declare.statement import Statement
from inspector.model.base import Instant, Model
from inspector.model.table import Table
from inspector.record.plan import Plan
from inspector.regime.regime import Regime


class PluginRecord(Model):
    """An installed plugin: the name and value of its entry point, and its distribution.

    ``digest`` is SHA-256 over all files of the distribution, without byte code.
    """

    name: str
    entry_point: str = ""
    distribution: str
    version: str
    digest: str


class Inspection(Model):
    """The head of a capture: everything that is decided before the first packet."""

    id: str
    run: str
    begun: Instant
    inspector_version: str
    organisation: Organisation | None = None
    system: System
    endpoint_locations: dict[str, SourceLocation] = {}
    authorisations: tuple[Authorisation, ...]
    statements: tuple[Statement, ...] = ()
    vantage: Vantage
    contact: str = ""
    settings: dict[str, Any] = {}
    regime: Regime
    overlays: tuple[str, ...] = ()
    next_regime: Regime | None = None
    plan: Plan
    plugins: tuple[PluginRecord, ...] = ()
    tools: dict[str, str] = {}
    trust: dict[str, str] = {}
    tables: tuple[Table, ...] = ()
    salt_id: str = ""
