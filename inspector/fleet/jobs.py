"""The steps of an inspection that compute, as jobs of worker processes: what is sent to one, and what runs there.

A worker loads the plugins once. What is sent between the processes is JSON, never code: a worker runs the checks and
report formats of plugins over what servers sent.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from pkgutil import resolve_name

from inspector.assess.assessor import Reached, tasks_to_confirm
from inspector.declare.settings import Settings
from inspector.fleet.gc_tuning import COLLECT_AFTER, reduce_gc
from inspector.model.base import Instant, Model, canonical
from inspector.model.errors import BundleError, InspectorError, UsageError
from inspector.model.formatted import FormattedMessage, packed, unpacked
from inspector.model.observation import Evidence
from inspector.network.sandbox import worker
from inspector.pipeline.capture import COMPLETE, planned_as_captured, reopen_capture
from inspector.pipeline.context import RunContext
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.pipeline import StepsHere, assessment_input
from inspector.pipeline.reporting import WrittenAssessment, view
from inspector.pipeline.request import ReportOptions
from inspector.plugin import time_limits
from inspector.record.inspection import PluginRecord
from inspector.registry.lock import pinned, records_of
from inspector.registry.registry import Registry, installed
from inspector.report.view import View
from inspector.seal import Bundle, recorded_in
from inspector.seal.layout import ASSESSMENTS, REPORTS

#: What is kept of an assessment: an importable function of it and of the caller's options.
Summarise = Callable[[WrittenAssessment, bytes], bytes]
#: What reports are told of the findings: an importable function of the view and of the caller's options.
Mark = Callable[[View, bytes], View]


class Common(Model):
    """What all jobs of a run have in common. ``summarise`` and ``mark`` name functions (``module:name``)."""

    settings: Settings
    is_decided: bool
    plugins: tuple[PluginRecord, ...]
    summarise: str
    options: bytes
    mark: str


class ProvisionalJob(Model):
    """Which scans are to be confirmed, from the evidence so far, which the capture holds under these digests."""

    folder: str
    as_of: Instant
    evidence: tuple[str, ...]


class FinishJob(Model):
    """Seal this capture, assess it and write its reports."""

    folder: str
    as_of: Instant
    reports: ReportOptions
    reason: str = COMPLETE


class KeptJob(Model):
    """What is kept of the newest assessment of a bundle, which is assessed first where it has none."""

    folder: str
    as_of: Instant
    reports: ReportOptions


class Task(Model):
    """A scan task to be confirmed, by its key, and the parts of the observation that are needed (None: all)."""

    key: tuple[str, str, str, str]
    parts: tuple[str, ...] | None


class Tasks(Model):
    """The scan tasks to be confirmed."""

    tasks: tuple[Task, ...]


# --- What runs in the worker process ----------------------------------------------------------------------------------

#: What provisional assessments in this process read and reached, by folder, for the last one if it is made here, too.
_known: dict[str, tuple[Mapping[str, Evidence], Reached]] = {}
_MOST_KNOWN = 64
#: Counts the systems that were finished in this process.
_numbers = count(1)


@lru_cache(maxsize=1)
def _loaded(context: bytes) -> tuple[RunContext, Common]:
    """What the run works with, loaded once for a worker. Raises UsageError where the plugins are others."""
    time_limits.tell = worker.tell
    common = Common.parse(context)
    registry = _registry(common)
    mark: Mark = resolve_name(common.mark)
    reduce_gc()
    context_of_run = RunContext(registry, common.settings, tables=None, mark=lambda made: mark(made, common.options))
    return context_of_run, common


def _registry(common: Common) -> Registry:
    registry = pinned(common.settings.plugins_lock) if common.is_decided else installed()
    if {each.name for each in records_of(registry)} != {each.name for each in common.plugins}:
        raise UsageError(
            "the plugins changed while the run was going on", remedy="continue it when no plugin is being installed"
        )
    return registry


def provisional(payload: bytes, context: bytes) -> bytes:
    """The answer to a ProvisionalJob: Tasks."""
    return _answered(partial(_provisional, payload, context))


def _provisional(payload: bytes, context: bytes) -> bytes:
    run, _ = _loaded(context)
    job = ProvisionalJob.parse(payload)
    captured, evidence = recorded_in(Path(job.folder))
    if tuple(known for known, _ in evidence) != job.evidence:
        raise BundleError(FormattedMessage("{folder}: does not hold what was recorded", folder=job.folder))
    planned, run = planned_as_captured(captured, run, job.as_of)
    given = assessment_input(planned, run.registry, captured, evidence)
    failing = tasks_to_confirm(given)
    _known[job.folder] = dict(evidence), given.reached
    while len(_known) > _MOST_KNOWN:
        del _known[next(iter(_known))]
    return Tasks(tasks=tuple(Task(key=key, parts=parts) for key, parts in failing.items())).canonical()


def finish(payload: bytes, context: bytes) -> bytes:
    """The answer to a FinishJob: what is kept of the assessment."""
    return _answered(partial(_finish, payload, context))


def _finish(payload: bytes, context: bytes) -> bytes:
    run, common = _loaded(context)
    if next(_numbers) % COLLECT_AFTER == 0:
        gc.collect()
    job = FinishJob.parse(payload)
    parsed, reached = _known.pop(job.folder, ({}, None))
    writer, planned, run = reopen_capture(Path(job.folder), run, job.as_of, job.reports, parsed=parsed)
    with writer:
        steps = StepsHere(reached, signs_index=False)
        written = run_async(steps.finish(writer, planned, run, reason=job.reason))
    return summary_of(written, common)


def kept(payload: bytes, context: bytes) -> bytes:
    """The answer to a KeptJob: what is kept of the assessment."""
    return _answered(partial(_kept, payload, context))


def _kept(payload: bytes, context: bytes) -> bytes:
    run, common = _loaded(context)
    job = KeptJob.parse(payload)
    return summary_of(run_async(assessed(Path(job.folder), run, job.as_of, job.reports)), common)


async def assessed(folder: Path, run: RunContext, as_of: Instant, reports: ReportOptions) -> WrittenAssessment:
    """The assessment that a run at this date made of a sealed bundle, or else its newest one; made where there is none.

    The run's own is the first one of its date and regime: others of that date are under a level or statements that were
    given later. Raises InspectorError.
    """
    bundle = Bundle.open(folder)
    found = bundle.assessments()
    if not found:
        return await StepsHere(signs_index=False).assess(bundle, run, as_of, reports)
    regime = bundle.inspection.regime.id
    own = [each for each in found if (each.assessment.as_of, each.assessment.regime) == (as_of, regime)]
    chosen = own[0] if own else found[-1]
    made = run.mark(view(bundle, chosen.assessment, run.registry, reports.record))
    return WrittenAssessment(made, bundle.folder / ASSESSMENTS / chosen.name, _reports(bundle, chosen.name))


def _reports(bundle: Bundle, assessment: str) -> dict[str, Path]:
    """The reports of an assessment that there are, by name: in the bundle, or else beside it."""
    inside = bundle.folder / ASSESSMENTS / assessment / REPORTS
    if inside.is_dir():
        return {each.name: each for each in sorted(inside.iterdir())}
    prefix = f"{assessment}."
    beside = sorted(each for each in bundle.folder.parent.iterdir() if each.name.startswith(prefix))
    return {each.name.removeprefix(prefix): each for each in beside if each.is_file()}


def summary_of(written: WrittenAssessment, common: Common) -> bytes:
    """What is kept of an assessment."""
    summarise: Summarise = resolve_name(common.summarise)
    return summarise(written, common.options)


# --- Errors between the processes -------------------------------------------------------------------------------------

_RESULT, _ERROR = b"+", b"-"


def _answered(work: Callable[[], bytes]) -> bytes:
    """The result of a job, or the error of which a person can be told."""
    try:
        return _RESULT + work()
    except InspectorError as error:
        kind = "bundle" if isinstance(error, BundleError) else "usage" if isinstance(error, UsageError) else ""
        told = {"kind": kind, "message": packed(error.message), "remedy": packed(error.remedy)}
        return _ERROR + canonical(told)


_KINDS: Mapping[str, type[InspectorError]] = {"bundle": BundleError, "usage": UsageError}


def result_of(answer: bytes) -> bytes:
    """The result in the answer to a job; raises the error in it."""
    import json

    if answer[:1] == _RESULT:
        return answer[1:]
    told = json.loads(answer[1:])
    raise _KINDS.get(told["kind"], InspectorError)(unpacked(told["message"]), remedy=unpacked(told["remedy"]))
