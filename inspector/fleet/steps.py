"""The steps of an inspection that compute, in this process for one system, in worker processes for several."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from inspector.collect.collector import TaskKey
from inspector.fleet import jobs
from inspector.fleet.jobs import Common, FinishJob, KeptJob, ProvisionalJob, Tasks, result_of
from inspector.model.base import Model
from inspector.model.errors import InspectorError, ScanFailure
from inspector.model.formatted import FormattedMessage
from inspector.network import run_isolated
from inspector.network.sandbox.jobs import StuckCall
from inspector.network.sandbox.pool import kill_pool
from inspector.pipeline.capture import COMPLETE
from inspector.pipeline.context import RunContext
from inspector.pipeline.pipeline import Steps, StepsHere
from inspector.pipeline.prepare import PlannedInspection
from inspector.pipeline.request import ReportOptions
from inspector.registry.registry import Registry
from inspector.seal import CaptureWriter

_log = logging.getLogger(__name__)

#: Seconds after which a job is killed, and after which one check or report format is: each has a shorter limit of its
#: own, and is interrupted then, but code in C, and code that catches whatever interrupts it, goes on.
JOB_SECONDS = 600.0
CALL_SECONDS = 30.0
#: Bound of the address space of a worker: plugins, and all evidence of one system at a time.
_MEMORY_BYTES = 4 << 30
#: How many jobs a worker may have before the next system goes to another one: starting that costs as much as some jobs.
_JOBS_PER_WORKER = 4


class RunSteps(Steps[bytes], Protocol):
    """The steps of a system of a run, which give what is kept of it."""

    async def kept(self, folder: Path, as_of: datetime, reports: ReportOptions) -> bytes:
        """What is kept of a system that was finished before."""


class InThisProcess(RunSteps):
    """For one system."""

    def __init__(self, run: RunContext, common: Common) -> None:
        self._run = run
        self._common = common
        self._here = StepsHere()

    async def failing(
        self, writer: CaptureWriter, planned: PlannedInspection, registry: Registry
    ) -> Mapping[TaskKey, tuple[str, ...] | None]:
        """What a provisional assessment of the evidence so far gives."""
        return await self._here.failing(writer, planned, registry)

    async def finish(
        self, writer: CaptureWriter, planned: PlannedInspection, context: RunContext, *, reason: str = COMPLETE
    ) -> bytes:
        """Seal, assess and report."""
        return jobs.summary_of(await self._here.finish(writer, planned, context, reason=reason), self._common)

    async def kept(self, folder: Path, as_of: datetime, reports: ReportOptions) -> bytes:
        """What is kept of a system that was finished before."""
        return jobs.summary_of(await jobs.assessed(folder, self._run, as_of, reports), self._common)


class InWorkers(RunSteps):
    """For several systems: a few processes that end with this one, and are killed when a plugin does not end there.

    All jobs about one system run in the same worker, where what the first one read and found is there for the next.
    """

    def __init__(self, common: Common) -> None:
        self._context = common.canonical()
        #: How many jobs each worker has, with those that wait for it.
        self._jobs = [0] * (os.cpu_count() or 1)
        self._workers: dict[Path, int] = {}

    async def failing(
        self, writer: CaptureWriter, planned: PlannedInspection, registry: Registry
    ) -> Mapping[TaskKey, tuple[str, ...] | None]:
        """What a provisional assessment of the evidence so far gives."""
        del registry  # the worker has its own
        job = ProvisionalJob(
            folder=str(writer.folder),
            as_of=planned.request.as_of,
            evidence=tuple(known for known, _ in writer.evidence()),
        )
        worker = self._workers[writer.folder] = self._least_busy()
        answer = await self._run(jobs.provisional, job, planned.request.system.id, worker)
        return {each.key: each.parts for each in Tasks.parse(answer).tasks}

    async def finish(
        self, writer: CaptureWriter, planned: PlannedInspection, context: RunContext, *, reason: str = COMPLETE
    ) -> bytes:
        """Leave the capture to a worker, which seals it."""
        del context
        request = planned.request
        writer.close()
        job = FinishJob(folder=str(writer.folder), as_of=request.as_of, reports=request.reports, reason=reason)
        worker = self._workers.pop(writer.folder, None)
        summary = await self._run(jobs.finish, job, request.system.id, worker)
        _log.info("inspection finished", extra={"system": request.system.id, "path": writer.folder})
        return summary

    async def kept(self, folder: Path, as_of: datetime, reports: ReportOptions) -> bytes:
        """What is kept of a system that was finished before."""
        job = KeptJob(folder=str(folder), as_of=as_of, reports=reports)
        return await self._run(jobs.kept, job, folder.parent.name)

    def close(self) -> None:
        """End the workers, which have loaded what this run needs."""
        for worker in range(len(self._jobs)):
            kill_pool(_pool_of(worker))

    def _least_busy(self) -> int:
        """The first worker with few jobs, or else the one with the fewest."""
        few = (worker for worker, jobs in enumerate(self._jobs) if jobs < _JOBS_PER_WORKER)
        return next(few, self._jobs.index(min(self._jobs)))

    async def _run(
        self, function: Callable[[bytes, bytes], bytes], job: Model, system: str, worker: int | None = None
    ) -> bytes:
        """The result of a job. Raises InspectorError."""
        worker = self._least_busy() if worker is None else worker
        self._jobs[worker] += 1
        try:
            answer = await run_isolated(
                function,
                job.canonical(),
                timeout=JOB_SECONDS,
                memory_bytes=_MEMORY_BYTES,
                context=self._context,
                pool=_pool_of(worker),
                call_seconds=CALL_SECONDS,
                log_fields={"system": system},
            )
        except StuckCall as stuck:
            raise InspectorError(
                FormattedMessage(
                    "{system}: {what} did not end within {seconds} s, and its process was killed",
                    system=system,
                    what=stuck.what,
                    seconds=f"{stuck.seconds:g}",
                ),
                remedy=_REMEDY,
            ) from None
        except ScanFailure as failure:
            _log.debug("a job failed", extra={"system": system, "detail": failure.message})
            raise InspectorError(
                FormattedMessage(
                    "{system}: it cannot be assessed: {reason}", system=system, reason=_last_line(failure)
                ),
                remedy=_REMEDY,
            ) from None
        finally:
            self._jobs[worker] -= 1
        return result_of(answer)


def _pool_of(worker: int) -> str:
    return f"assessment {worker}"


def _last_line(failure: ScanFailure) -> str:
    """What an error in another process says, without where it was raised."""
    return next((line for line in reversed(failure.message.splitlines()) if line.strip()), "")


_REMEDY = "what was collected is kept; repair or remove the plugin, and continue with 'inspector run --resume'"
