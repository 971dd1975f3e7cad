"""One system from its request to its reports: prepare → collect → confirm → seal → assess → report.

``inspect_system`` is the whole pipeline; ``resume_inspection`` and ``seal_interrupted`` run its last steps on a capture
that was interrupted. Each runs its own event loop and returns when the reports are written.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from inspector.assess.assessor import AssessmentInput, Verdicts, tasks_to_confirm
from inspector.collect.collector import Collector, Progress
from inspector.declare.authorisation import Authorisation
from inspector.model.observation import Evidence
from inspector.network import Gateway, Ledger, Scope
from inspector.pipeline.attempts import AttemptLog
from inspector.pipeline.capture import open_capture, reopen_capture, seal_capture
from inspector.pipeline.context import RunContext
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.prepare import PlannedInspection, check_permitted, check_still_permitted, prepare
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.reporting import WrittenAssessment, write_assessment
from inspector.pipeline.request import InspectionRequest
from inspector.pipeline.trust import trust_of
from inspector.record.inspection import Inspection
from inspector.regime.regime import changes
from inspector.registry.lock import check_unchanged
from inspector.registry.registry import Registry
from inspector.seal import Bundle, CaptureWriter, RunIndex, SigningKey

_log = logging.getLogger(__name__)

#: Called with each step of the collection.
OnProgress = Callable[[Progress], None]

#: The reason of a seal without the scans that were still to come.
INCOMPLETE = "closed before it was complete"


def _ignore(_step: Progress) -> None:
    """Show no progress."""


def inspect_system(
    request: InspectionRequest, context: RunContext, progress: OnProgress = _ignore
) -> WrittenAssessment:
    """Inspect one system. Raises InspectorError; what a target does is never an error."""
    attempt = AttemptLog(RunIndex(context.settings.output, request.run), request.system.id)
    with attempt.failure():
        key = SigningKey.load_or_create(context.settings.signing_key)
        planned = run_async(prepare(request, context))
        check_permitted(planned)
        writer = open_capture(planned, context)
    with writer:
        with attempt.collecting(writer.inspection):
            verdicts = run_async(collect_and_confirm(writer, planned, context, progress))
            check_unchanged(writer.inspection, context.registry)
        bundle = seal_capture(writer, planned.planner, key)
        attempt.record_sealed(bundle, key)
        written = _assess_and_report(bundle, request, context, key, verdicts)
        attempt.record_sealed(bundle, key, written.folder.name)
        return written


def resume_inspection(
    folder: Path,
    context: RunContext,
    progress: OnProgress = _ignore,
    *,
    as_of: datetime,
    formats: Sequence[str] = (),
    keep_reports: bool = False,
    collecting: bool = True,
    authorisations: Sequence[Authorisation] = (),
) -> WrittenAssessment:
    """Finish an interrupted inspection; without ``collecting`` what was not scanned is recorded as aborted.

    ``authorisations`` narrow those that it began with: what is sent falls under both.
    Raises InspectorError, also where collecting is not permitted any more.
    """
    writer, planned, context = reopen_capture(
        folder, context, as_of, tuple(formats), tuple(authorisations), keep_reports=keep_reports
    )
    with writer:
        attempt = AttemptLog(RunIndex(folder.resolve().parents[2], planned.request.run), planned.request.system.id)
        key = SigningKey.load_or_create(context.settings.signing_key)
        verdicts: Verdicts = {}
        check_unchanged(writer.inspection, context.registry)
        if collecting:
            check_still_permitted(planned)
            with attempt.collecting(writer.inspection):
                verdicts = run_async(collect_and_confirm(writer, planned, context, progress))
                check_unchanged(writer.inspection, context.registry)
            bundle = seal_capture(writer, planned.planner, key)
        else:
            bundle = seal_capture(writer, planned.planner, key, reason=INCOMPLETE)
        attempt.record_sealed(bundle, key)
        written = _assess_and_report(bundle, planned.request, context, key, verdicts)
        attempt.record_sealed(bundle, key, written.folder.name)
        return written


def _assess_and_report(
    bundle: Bundle, request: InspectionRequest, context: RunContext, key: SigningKey, verdicts: Verdicts
) -> WrittenAssessment:
    options = AssessmentOptions(as_of=request.as_of, verdicts=verdicts)
    assessment = run_async(assess_bundle(bundle, context.registry, options))
    return write_assessment(
        bundle,
        assessment,
        context.registry,
        request.formats,
        key,
        request.record,
        context.mark,
        keep_reports=request.keep_reports,
    )


async def collect_and_confirm(
    writer: CaptureWriter, planned: PlannedInspection, context: RunContext, progress: OnProgress = _ignore
) -> Verdicts:
    """Run the scans that have no result yet, and scan again what a failing check depends on.

    Gives the verdicts so far, for the assessment of the same evidence.
    """
    inspection = writer.inspection
    plan = inspection.plan
    scope = Scope(inspection.authorisations, inspection.system, plan.pins, planned.further)
    planner = replace(planned.planner, scope=scope)
    ledger = Ledger(writer.ledger_path)
    trust = trust_of({name: writer.trust(name) for name in inspection.trust})
    roots = trust.public_roots + b"\n" + trust.declared_roots
    gateway = Gateway(context.settings, planner.scope, ledger, salt=writer.salt, run=inspection.run, roots=roots)
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
        )
        about = {"system": inspection.system.id, "inspection": inspection.id}
        _log.info("collecting", extra={**about, "count": len(plan.tasks)})
        await collector.collect(plan.tasks)
        given = _assessment_input(planned, context.registry, inspection, writer.evidence())
        failing = tasks_to_confirm(given)
        _log.info("confirming", extra={**about, "count": len(failing)})
        await collector.confirm(failing)
    return given.verdicts


def _assessment_input(
    planned: PlannedInspection,
    registry: Registry,
    inspection: Inspection,
    evidence: Sequence[tuple[str, Evidence]],
) -> AssessmentInput:
    request, later = planned.request, planned.next_regime
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
        changes=changes(planned.regime, later, request.system) if later else (),
    )
