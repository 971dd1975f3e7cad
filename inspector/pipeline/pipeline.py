"""One system, start to end: plan → collect → provisional assess → confirmation scan → seal → assess."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inspector import __version__
from inspector.assess.assessor import Given, Verdicts, worth_a_second_look
from inspector.collect.collector import Collector, Progress
from inspector.declare.document import SourceMap
from inspector.declare.settings import Settings
from inspector.model.base import Cause, now
from inspector.model.observation import Evidence, FailureNote
from inspector.network import Gateway, Ledger, Scope
from inspector.pipeline.prepare import Job, Prepared, planner_of
from inspector.pipeline.system_filter import Part
from inspector.pipeline.trust import load_trust, trust_of
from inspector.plan.planner import (
    TASKS_PER_SCAN,
    Planner,
)
from inspector.plan.selection import Selection
from inspector.plugin.probe import Probe
from inspector.record.inspection import Inspection
from inspector.record.plan import ScanTask
from inspector.regime.regime import changes
from inspector.registry.lock import records_of
from inspector.registry.registry import Registry
from inspector.seal import Bundle, CaptureWriter, SigningKey

#: Distributions whose versions a capture records.
TOOLS = ("cryptography", "dnspython", "httpx", "sslyze", "python-nmap", "pydantic")


#: The reason of a seal after which nothing is left to ask.
COMPLETE = "complete"


def _tools() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _recorded(settings: Settings) -> dict[str, Any]:
    """Settings as they are recorded: without paths of keys."""
    return settings.model_dump(mode="json", exclude={"signing_key", "trust_roots", "public_roots", "output"})


def begin(prepared: Prepared) -> CaptureWriter:
    """Open the capture: everything that was decided before the first packet to a target."""
    job = prepared.job
    material = load_trust(job.settings)
    part = Part(job.system, job.others, job.registry.schemes)
    inspection = Inspection(
        id=f"{now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        run=job.run,
        begun=now(),
        inspector_version=__version__,
        organisation=job.organisation,
        system=job.system,
        endpoint_locations=job.source_map.endpoints(job.system.id),
        authorisations=part.authorisations(job.authorisations, prepared.plan.pins),
        statements=part.statements(job.statements, job.requirements()),
        vantage=job.settings.vantage,
        contact=job.settings.contact,
        settings=_recorded(job.settings),
        regime=job.regime,
        overlays=tuple(sorted({each.overlay for each in job.requirements() if each.overlay})),
        next_regime=job.next_regime,
        plan=prepared.plan,
        plugins=records_of(job.registry),
        tools=_tools(),
        trust={name: hashlib.sha256(data).hexdigest() for name, data in material.items()},
    )
    writer = CaptureWriter.create(job.settings.output, inspection, trust=material)
    ledger = Ledger(writer.ledger_path)
    for entry in prepared.ledger:
        ledger.write(entry)
    return writer


async def collect(writer: CaptureWriter, job: Job, planner: Planner) -> Verdicts:
    """Collect what is missing, and look again at whatever fails at first sight; gives the verdicts reached so far."""
    inspection = writer.inspection
    planner = replace(planner, scope=Scope(inspection.authorisations, inspection.system, inspection.plan.pins))
    ledger = Ledger(writer.ledger_path)
    gateway = Gateway(job.settings, planner.scope, ledger, salt=writer.salt, run=inspection.run)
    within = inspection.plan.within_seconds
    async with gateway:
        collector = Collector(
            inspection=inspection,
            registry=job.registry,
            settings=job.settings,
            gateway=gateway,
            ledger=ledger,
            writer=writer,
            planner=planner,
            trust=trust_of({name: writer.trust(name) for name in inspection.trust}),
            progress=job.progress,
            stop_at=None if within is None else time.monotonic() + within,
        )
        await collector.collect(inspection.plan.tasks)
        given = _given(job, inspection, writer.evidence())
        await collector.confirm(worth_a_second_look(given))
    return given.verdicts


def _given(job: Job, inspection: Inspection, evidence: Sequence[tuple[str, Evidence]]) -> Given:
    return Given(
        inspection=inspection,
        registry=job.registry,
        regime=job.regime,
        requirements=job.requirements(),
        evidence=evidence,
        as_of=job.as_of,
        statements=job.statements,
        selection=job.selection,
        overlays=inspection.overlays,
        changes=changes(job.regime, job.next_regime, job.system) if job.next_regime else (),
    )


def resumed(
    folder: Path,
    settings: Settings,
    registry: Registry,
    as_of: datetime,
    progress: Callable[[Progress], None] = lambda _step: None,
) -> tuple[CaptureWriter, Job, Planner]:
    """An interrupted inspection with everything needed to go on: its own documents, rules and plan."""
    writer = CaptureWriter.resume(folder)
    inspection = writer.inspection
    plan = inspection.plan
    selection = Selection.recorded(plan)
    job = Job(
        run=inspection.run,
        system=inspection.system,
        organisation=inspection.organisation,
        authorisations=inspection.authorisations,
        settings=settings,
        registry=registry,
        regime=inspection.regime,
        next_regime=inspection.next_regime,
        as_of=as_of,
        statements=inspection.statements,
        selection=selection,
        source_map=SourceMap.of_endpoints(inspection.system.id, inspection.endpoint_locations),
        progress=progress,
    )
    scope = Scope(inspection.authorisations, inspection.system, plan.pins)
    return writer, job, planner_of(job, scope, now())


def close(writer: CaptureWriter, planner: Planner, key: SigningKey, *, reason: str = COMPLETE) -> Bundle:
    """Seal the capture; asks without an answer are recorded as aborted, so that nobody reads silence as a pass.

    Before it is complete, that goes for every subject that a scan brought to light, too: at which other addresses it
    was to be asked is not known any more.
    """
    tasks = {task.key: task for task in writer.inspection.plan.tasks}
    pins = {each.name: each for each in writer.inspection.plan.pins}
    done = {
        (evidence.probe, *evidence.subject.key): evidence for _, evidence in writer.evidence() if evidence.scan == 1
    }
    for key_of, evidence in done.items():
        by = ScanTask(probe=evidence.probe, subject=evidence.subject, endpoint=evidence.endpoint)
        tasks.setdefault(key_of, by)
        for index, found in enumerate(evidence.discovered):
            at = None if index >= TASKS_PER_SCAN else pins.get(urlsplit(found.uri).hostname or "")
            for task in planner.discovered(found, by, at, asked=at is not None):
                tasks.setdefault(task.key, task)
    answered = {(probe, uri) for probe, _, uri, _ in done}
    for task in tasks.values():
        known = reason == COMPLETE and (task.probe, task.subject.uri) in answered
        if task.key not in done and (task.subject.address or not known):
            writer.record(_unanswered(task, planner.probes[task.probe], writer.inspection.vantage.name))
    return writer.seal(key, ended=now(), reason=reason)


def _unanswered(task: ScanTask, probe: Probe, vantage: str) -> Evidence:
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
        failure=FailureNote(cause=Cause.ABORTED, detail="the inspection was closed before this scan"),
    )
