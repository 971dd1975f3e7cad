"""PLAN: a request becomes a planned inspection; only names are resolved."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from inspector.declare.authorisation import Authorisation, check_authorisations
from inspector.declare.document import diagnostic_at
from inspector.declare.settings import Settings
from inspector.model.base import Same, now
from inspector.model.errors import InputFileError, InspectorError, NotAuthorised, ScanFailure
from inspector.model.formatted import FormattedMessage
from inspector.model.intrusiveness import Intrusiveness
from inspector.network import Ledger, Scope, SharedPins, find_nmap, resolve_and_pin
from inspector.pipeline.context import RunContext
from inspector.pipeline.request import InspectionRequest
from inspector.plan.pace import check_window
from inspector.plan.planner import (
    Planner,
    checks_of,
    hosts_of,
    make_plan,
    needed_parts,
    probes_by_endpoint,
    probes_of,
    refused_endpoints,
    scan_options,
    validate_options,
)
from inspector.plan.selection import check_selection, lacks_plugin, rows_not_permitted, selects
from inspector.plugin.probe import ALL_PORTS, TOP_PORTS, Probe
from inspector.record.ledger_entry import LedgerEntry
from inspector.record.plan import PinnedHost, Plan, Selection
from inspector.regime.regime import Regime, Requirement, resolve
from inspector.registry.registry import Registry

_log = logging.getLogger(__name__)

#: Inspections that are prepared at the same time; most of the time they wait for resolvers.
PREPARED_AT_ONCE = 100

_LATER = "resume it from {instant} on, or close it with 'inspector seal'"
_NEVER = "close it with 'inspector seal'"


@dataclass(frozen=True, slots=True)
class PlannedInspection:
    """A request with its regime, the rows that hold for the system, and the plan; only names were resolved so far.

    ``not_permitted`` are the ids of selected rows that need scans which no authorisation permits, ``not_installed`` the
    rows whose optional plugin is missing. ``ledger`` contains the queries that resolved the names; ``further`` are the
    groups of authorisations that were given when it was resumed.
    """

    request: InspectionRequest
    regime: Regime
    next_regime: Regime | None
    requirements: tuple[Requirement, ...]
    not_permitted: tuple[str, ...]
    not_installed: tuple[Requirement, ...]
    planner: Planner
    plan: Plan
    ledger: tuple[LedgerEntry, ...] = ()
    further: tuple[tuple[Authorisation, ...], ...] = ()


async def prepare(
    request: InspectionRequest,
    context: RunContext,
    pins_of_run: SharedPins | None = None,
    *,
    at: datetime | None = None,
) -> PlannedInspection:
    """Resolve the names, or take the pins of the run, and make the plan. Raises UsageError.

    The plan is that of an inspection which begins at the instant ``at`` (None: now).
    """
    about = {"run": request.run, "system": request.system.id}
    _log.info("preparing", extra={**about, "regime": request.regime.id})
    rows = _rows(request, context)
    check_selection(request.selection, context.registry, rows)
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl")
        hosts = hosts_of(request.system, context.registry)
        pins: Sequence[PinnedHost] = (
            await resolve_and_pin(hosts, context.settings, ledger)
            if pins_of_run is None
            else await pins_of_run.pin(hosts, ledger)
        )
        entries = tuple(ledger.entries())
    for each in pins:
        resolved = {
            "subject": each.name,
            "count": len(each.addresses),
            "cause": each.failure,
            "detail": each.detail or None,
        }
        _log.info("name resolved", extra={**about, **resolved})
    scope = Scope(request.authorisations, request.system, pins)
    planner = _planner(request, rows, context, scope, at or now())
    plan = make_plan(planner, pins, request.selection)
    bounds = {"connections": plan.bounds.connections, "seconds": plan.bounds.seconds}
    _log.info("planned", extra={**about, "count": len(plan.tasks), **bounds})
    return _planned(request, context, planner, plan, entries)


@asynccontextmanager
async def pins_of_run(settings: Settings) -> AsyncIterator[SharedPins]:
    """The pins that the inspections of a run share within the body."""
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        yield SharedPins(settings, Ledger(Path(folder) / "ledger.jsonl"))


async def prepare_each(
    requests: Iterable[Callable[[], InspectionRequest]], context: RunContext
) -> AsyncIterator[PlannedInspection | InspectorError]:
    """The planned inspections of a run, in order, or why one cannot be planned; some are prepared at the same time."""

    async def one(request: Callable[[], InspectionRequest], pins: SharedPins) -> PlannedInspection | InspectorError:
        try:
            return await prepare(request(), context, pins)
        except InspectorError as error:
            return error

    waiting: deque[asyncio.Task[PlannedInspection | InspectorError]] = deque()
    async with pins_of_run(context.settings) as pins:
        try:
            for request in requests:
                waiting.append(asyncio.create_task(one(request, pins)))
                if len(waiting) >= PREPARED_AT_ONCE:
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()


def planned_again(
    request: InspectionRequest,
    context: RunContext,
    plan: Plan,
    further: tuple[tuple[Authorisation, ...], ...] = (),
) -> PlannedInspection:
    """An interrupted inspection with the plan that it began with, and ``further`` authorisations that it keeps to."""
    scope = Scope(request.authorisations, request.system, plan.pins, further)
    planner = _planner(request, _rows(request, context), context, scope, now())
    return replace(_planned(request, context, planner, plan), further=further)


def _rows(request: InspectionRequest, context: RunContext) -> tuple[Requirement, ...]:
    """The rows that hold for the system."""
    return resolve(context.regime(request.regime), request.system, as_of=request.as_of)


def _planned(
    request: InspectionRequest,
    context: RunContext,
    planner: Planner,
    plan: Plan,
    ledger: tuple[LedgerEntry, ...] = (),
) -> PlannedInspection:
    rows = _rows(request, context)
    return PlannedInspection(
        request=request,
        regime=context.regime(request.regime),
        next_regime=context.regime(request.next_regime) if request.next_regime else None,
        requirements=rows,
        not_permitted=_questions(request, rows, context.registry).not_permitted,
        not_installed=tuple(each for each in rows if lacks_plugin(each, context.registry)),
        planner=planner,
        plan=plan,
        ledger=ledger,
    )


@dataclass(frozen=True, slots=True)
class _Questions:
    """What rows ask: the ids of those that no authorisation permits, and probes and scan options of the others."""

    not_permitted: tuple[str, ...]
    probes: Mapping[str, Probe]
    options: Mapping[str, Mapping[str, Any]]


def _questions(request: InspectionRequest, rows: tuple[Requirement, ...], registry: Registry) -> _Questions:
    """What the rows ask under these authorisations. Raises UsageError."""
    granted = frozenset(each.intrusiveness for each in request.authorisations)
    return _questions_of(Same(rows), request.selection, granted, Same(registry))


@lru_cache(maxsize=128)
def _questions_of(
    known: Same[tuple[Requirement, ...]], selection: Selection, granted: frozenset[Intrusiveness], at: Same[Registry]
) -> _Questions:
    """The same for all systems whose rows are the same."""
    rows, registry = known.value, at.value
    selected = [each for each in rows if selects(selection, each, registry)]
    left_out = rows_not_permitted(selected, registry, granted, selection)
    kept = [each for each in selected if each.id not in left_out]
    checks = checks_of(kept, registry)
    validate_options(kept, registry)
    probes = probes_of(checks.values(), registry)
    options = {
        name: scan_options(probe, kept, needed_parts(probe, checks.values(), probes.values()))
        for name, probe in probes.items()
    }
    for name in options if selection.all_ports else ():
        if TOP_PORTS in options[name]:
            options[name] = {**options[name], TOP_PORTS: ALL_PORTS}
    return _Questions(tuple(each.id for each in selected if each.id in left_out), probes, options)


def _planner(
    request: InspectionRequest, rows: tuple[Requirement, ...], context: RunContext, scope: Scope, at: datetime
) -> Planner:
    asked = _questions(request, rows, context.registry)
    why = _why_no_sweeps(context.settings)
    ceilings = context.settings.ceilings
    by_endpoint = probes_by_endpoint(request.selection, request.system, rows, context.registry)
    return Planner(request.system, context.registry, asked.probes, asked.options, scope, at, ceilings, why, by_endpoint)


def _why_no_sweeps(settings: Settings) -> str:
    """Why ports cannot be scanned from here; empty where they can."""
    try:
        find_nmap(settings.nmap_search_path)
    except ScanFailure as failure:
        return failure.message
    return ""


def check_permitted(planned: PlannedInspection) -> None:
    """Raise InputFileError for declared endpoints that no authorisation covers now, WindowTooShort for a plan too
    long.
    """
    request = planned.request
    source_map = request.source_map()
    diagnostics = [
        diagnostic_at(
            source_map.endpoint(request.system.id, endpoint),
            FormattedMessage(
                "no authorisation covers endpoint {endpoint} of system {id} now: {detail}",
                endpoint=endpoint,
                id=repr(request.system.id),
                detail=task.detail,
            ),
            "have it covered by an authorisation, or leave it out of this run; 'inspector plan' shows what is covered",
            source=endpoint,
        )
        for endpoint, task in sorted(refused_endpoints(planned.plan).items())
    ]
    if diagnostics:
        raise InputFileError(diagnostics)
    check_window(planned.plan, planned.planner.scope, planned.planner.at, source_map)


def check_still_permitted(planned: PlannedInspection) -> None:
    """Raise InputFileError for an authorisation that has expired, NotAuthorised outside its hours."""
    scope, at = planned.planner.scope, planned.planner.at
    authorisations = (*planned.request.authorisations, *(each for group in planned.further for each in group))
    if diagnostics := check_authorisations(authorisations, at):
        raise InputFileError(diagnostics)
    if authorisations and scope.window_closes(at) is None:
        opens = scope.opens_next(at)
        raise NotAuthorised(
            "the authorised hours are over",
            remedy=FormattedMessage(_LATER, instant=opens.isoformat(timespec="minutes")) if opens else _NEVER,
        )
