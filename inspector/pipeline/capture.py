"""The capture of one inspection: opened before the first packet, opened again after an interruption, sealed once."""

from __future__ import annotations

import hashlib
import logging
import platform
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.backends.openssl.backend import backend

from inspector import __version__
from inspector.declare.authorisation import Authorisation
from inspector.declare.settings import Settings
from inspector.model.base import Cause, now
from inspector.model.observation import Evidence, FailureNote
from inspector.network import Ledger, nmap_version
from inspector.pipeline.context import RunContext
from inspector.pipeline.prepare import PlannedInspection, planned_again
from inspector.pipeline.request import InspectionRequest, RegimeRef, ReportOptions
from inspector.pipeline.system_filter import at_own_addresses
from inspector.pipeline.trust import load_trust
from inspector.plan.planner import TASKS_PER_SCAN, Planner
from inspector.plugin.probe import Probe
from inspector.record.inspection import Inspection
from inspector.record.plan import ScanTask
from inspector.registry.lock import records_of
from inspector.seal import Bundle, CaptureWriter, SigningKey

_log = logging.getLogger(__name__)

#: Distributions whose versions a capture records.
TOOLS = ("cryptography", "dnspython", "httpx", "sslyze", "python-nmap", "pydantic")

#: The reason of a seal after which no planned scan is left.
COMPLETE = "complete"
#: The reason of a seal before which some of what was recorded was lost; ``incidents.jsonl`` names it.
LOST = "some records were lost"


