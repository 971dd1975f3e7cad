"""One system from its request to its reports: prepare → collect → confirm → seal → assess → report.

``inspection`` is the whole pipeline, ``resumption`` its last steps on a capture that was interrupted; any number of
them run in one event loop (``inspector.fleet``). ``inspect_system`` and ``resume_inspection`` run one, in a loop of its
own, and return when the reports are written.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from inspector.assess.assessor import AssessmentInput, Reached, tasks_to_confirm
from inspector.collect.collector import Collector, Progress, TaskKey
from inspector.collect.control import InspectionControl
from inspector.collect.shared_scans import SharedScans
from inspector.declare.authorisation import Authorisation
from inspector.model.errors import InspectorError
from inspector.model.observation import Evidence
from inspector.network import Gateway, Ledger, Scope, SharedPins
from inspector.pipeline.attempts import AttemptLog
from inspector.pipeline.capture import COMPLETE, open_capture, reopen_capture, seal_capture
from inspector.pipeline.context import RunContext
from inspector.pipeline.event_loop import in_thread, run_async
from inspector.pipeline.prepare import PlannedInspection, check_permitted, check_still_permitted, prepare
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.reporting import WrittenAssessment, write_assessment
from inspector.pipeline.request import InspectionRequest, ReportOptions
from inspector.pipeline.trust import roots_of, trust_of
from inspector.plugin.interrupts import interrupting_at_once
from inspector.record.inspection import Inspection
from inspector.registry.lock import check_unchanged
from inspector.registry.registry import Registry
from inspector.seal import Bundle, CaptureWriter, RunIndex, SigningKey

_log = logging.getLogger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: Called with each step of the collection.
OnProgress = Callable[[Progress], None]

#: The reason of a seal without the scans that were still to come.
INCOMPLETE = "closed before it was complete"


def _ignore(_step: object) -> None:
    """Show nothing."""


class Steps(Protocol[T_co]):
    """The steps of an inspection that compute rather than wait: in this process, or in another one."""

    async def failing(
        self, writer: CaptureWriter, planned: PlannedInspection, registry: Registry
    ) -> Mapping[TaskKey, tuple[str, ...] | None]:
        """The scan tasks that failing verdicts depend on, with the parts of the observation that these need."""

    async def finish(
        self, writer: CaptureWriter, planned: PlannedInspection, context: RunContext, *, reason: str = COMPLETE
    ) -> T_co:
        """Seal the capture, assess it, write its reports, and give what is kept of them."""


class StepsHere:
    """The steps of one inspection in this process; verdicts are reached once, and not those in ``reached`` again.

    ``signs_index``: the index of the run is signed with each step. Its cost grows with the run, so that a run over
    many systems signs it by the clock instead.
    """

    def __init__(self, reached: Reached | None = None, *, signs_index: bool = True) -> None:
        self._reached = reached
        self._signs_index = signs_index

    async def failing(
        self, writer: CaptureWriter, planned: PlannedInspection, registry: Registry
    ) -> Mapping[TaskKey, tuple[str, ...] | None]:
        """What a provisional assessment of the evidence so far gives."""
        given = assessment_input(planned, registry, writer.inspection, writer.evidence())
        self._reached = given.reached
        return tasks_to_confirm(given)

    async def finish(
        self, writer: CaptureWriter, planned: PlannedInspection, context: RunContext, *, reason: str = COMPLETE
    ) -> WrittenAssessment:
        """Each step is recorded in the index of the run."""
        request = planned.request
        key = SigningKey.load_or_create(context.settings.signing_key)
        with interrupting_at_once():
            bundle = seal_capture(writer, planned.planner, key, reason=reason)
            # Signed, and on the disk, with the next step: what is sealed is found without the index.
            _attempt_of(writer.folder, request.system.id).record_sealed(bundle, None, is_synced=False)
            return await self.assess(bundle, context, request.as_of, request.reports)

    async def assess(
        self, bundle: Bundle, context: RunContext, as_of: datetime, reports: ReportOptions
    ) -> WrittenAssessment:
        """Assess a sealed capture and write its reports."""
        key = SigningKey.load_or_create(context.settings.signing_key)
        options = AssessmentOptions(as_of=as_of, reached=self._reached)
        assessment = await assess_bundle(bundle, context.registry, options)
        written = write_assessment(bundle, assessment, context.registry, reports, key, context.mark)
        attempt = _attempt_of(bundle.folder, bundle.inspection.system.id)
        attempt.record_sealed(bundle, key if self._signs_index else None, written.folder.name)
        return written


def _attempt_of(folder: Path, system: str) -> AttemptLog:
    """The log of the attempt in the folder of an inspection."""
    run = folder.resolve().parents[1]
    return AttemptLog(RunIndex(run.parent, run.name), system)


def inspect_system(
    request: InspectionRequest, context: RunContext, progress: OnProgress = _ignore
) -> WrittenAssessment:
    """Inspect one system. Raises InspectorError; what a target does is never an error."""
    return run_async(inspection(request, context, StepsHere(), progress))


def resume_inspection(
    folder: Path,
    context: RunContext,
    progress: OnProgress = _ignore,
    *,
    as_of: datetime,
    reports: ReportOptions = ReportOptions(),  # noqa: B008  (frozen)
    collecting: bool = True,
    authorisations: Sequence[Authorisation] = (),
) -> WrittenAssessment:
    """Finish an interrupted inspection; without ``collecting`` what was not scanned is recorded as aborted.

    ``authorisations`` narrow those that it began with: what is sent falls under both.
    Raises InspectorError, also where collecting is not permitted any more.
    """
    return run_async(
        resumption(
            folder,
            context,
            StepsHere(),
            progress,
            as_of=as_of,
            reports=reports,
            collecting=collecting,
            authorisations=authorisations,
        )
    )


async def inspection(
    request: InspectionRequest,
    context: RunContext,
    steps: Steps[T],
    progress: OnProgress = _ignore,
    planned: Callable[[PlannedInspection], None] = _ignore,
    *,
    shared: SharedScans | None = None,
    pins: SharedPins | None = None,
    control: InspectionControl | None = None,
) -> T:
    """Inspect one system in the running event loop, beside any number of others. Raises InspectorError.

    ``planned`` is called with the plan, before the first packet to a target. ``shared`` and ``pins`` are what the
    inspections of the run have in common; ``control`` stops this one.
    """
    control = control or InspectionControl()
    attempt = AttemptLog(RunIndex(context.settings.output, request.run), request.system.id)
    with attempt.failure():
        await in_thread(partial(SigningKey.load_or_create, context.settings.signing_key))
        made = await prepare(request, context, pins)
        check_permitted(made)
        control.check()
        planned(made)
        writer = await in_thread(partial(open_capture, made, context), undo=CaptureWriter.close)
    with writer:
        return await _rest(writer, made, context, steps, progress, shared, control)


async def resumption(
    folder: Path,
    context: RunContext,
    steps: Steps[T],
    progress: OnProgress = _ignore,
    planned: Callable[[PlannedInspection], None] = _ignore,
    *,
    as_of: datetime,
    reports: ReportOptions = ReportOptions(),  # noqa: B008  (frozen)
    collecting: bool = True,
    authorisations: Sequence[Authorisation] = (),
    shared: SharedScans | None = None,
    control: InspectionControl | None = None,
) -> T:
    """Finish an interrupted inspection in the running event loop, as ``resume_inspection`` says."""
    control = control or InspectionControl()
    reopen = partial(reopen_capture, folder, context, as_of, reports, tuple(authorisations))
    writer, made, context = await in_thread(reopen, undo=lambda reopened: reopened[0].close())
    with writer:
        await in_thread(partial(check_unchanged, writer.inspection, context.registry))
        await in_thread(partial(SigningKey.load_or_create, context.settings.signing_key))
        if not collecting:
            return await steps.finish(writer, made, context, reason=INCOMPLETE)
        check_still_permitted(made)
        control.check()
        planned(made)
        return await _rest(writer, made, context, steps, progress, shared, control)


async def _rest(
    writer: CaptureWriter,
    planned: PlannedInspection,
    context: RunContext,
    steps: Steps[T],
    progress: OnProgress,
    shared: SharedScans | None,
    control: InspectionControl,
) -> T:
    """Collect, confirm and finish."""
    attempt = _attempt_of(writer.folder, planned.request.system.id)
    async with attempt.collecting(writer.inspection):
        await collect_and_confirm(writer, planned, context, progress, steps, shared=shared, control=control)
        await in_thread(partial(check_unchanged, writer.inspection, context.registry))
    try:
        return await steps.finish(writer, planned, context)
    except InspectorError as error:
        unfinished = partial(attempt.record_unfinished, writer.folder, writer.inspection, error.message)
        await in_thread(unfinished)
        raise
    except asyncio.CancelledError:
        attempt.record_unfinished(writer.folder, writer.inspection, "interrupted while it was assessed")
        raise


async def collect_and_confirm(
    writer: CaptureWriter,
    planned: PlannedInspection,
    context: RunContext,
    progress: OnProgress = _ignore,
    steps: Steps[object] | None = None,
    *,
    shared: SharedScans | None = None,
    control: InspectionControl | None = None,
) -> None:
    """Run the scans that have no result yet, and scan again what a failing check depends on.

    ``shared`` are the scans of the run, where its inspections share an event loop. Raises InspectionStopped where
    ``control`` stops it.
    """
    control = control or InspectionControl()
    inspection = writer.inspection
    plan = inspection.plan
    scope = Scope(inspection.authorisations, inspection.system, plan.pins, planned.further)
    planner = replace(planned.planner, scope=scope)
    ledger = Ledger(writer.ledger_path)
    material = await in_thread(lambda: {name: writer.trust(name) for name in inspection.trust})
    trust = trust_of(material, inspection.tables)
    roots = roots_of(trust.public_roots, trust.declared_roots)
    gateway = Gateway(
        context.settings,
        planner.scope,
        ledger,
        salt=writer.salt,
        run=inspection.run,
        roots=roots,
        questions=shared.questions if shared is not None else None,
    )
    within = plan.selection.within_seconds
    async with gateway:
        collector = Collector(
            inspection=inspection.model_copy(update={"authorisations": scope.authorisations}),
            registry=context.registry,
            settings=context.settings,
            gateway=gateway,
            ledger=ledger,
            writer=writer,
            planner=planner,
            trust=trust,
            progress=progress,
            stop_at=None if within is None else time.monotonic() + within,
            shared=shared,
            control=control,
        )
        about = {"system": inspection.system.id, "inspection": inspection.id}
        _log.info("collecting", extra={**about, "count": len(plan.tasks)})
        try:
            with control.attached(gateway.abort):
                await collector.collect(plan.tasks)
                failing = await (steps or StepsHere()).failing(writer, planned, context.registry)
                _log.info("confirming", extra={**about, "count": len(failing)})
                await collector.confirm(failing)
        finally:
            collector.leave()


def assessment_input(
    planned: PlannedInspection,
    registry: Registry,
    inspection: Inspection,
    evidence: Sequence[tuple[str, Evidence]],
) -> AssessmentInput:
    """What a provisional assessment of this evidence depends on."""
    request = planned.request
    return AssessmentInput(
        inspection=inspection,
        registry=registry,
        regime=planned.regime,
        requirements=planned.requirements,
        evidence=evidence,
        as_of=request.as_of,
        statements=request.statements,
        selection=request.selection,
        overlays=inspection.overlays,
        tables=inspection.tables,
    )
