"""A run over many systems: one event loop, as many systems in flight as it carries, one after the other begun.

A system that fails, hangs or raises leaves the others alone. Only what the caller keeps of a system stays in memory.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from inspector.collect import collector
from inspector.collect.collector import Progress
from inspector.collect.shared_scans import SharedScans
from inspector.fleet import open_files
from inspector.fleet.admission import SystemAdmission
from inspector.fleet.gc_tuning import COLLECT_AFTER
from inspector.fleet.jobs import Common
from inspector.fleet.steps import InThisProcess, InWorkers, RunSteps
from inspector.model.base import now
from inspector.model.errors import BundleError, InspectorError
from inspector.model.escaping import storable
from inspector.model.formatted import FormattedMessage
from inspector.network import SharedPins
from inspector.network.pacing.shared import waiting_connections
from inspector.pipeline.attempts import AttemptLog
from inspector.pipeline.context import RunContext
from inspector.pipeline.event_loop import CANCELLED, in_thread, run_async
from inspector.pipeline.pipeline import inspection, resumption
from inspector.pipeline.prepare import PlannedInspection, pins_of_run
from inspector.pipeline.request import InspectionRequest
from inspector.plugin.containment import described
from inspector.plugin.interrupts import happened
from inspector.plugin.time_limits import responsive
from inspector.seal import Attempt, NotBegunError, RunIndex, SigningKey, State, inspection_of
from inspector.seal import atomic_files as disk
from inspector.seal.layout import CAPTURE, MANIFEST, REQUESTS

_log = logging.getLogger(__name__)

#: Threads that wait for the disk; more would hold the interpreter from the event loop.
_FILE_THREADS = 4
#: How often the state of the run is told (seconds).
_STATUS_SECONDS = 1.0
#: How often the index of a run over several systems is signed (seconds): that reads all of it.
_SIGN_SECONDS = 30.0

_BUG = "this is a bug in Inspector; run again with --log-level debug and report what it prints"


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """The state of a run: systems asked for, done (failed ones included), failed, in flight.

    ``waiting`` is the number of connections that wait for the rate of their address; ``seconds_left`` follows from the
    plans and from how long the finished ones took (None: none is finished yet).
    """

    asked: int
    done: int = 0
    failed: int = 0
    in_flight: int = 0
    waiting: int = 0
    seconds_left: float | None = None


class FleetListener:
    """What a run tells while it goes on; the methods do nothing until they are overridden."""

    def step(self, step: Progress) -> None:
        """A scan has ended."""

    def status(self, status: FleetStatus) -> None:
        """The state of the run, about once a second, and at its end."""

    def kept(self, summary: bytes) -> None:
        """A system is finished."""

    def failed(self, system: str, error: InspectorError) -> None:
        """A system could not be inspected, or not be finished."""


@dataclass(slots=True)
class _Estimate:
    """How long a run takes yet, from the plans of what was begun and from what became of them."""

    _begun: dict[str, tuple[float, float]] = field(default_factory=dict)
    _planned: float = 0.0
    _plans: int = 0
    _taken: float = 0.0
    _taken_of: float = 0.0

    def begin(self, system: str, seconds: float) -> None:
        self._begun[system] = time.monotonic(), seconds
        self._planned += seconds
        self._plans += 1

    def end(self, system: str) -> None:
        if system in self._begun:
            at, seconds = self._begun.pop(system)
            self._taken += time.monotonic() - at
            self._taken_of += seconds

    def seconds_left(self, to_begin: int, at_once: int) -> float | None:
        if not self._taken_of:  # plans tell what a system takes at most
            return None
        ratio = self._taken / self._taken_of
        now = time.monotonic()
        running = [max(0.0, seconds * ratio - (now - at)) for at, seconds in self._begun.values()]
        mean = ratio * self._planned / self._plans
        return max([*running, (sum(running) + to_begin * mean) / max(1, at_once)])


class Fleet:
    """One run over the systems that it was asked for; ``folder`` is the run's."""

    def __init__(
        self, folder: Path, context: RunContext, common: Common, systems: int, listener: FleetListener
    ) -> None:
        self._folder = folder
        self._context = context
        self._common = common
        self._listener = listener
        ceilings = context.settings.ceilings
        within = open_files.systems_within(open_files.raise_limit(), ceilings.connections) if systems > 1 else 1
        self._admission = SystemAdmission(min(ceilings.systems, within))
        self._in_workers = InWorkers(common) if systems > 1 else None
        self._shared = SharedScans()
        self._pins: SharedPins | None = None
        self._listed: dict[str, Attempt] = {}
        self._asked = systems
        self._begun = 0
        self._done = 0
        self._failed = 0
        self._estimate = _Estimate()
        self._waiting: asyncio.Task[object] | None = None
        self._ended_by: BaseException | None = None

    def run(self, requests: Iterable[InspectionRequest]) -> None:
        """Inspect all, and return when each is finished or has failed. Raises KeyboardInterrupt after an interrupt.

        While it runs no other process goes on with it: BundleError.
        """
        locked = disk.lock(self._folder / REQUESTS)
        try:
            attempts = RunIndex(self._folder.parent, self._folder.name).attempts()
            self._listed = {each.system: each for each in attempts if each.folder is not None}
            run_async(self._run(requests))
        finally:
            self._listener.status(self._status())
            self._sign()
            if self._in_workers is not None:
                self._in_workers.close()
            with suppress(OSError):  # a plugin may have closed it
                os.close(locked)

    def _sign(self) -> None:
        """Sign the index, with the states of those that were not finished."""
        index = RunIndex(self._folder.parent, self._folder.name)
        try:
            index.add_all((), SigningKey.load_or_create(self._context.settings.signing_key))
        except InspectorError as error:
            _log.warning("the index of the run is not signed", extra={"path": index.path, "detail": error.message})

    async def _run(self, requests: Iterable[InspectionRequest]) -> None:
        files = ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="asyncio_files")
        asyncio.get_running_loop().set_default_executor(files)
        tasks: set[asyncio.Task[None]] = set()
        self._waiting = asyncio.current_task()
        telling = asyncio.create_task(self._tell(), name="status")
        try:
            async with self._admission.measuring(), pins_of_run(self._context.settings) as self._pins:
                for request in requests:
                    await self._until(self._admission.admit)
                    self._begun += 1
                    task = asyncio.create_task(self._one(request), name=f"system {request.system.id}")
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    task.add_done_callback(self._end)
                while tasks:
                    await self._until(partial(asyncio.wait, tasks))
        finally:
            telling.cancel()
            for task in tasks:
                task.cancel()
            while tasks:
                await asyncio.wait(tasks)
            files.shutdown(wait=False)

    def _end(self, task: asyncio.Task[None]) -> None:
        """The task of a system has ended. What it did not handle itself is an interrupt, which ends the run."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._ended_by = error
            if self._waiting is not None:
                self._waiting.cancel()

    async def _until(self, wait: Callable[[], Awaitable[object]]) -> None:
        """Wait; where a plugin cancelled the run, which is not its to end, wait again."""
        while True:
            try:
                await wait()
            except asyncio.CancelledError:
                if self._ended_by is not None:
                    raise self._ended_by from None
                if happened() or self._waiting is None:
                    raise
                self._waiting.uncancel()
            else:
                return

    async def _one(self, request: InspectionRequest) -> None:
        """Inspect one system, whatever becomes of it."""
        system = request.system.id
        try:
            with responsive(collector.BLOCKING_SECONDS):
                self._listener.kept(await self._finished(request))
        except InspectorError as error:
            self._fail(system, error)
        except asyncio.CancelledError:
            if happened():
                raise
            self._fail(system, InspectorError(CANCELLED, remedy="find out which one with --only, and repair it"))
        except Exception as error:  # noqa: BLE001  (whatever it was, it is this system's alone)
            _log.exception("internal error", extra={"system": system})
            await self._fail_before(request, described(error))
        finally:
            self._admission.leave()
            self._estimate.end(system)
            self._done += not happened()
            if self._done % COLLECT_AFTER == 0:
                gc.collect()

    def _fail(self, system: str, error: InspectorError) -> None:
        self._failed += 1
        self._listener.failed(system, error)

    async def _fail_before(self, request: InspectionRequest, detail: str) -> None:
        """An error of Inspector itself; nothing else records it."""
        attempt = AttemptLog(RunIndex(self._folder.parent, self._folder.name), request.system.id)
        try:
            await in_thread(partial(attempt.record_failed, detail))
        except BundleError as error:
            _log.warning("the index of the run cannot be written", extra={"detail": error.message})
        self._fail(
            request.system.id,
            InspectorError(
                detail, remedy="this is a bug in Inspector; run again with --log-level debug and report what it prints"
            ),
        )

    async def _finished(self, request: InspectionRequest) -> bytes:
        """What is kept of a system: begun, continued, or finished before."""
        steps: RunSteps = self._in_workers or InThisProcess(self._context, self._common)
        found = await in_thread(partial(self._begun_before, request.system.id))
        step, planned = self._listener.step, partial(self._planned, request)
        if found is None:
            return await inspection(request, self._context, steps, step, planned, shared=self._shared, pins=self._pins)
        if (found / CAPTURE / MANIFEST).exists():
            return await steps.kept(found, request.as_of, request.reports)
        return await resumption(
            found,
            self._context,
            steps,
            step,
            planned,
            as_of=request.as_of,
            reports=request.reports,
            shared=self._shared,
        )

    def _begun_before(self, system: str) -> Path | None:
        """The inspection of a system that has begun in this run, if any has.

        Raises BundleError where it is gone or cannot be read: what it recorded may be lost, and the index says so.
        """
        listed = self._listed.get(system)
        try:
            found = _latest(self._folder / system)
            if listed is not None and listed.folder is not None and found != self._folder / listed.folder:
                raise BundleError(
                    FormattedMessage(
                        "{folder}: what was recorded is gone: the index of the run says that it had begun",
                        folder=self._folder / listed.folder,
                    ),
                    remedy="keep this folder as it is, and inspect the system in a new run",
                )
        except BundleError as error:
            if listed is not None:
                told = {"at": now(), "state": State.FAILED, "detail": storable(error.message[:2000])}
                RunIndex(self._folder.parent, self._folder.name).add(listed.model_copy(update=told))
            raise
        return found

    def _planned(self, request: InspectionRequest, made: PlannedInspection) -> None:
        self._estimate.begin(request.system.id, float(made.plan.bounds.seconds))

    # --- What is told ---

    async def _tell(self) -> None:
        signed_at = time.monotonic()
        while True:
            await asyncio.sleep(_STATUS_SECONDS)
            self._listener.status(self._status(waiting_connections()))
            if self._asked > 1 and time.monotonic() >= signed_at + _SIGN_SECONDS:
                await in_thread(self._sign)
                signed_at = time.monotonic()

    def _status(self, waiting: int = 0) -> FleetStatus:
        left = self._estimate.seconds_left(self._asked - self._begun, self._admission.most)
        running = self._admission.running
        return FleetStatus(self._asked, self._done, self._failed, running, waiting, left)


def _latest(folder: Path) -> Path | None:
    """The newest inspection of a system in the folder that it has in a run, if any has begun. Raises BundleError."""
    if not folder.is_dir():
        return None
    for found in sorted(folder.iterdir(), reverse=True):
        if not found.is_dir() or not (found / CAPTURE).is_dir():
            continue
        try:
            inspection_of(found)
        except NotBegunError:
            continue
        return found
    return None
