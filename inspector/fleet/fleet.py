"""Many systems: one event loop, as many systems in flight as it carries, one after the other begun.

They are those of one run (``Fleet.run``), or what a queue gives, of any number of runs (``Fleet.run_queue``). A system
that fails, hangs or raises leaves the others alone. Only what the caller keeps of a system stays in memory.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from inspector.collect import collector
from inspector.collect.collector import Progress
from inspector.collect.control import InspectionControl
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

T = TypeVar("T")

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

    def ended(self, request: InspectionRequest, result: bytes | InspectorError) -> None:
        """The inspection of a system has ended: with what is kept of it, or with an error."""
        if isinstance(result, InspectorError):
            self.failed(request.system.id, result)
        else:
            self.kept(result)


class RequestQueue(Protocol):
    """What is inspected next; ``active`` is entered while a fleet takes from it."""

    def active(self) -> AbstractAsyncContextManager[object]:
        """Within the body requests are taken."""

    async def next(self) -> tuple[InspectionRequest, InspectionControl] | None:
        """The next request, with what stops its inspection; None where there is none left. It may wait."""


@dataclass(slots=True)
class _Listed:
    """The requests of a run, in their order."""

    requests: Iterator[InspectionRequest]

    def active(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    async def next(self) -> tuple[InspectionRequest, InspectionControl] | None:
        request = next(self.requests, None)
        return None if request is None else (request, InspectionControl())


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
    """Inspects systems side by side; ``root`` is the folder of their runs, ``systems`` how many there are.

    With ``grows`` there may be more: then one alone begins in this process, and worker processes with the second.
    """

    def __init__(
        self,
        root: Path,
        context: RunContext,
        common: Common,
        systems: int,
        listener: FleetListener,
        *,
        grows: bool = False,
    ) -> None:
        self._root = root
        self._context = context
        self._common = common
        self._listener = listener
        ceilings = context.settings.ceilings
        within = (
            open_files.systems_within(open_files.raise_limit(), ceilings.connections) if grows or systems > 1 else 1
        )
        self._admission = SystemAdmission(min(ceilings.systems, within))
        self._in_workers = InWorkers(common) if systems > 1 else None
        self._shared = SharedScans()
        self._pins: SharedPins | None = None
        self._recorded: os.stat_result | None = None
        self._runs: dict[str, dict[str, Attempt]] = {}
        self._asked = systems
        self._begun = 0
        self._done = 0
        self._failed = 0
        self._estimate = _Estimate()
        self._waiting: asyncio.Task[object] | None = None
        self._ended_by: BaseException | None = None

    def run(self, run: str, requests: Iterable[InspectionRequest]) -> None:
        """Inspect all of one run, and return when each is finished or has failed.

        While it runs no other process goes on with it: BundleError. Raises KeyboardInterrupt after an interrupt.
        """
        locked = disk.lock(self._root / run / REQUESTS)
        self._recorded = os.fstat(locked)
        try:
            self._attempts_of(run)
            self.run_queue(_Listed(iter(requests)))
        finally:
            with suppress(OSError):  # a plugin may have closed it
                os.close(locked)

    def run_queue(self, queue: RequestQueue) -> None:
        """Inspect what the queue gives until it has no more. Raises KeyboardInterrupt after an interrupt."""
        try:
            run_async(self._run(queue))
        finally:
            self._listener.status(self._status())
            self._sign()
            if self._in_workers is not None:
                self._in_workers.close()

    def _attempts_of(self, run: str) -> dict[str, Attempt]:
        """What the index of a run said of each system that had begun when this fleet first came to it."""
        if run not in self._runs:
            attempts = RunIndex(self._root, run).attempts()
            self._runs[run] = {each.system: each for each in attempts if each.folder is not None}
        return self._runs[run]

    def _sign(self) -> None:
        """Sign the indices, with the states of those that were not finished."""
        for run in tuple(self._runs):
            index = RunIndex(self._root, run)
            try:
                index.add_all((), SigningKey.load_or_create(self._context.settings.signing_key))
            except InspectorError as error:
                _log.warning("the index of the run is not signed", extra={"path": index.path, "detail": error.message})

    async def _run(self, queue: RequestQueue) -> None:
        files = ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="asyncio_files")
        asyncio.get_running_loop().set_default_executor(files)
        tasks: set[asyncio.Task[None]] = set()
        self._waiting = asyncio.current_task()
        telling = asyncio.create_task(self._tell(), name="status")
        try:
            async with (
                self._admission.measuring(),
                pins_of_run(self._context.settings) as self._pins,
                queue.active(),
            ):
                while True:
                    await self._until(self._admission.admit)
                    found = await self._until(queue.next)
                    if found is None:
                        self._admission.leave()
                        break
                    request, control = found
                    self._begun += 1
                    task = asyncio.create_task(self._one(request, control), name=f"system {request.system.id}")
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

    async def _until(self, wait: Callable[[], Awaitable[T]]) -> T:
        """What is waited for; where a plugin cancelled the run, which is not its to end, wait again."""
        while True:
            try:
                return await wait()
            except asyncio.CancelledError:
                if self._ended_by is not None:
                    raise self._ended_by from None
                if happened() or self._waiting is None:
                    raise
                self._waiting.uncancel()

    async def _one(self, request: InspectionRequest, control: InspectionControl) -> None:
        """Inspect one system, whatever becomes of it."""
        system = request.system.id
        try:
            with responsive(collector.BLOCKING_SECONDS):
                self._listener.ended(request, await self._finished(request, control))
        except InspectorError as error:
            self._fail(request, error)
        except asyncio.CancelledError:
            if happened():
                raise
            self._fail(request, InspectorError(CANCELLED, remedy="find out which one with --only, and repair it"))
        except Exception as error:  # noqa: BLE001  (whatever it was, it is this system's alone)
            _log.exception("internal error", extra={"system": system})
            await self._fail_before(request, described(error))
        finally:
            self._admission.leave()
            self._estimate.end(system)
            self._done += not happened()
            if self._done % COLLECT_AFTER == 0:
                gc.collect()

    def _fail(self, request: InspectionRequest, error: InspectorError) -> None:
        self._failed += 1
        self._listener.ended(request, error)

    async def _fail_before(self, request: InspectionRequest, detail: str) -> None:
        """An error of Inspector itself; nothing else records it."""
        attempt = AttemptLog(RunIndex(self._root, request.run), request.system.id)
        try:
            await in_thread(partial(attempt.record_failed, detail))
        except BundleError as error:
            _log.warning("the index of the run cannot be written", extra={"detail": error.message})
        self._fail(
            request,
            InspectorError(
                detail, remedy="this is a bug in Inspector; run again with --log-level debug and report what it prints"
            ),
        )

    async def _finished(self, request: InspectionRequest, control: InspectionControl) -> bytes:
        """What is kept of a system: begun, continued, or finished before."""
        if self._in_workers is None and self._begun > 1:
            self._in_workers = InWorkers(self._common)
        steps: RunSteps = self._in_workers or InThisProcess(self._context, self._common)
        found = await in_thread(partial(self._begun_before, request))
        step, planned = self._listener.step, partial(self._planned, request)
        if found is None:
            return await inspection(
                request,
                self._context,
                steps,
                step,
                planned,
                shared=self._shared,
                pins=self._pins,
                control=control,
            )
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
            control=control,
        )

    def _begun_before(self, request: InspectionRequest) -> Path | None:
        """The inspection of a system that has begun in this run, if any has.

        Raises BundleError where it is gone or cannot be read: what it recorded may be lost, and the index says so.
        """
        folder = self._root / request.run
        if self._recorded is not None and not _is_at(folder / REQUESTS, self._recorded):
            raise disk.not_in_place(folder)
        listed = self._attempts_of(request.run).get(request.system.id)
        try:
            found = _latest(folder / request.system.id)
            if listed is not None and listed.folder is not None and found != folder / listed.folder:
                raise BundleError(
                    FormattedMessage(
                        "{folder}: what was recorded is gone: the index of the run says that it had begun",
                        folder=folder / listed.folder,
                    ),
                    remedy="keep this folder as it is, and inspect the system in a new run",
                )
        except BundleError as error:
            if listed is not None:
                told = {"at": now(), "state": State.FAILED, "detail": storable(error.message[:2000])}
                RunIndex(self._root, request.run).add(listed.model_copy(update=told))
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


def _is_at(path: Path, known: os.stat_result) -> bool:
    """Whether a path leads to this file."""
    try:
        return os.path.samestat(path.stat(), known)
    except OSError:
        return False


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