@cache
def _tools(nmap_search_path: tuple[str, ...]) -> dict[str, str]:
    """The versions of everything by which servers are scanned: what a scan sees depends on them."""
    found = {"python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION}
    for name in TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found["cryptography-openssl"] = backend.openssl_version_text()
    nmap = nmap_version(nmap_search_path)
    return found if nmap is None else {**found, "nmap": nmap}


def _recorded(settings: Settings) -> dict[str, Any]:
    """Settings as they are recorded: without paths of keys."""
    local = {"signing_key", "trust_roots", "public_roots", "output", "rate_state", "logging"}
    return settings.model_dump(mode="json", exclude=local)


def open_capture(planned: PlannedInspection, context: RunContext) -> CaptureWriter:
    """Open the capture: everything that was decided before the first packet to a target."""
    request, settings = planned.request, context.settings
    assert context.tables is not None  # noqa: S101  (captures are opened where the tables were loaded)
    material = load_trust(settings)
    inspection = Inspection(
        id=f"{now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        run=request.run,
        begun=now(),
        inspector_version=__version__,
        organisation=request.organisation,
        system=request.system,
        endpoint_locations=request.endpoint_locations,
        authorisations=at_own_addresses(
            request.authorisations, request.system, planned.plan.pins, context.registry.schemes
        ),
        statements=request.statements,
        vantage=settings.vantage,
        contact=settings.contact,
        settings=_recorded(settings),
        regime=planned.regime,
        overlays=tuple(sorted({each.overlay for each in planned.requirements if each.overlay})),
        next_regime=planned.next_regime,
        plan=planned.plan,
        plugins=records_of(context.registry),
        tools=_tools(settings.nmap_search_path),
        trust={name: hashlib.sha256(data).hexdigest() for name, data in material.items()},
        tables=context.tables,
    )
    writer = CaptureWriter.create(settings.output, inspection, trust=material)
    ledger = Ledger(writer.ledger_path)
    for entry in planned.ledger:
        ledger.write(entry)
    _log.info("capture opened", extra={**_about(inspection), "path": writer.folder})
    return writer


def _about(inspection: Inspection) -> dict[str, str]:
    """The fields of a log line about an inspection."""
    return {"run": inspection.run, "system": inspection.system.id, "inspection": inspection.id}


def reopen_capture(
    folder: Path,
    context: RunContext,
    as_of: datetime,
    reports: ReportOptions = ReportOptions(),  # noqa: B008  (frozen)
    authorisations: tuple[Authorisation, ...] = (),
    *,
    parsed: Mapping[str, Evidence] = MappingProxyType({}),
) -> tuple[CaptureWriter, PlannedInspection, RunContext]:
    """Open an interrupted capture again, with the documents, regimes and plan that it began with.

    It keeps to ``authorisations`` as well, if there are any, and to those of earlier resumptions. The context comes
    back with the captured regimes. ``parsed`` is evidence by its digest, which need not be parsed again. Raises
    BundleError.
    """
    writer = CaptureWriter.resume(folder, parsed)
    writer.keep_to(authorisations)
    _log.info("capture reopened", extra={**_about(writer.inspection), "path": folder})
    planned, context = planned_as_captured(writer.inspection, context, as_of, reports, writer.further())
    return writer, planned, context


def planned_as_captured(
    inspection: Inspection,
    context: RunContext,
    as_of: datetime,
    reports: ReportOptions = ReportOptions(),  # noqa: B008  (frozen)
    further: tuple[tuple[Authorisation, ...], ...] = (),
) -> tuple[PlannedInspection, RunContext]:
    """The planned inspection that a capture records, and the context with its regimes."""
    regimes = [each for each in (inspection.regime, inspection.next_regime) if each is not None]
    request = InspectionRequest(
        run=inspection.run,
        system=inspection.system,
        organisation=inspection.organisation,
        authorisations=inspection.authorisations,
        statements=inspection.statements,
        regime=RegimeRef.of(inspection.regime),
        next_regime=RegimeRef.of(inspection.next_regime) if inspection.next_regime else None,
        as_of=as_of,
        selection=inspection.plan.selection,
        reports=reports,
        endpoint_locations=inspection.endpoint_locations,
    )
    context = replace(context, regimes=tuple(regimes))
    return planned_again(request, context, inspection.plan, further), context


def seal_capture(writer: CaptureWriter, planner: Planner, key: SigningKey, *, reason: str = COMPLETE) -> Bundle:
    """Seal the capture; scan tasks without a result are recorded as aborted, so that a missing one is never a pass.

    What was recorded since the capture was opened is read once more before, so that only what is whole is sealed.
    Unless ``reason`` is COMPLETE, every subject that a scan discovered counts as not scanned, too: at which other
    addresses it would have been scanned is not known any more.
    """
    if not writer.is_whole() and reason == COMPLETE:
        reason = LOST
    tasks = {task.key: task for task in writer.inspection.plan.tasks}
    pins = {each.name: each for each in writer.inspection.plan.pins}
    done = {
        (evidence.probe, *evidence.subject.key): evidence for _, evidence in writer.evidence() if evidence.scan == 1
    }
    for key_of, evidence in done.items():
        by = ScanTask(probe=evidence.probe, subject=evidence.subject, endpoint=evidence.endpoint)
        tasks.setdefault(key_of, by)
        for index, found in enumerate(evidence.discovered):
            at = None if index >= TASKS_PER_SCAN else pins.get(planner.host_of(found) or "")
            for task in planner.discovered(found, by, at, asked=at is not None):
                tasks.setdefault(task.key, task)
    answered = {(probe, uri) for probe, _, uri, _ in done}
    for task in tasks.values():
        known = reason == COMPLETE and (task.probe, task.subject.uri) in answered
        if task.key not in done and (task.subject.address or not known):
            detail = _CLOSED_OR_LOST if writer.lost else _CLOSED
            writer.record(_aborted(task, planner.probes[task.probe], writer.inspection.vantage.name, detail))
    bundle = writer.seal(key, ended=now(), reason=reason)
    _log.info("capture sealed", extra={**_about(writer.inspection), "count": len(done), "detail": reason})
    return bundle


_CLOSED = "the inspection was closed before this scan"
_CLOSED_OR_LOST = "the inspection was closed before this scan, or what it recorded was lost"


def _aborted(task: ScanTask, probe: Probe, vantage: str, detail: str) -> Evidence:
    instant = now()
    return Evidence(
        probe=probe.name,
        probe_version=probe.version,
        kind=probe.kind.kind,
        subject=task.subject,
        endpoint=task.endpoint,
        began=instant,
        ended=instant,
        vantage=vantage,
        authorisation=task.authorisation,
        options=task.options,
        failure=FailureNote(cause=Cause.ABORTED, detail=detail),
    )
