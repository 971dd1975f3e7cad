"""PLAN: documents become a planned inspection; only names are resolved."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inspector.collect.collector import Progress
from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import Organisation, System
from inspector.declare.document import SourceMap, diagnostic_at
from inspector.declare.settings import Settings
from inspector.declare.statement import Statement
from inspector.model.base import now
from inspector.model.errors import InputFileError
from inspector.network import Ledger, Scope, resolve_and_pin
from inspector.plan.pace import check_window
from inspector.plan.planner import (
    Planner,
    checks_of,
    hosts_of,
    make_plan,
    probes_of,
    refused_endpoints,
    scan_options,
    validate_options,
)
from inspector.plan.selection import Selection, exceeds_intrusiveness, lacks_plugin
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.plan import PinnedHost, Plan
from inspector.regime.regime import Regime, Requirement, resolve
from inspector.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one inspection is started with; ``others`` are declared together with ``system``."""

    run: str
    system: System
    organisation: Organisation | None
    authorisations: tuple[Authorisation, ...]
    settings: Settings
    registry: Registry
    regime: Regime
    next_regime: Regime | None
    as_of: datetime
    statements: tuple[Statement, ...] = ()
    selection: Selection = Selection()  # noqa: RUF009  (frozen and empty)
    source_map: SourceMap = SourceMap()  # noqa: RUF009  (frozen and empty)
    others: tuple[System, ...] = ()
    progress: Callable[[Progress], None] = lambda _step: None

    def requirements(self) -> tuple[Requirement, ...]:
        """The rows that hold for the system."""
        return resolve(self.regime, self.system, as_of=self.as_of)

    def beyond(self) -> tuple[str, ...]:
        """The ids of rows that need looks which no authorisation permits."""
        return tuple(
            each.id
            for each in self.requirements()
            if self.selection.keeps(each, self.registry)
            and exceeds_intrusiveness(each, self.registry, self.authorisations, self.selection)
        )

    def not_installed(self) -> tuple[Requirement, ...]:
        """The rows whose optional plugin is not installed."""
        return tuple(each for each in self.requirements() if lacks_plugin(each, self.registry))

    def kept(self) -> tuple[Requirement, ...]:
        """The rows that are asked this time."""
        beyond = set(self.beyond())
        return tuple(
            each for each in self.requirements() if each.id not in beyond and self.selection.keeps(each, self.registry)
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job with its plan drawn: names are resolved, nothing else was sent."""

    job: Job
    plan: Plan
    planner: Planner
    ledger: tuple[LedgerEntry, ...]


def planner_of(job: Job, scope: Scope, at: datetime) -> Planner:
    kept = job.kept()
    checks = checks_of(kept, job.registry)
    validate_options(kept, job.registry)
    probes = probes_of(checks.values(), job.registry)
    options = {name: scan_options(probe, kept) for name, probe in probes.items()}
    return Planner(job.system, job.registry, probes, options, scope, at)


async def prepare(job: Job) -> Prepared:
    """Resolve the names and draw the plan. Raises UsageError."""
    job.selection.known(job.registry, job.requirements())
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl")
        pins: Sequence[PinnedHost] = await resolve_and_pin(hosts_of(job.system, job.registry), job.settings, ledger)
        entries = tuple(ledger.entries())
    at = now()
    scope = Scope(job.authorisations, job.system, pins)
    planner = planner_of(job, scope, at)
    return Prepared(job, make_plan(planner, pins, job.selection), planner, entries)


def permitted(prepared: Prepared) -> None:
    """Raise InputFileError for declared endpoints that no authorisation covers now, WindowTooShort for a plan too
    long.
    """
    source_map = prepared.job.source_map
    diagnostics = [
        diagnostic_at(
            source_map.endpoint(prepared.job.system.id, endpoint),
            f"endpoint {endpoint} of system {prepared.job.system.id!r} may not be asked: {task.detail}",
            "have it covered by an authorisation, or leave it out of this run; 'inspector plan' shows what is covered",
            source=endpoint,
        )
        for endpoint, task in sorted(refused_endpoints(prepared.plan).items())
    ]
    if diagnostics:
        raise InputFileError(diagnostics)
    check_window(prepared.plan, prepared.planner.scope, prepared.planner.at, source_map)
