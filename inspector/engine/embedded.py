"""Runs the jobs of a journal in one event loop; the embedded engine does so in one process, with a journal in SQLite.

What a job waits for (its campaign's windows, the hours of its authorisations, a pause) is looked at before it begins
and once a second while it runs; the end of the hours at its instant. A job that is stopped keeps what it recorded, and
goes on from there.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from inspector.collect.control import InspectionControl
from inspector.declare.authorisation import Window
from inspector.engine.engine import Enqueued, Job, JobState, JobStatus, Terms
from inspector.engine.journal import MOST_ATTEMPTS, CampaignState, Claim, Hours, Journal
from inspector.fleet.fleet import Fleet, FleetListener, FleetStatus
from inspector.fleet.gc_tuning import reduced_gc
from inspector.fleet.jobs import Common
from inspector.model.base import Instant, Model, now
from inspector.model.errors import (
    BundleError,
    BundleInUse,
    EngineError,
    InspectionStopped,
    InspectorError,
    NotAuthorised,
    RateLimitError,
    UsageError,
    WindowTooShort,
)
from inspector.model.formatted import FormattedMessage
from inspector.network.access.time_windows import Interval, common, hours_of
from inspector.pipeline.context import RunContext
from inspector.pipeline.request import InspectionRequest
from inspector.seal.signing import SigningKey

_log = logging.getLogger(__name__)

#: How often the journal and the clock are looked at (seconds).
POLL_SECONDS = 1.0
#: How far ahead hours are computed, and after how long again.
_HORIZON, _AGAIN = timedelta(days=9), timedelta(hours=12)
#: A clock that differs by so many seconds from what has passed was set.
_JUMP_SECONDS = 5.0
#: No system begins with less free space in the archive than this (bytes).
LEAST_FREE_BYTES = 64 * 2**20
#: Seconds after which a job is tried again whose capture another process still writes, or which was not permitted;
#: each time twice as many, and so often at most.
_AGAIN_SECONDS = 1.0
MOST_REFUSALS = 8
#: When a later process may try again to get a capture that was written by another process all the time.
_LATER = timedelta(minutes=15)
_FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class RunSetup:
    """What the inspections of a run have in common."""

    context: RunContext
    common: Common


class EngineListener:
    """What an engine tells while it runs; the methods do nothing until they are overridden."""

    def status(self, status: FleetStatus) -> None:
        """The state of the systems in flight, about once a second."""

    def ended(self, campaign: str, job: str, state: JobState, detail: str) -> None:
        """A job has ended in this state."""

    def note(self, message: str) -> None:
        """Something that a person should know of."""


class EngineBusy(EngineError):
    """Another process runs the jobs."""


class JournalEngine:
    """Runs the jobs of a journal; an ``inspector.engine.engine.Engine``.

    ``setup`` gives what inspections are run with: under an inspection decision (True) or not.
    """

    def __init__(
        self, journal: Journal, setup: Callable[[bool], RunSetup], listener: EngineListener | None = None
    ) -> None:
        self.journal = journal
        self._setup = lru_cache(maxsize=2)(setup)
        self._listener = listener or EngineListener()

    def close(self) -> None:
        """Close the journal; the engine is of no use afterwards."""
        self.journal.close()

    def enqueue(self, terms: Terms, jobs: Iterable[Job], document: bytes = b"") -> Enqueued:
        """Add a campaign with its jobs; of one that is known nothing is changed, and each job is refused."""
        return self.journal.enqueue(terms, jobs, document)

    def pause(self, campaign: str, *, now: bool = False) -> None:
        """Begin no further system; with ``now`` running ones stop at their next connection."""
        self.journal.set_state(campaign, CampaignState.PAUSED, now_too=now)

    def resume(self, campaign: str) -> None:
        """End a pause."""
        self.journal.set_state(campaign, CampaignState.RUNNING)

    def abort(self, campaign: str, authorisation: str | None = None) -> int:
        """Inspect nothing more, or nothing under this authorisation."""
        return self.journal.stop(campaign) if authorisation is None else self.journal.withdraw(campaign, authorisation)

    def watch(self, campaign: str) -> Iterator[JobStatus]:
        """The last state of every job."""
        self.journal.campaign(campaign)
        return self.journal.jobs(campaign)

    def run(self) -> None:
        """Run what may run now, until nothing may any more.

        Raises EngineBusy where another process does, EngineError where the journal or the archive fails meanwhile.
        """
        with self.exclusive():
            self.run_once()

    def run_once(self) -> None:
        """Within ``exclusive``: run what may run now, until nothing may any more. Raises EngineError."""
        if count := self.journal.recover("the process ended", is_crash=True):
            _log.info("jobs of a process that ended", extra={"count": count})
        refusals = _Refusals()
        try:
            while any([self._run(refusals, is_decided=True), self._run(refusals, is_decided=False)]):
                pass
        finally:
            with suppress(EngineError):
                self.journal.recover("interrupted by a person", is_crash=False)

    def exclusive(self) -> AbstractContextManager[None]:
        """Within the body the jobs of this process are run by nobody else. Raises EngineBusy."""
        raise NotImplementedError

    def check_idle(self, campaign: str) -> None:
        """Raise EngineBusy where another process inspects a system of the campaign."""
        raise NotImplementedError

    def _busy(self, campaign: str) -> EngineBusy:
        return EngineBusy(
            FormattedMessage("systems of campaign {id} are still being inspected", id=repr(campaign)),
            remedy="they stop at their next connection: close it again in a few seconds",
        )

    def _run(self, refusals: _Refusals, *, is_decided: bool) -> bool:
        """Run the campaigns under a decision, or the others, until one of those comes first; whether a job began."""
        queue = _Queue(self.journal, self._listener, refusals, is_decided=is_decided)
        if not queue.has_next():
            return False
        setup = self._setup(is_decided)
        queue.archive = setup.context.settings.output
        queue.context = setup.context
        queue.check_archive()
        if queue.fault is None:
            SigningKey.load_or_create(setup.context.settings.signing_key)  # its error is none of a system
            waiting = sum(queue.waiting().values())
            fleet = Fleet(queue.archive, setup.context, setup.common, waiting, queue, grows=True)
            with reduced_gc():
                fleet.run_queue(queue)
        if queue.fault is not None:
            raise queue.fault
        return queue.begun > 0


class EmbeddedEngine(JournalEngine):
    """Runs the jobs of the journal in ``folder``, in one process at a time."""

    def __init__(self, folder: Path, setup: Callable[[bool], RunSetup], listener: EngineListener | None = None) -> None:
        super().__init__(Journal(folder), setup, listener)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Within the body no other process runs the jobs. Raises EngineBusy."""
        path = self.journal.folder / "lock"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)
        except OSError as error:
            raise EngineError(
                FormattedMessage("{path}: cannot be written: {reason}", path=path, reason=error.strerror),
                remedy="check the disk, then try again",
            ) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                number = self.journal.count_refusal("run")
                raise EngineBusy(
                    FormattedMessage(
                        "another process runs the campaigns (refused for the {number}. time)", number=number
                    ),
                    remedy="what waits is begun by that process",
                ) from None
            yield
        finally:
            os.close(descriptor)

    def check_idle(self, campaign: str) -> None:
        """Raise EngineBusy where another process inspects a system of the campaign."""
        try:
            with self.exclusive():
                self.journal.recover("the process ended", is_crash=True)
        except EngineBusy:
            if self.journal.running().get(campaign):
                raise self._busy(campaign) from None


class _AuthorisedHours(Model):
    """Validity and windows of an authorisation."""

    valid_from: Instant
    valid_until: Instant
    windows: tuple[Window, ...] = ()

    def within(self, begin: datetime, end: datetime) -> list[Interval]:
        return hours_of(self.windows, max(begin, self.valid_from), min(end, self.valid_until))


@dataclass(slots=True)
class _Running:
    """A job that runs."""

    claim: Claim
    control: InspectionControl


@dataclass(slots=True)
class _Refusals:
    """How often jobs could not go on for a moment, and until when it is worth to wait for them (monotonic)."""

    wait_until: float = float("-inf")
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def seconds(self, claim: Claim) -> float | None:
        """After how many seconds a job is tried again that could not go on once more; None: it was tried enough."""
        known = claim.run, claim.system
        count = self._counts[known] = self._counts.get(known, 0) + 1
        if count > MOST_REFUSALS:
            return None
        seconds = _AGAIN_SECONDS * 2.0 ** (count - 1)
        self.wait_until = max(self.wait_until, time.monotonic() + seconds + POLL_SECONDS)
        return seconds


@dataclass(slots=True)
class _Queue(FleetListener):
    """Gives a fleet the jobs of the journal, records what becomes of them, and stops them when it is time.

    They are those under a decision, or the others, as a process has one set of plugins at a time. Where a job of the
    other kind comes first, no more are given, and it begins as soon as those that run have ended.
    """

    journal: Journal
    listener: EngineListener
    refusals: _Refusals
    is_decided: bool
    archive: Path = Path()
    context: RunContext | None = None
    fault: EngineError | None = None
    begun: int = 0
    _running: dict[tuple[str, str], _Running] = field(default_factory=dict)
    _known: dict[Hours, tuple[datetime, list[Interval]]] = field(default_factory=dict)
    _gives_way: bool = False
    _listed: list[Hours] = field(default_factory=list)
    _looked: float = float("-inf")
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    # --- What comes next ---

    def _hours(self, hours: Hours, terms: Terms, at: datetime) -> list[Interval]:
        """When jobs of this group may send packets, from ``at`` on."""
        computed, found = self._known.get(hours, (None, []))
        if computed is None or not computed <= at < computed + _AGAIN:
            begin, end = max(at, terms.starts or at), min(at + _HORIZON, terms.deadline or at + _HORIZON)
            found = hours_of(terms.windows, begin, end)
            for each in self.journal.hours(hours.key):
                found = common(found, _AuthorisedHours.model_validate(each).within(begin, end))
            self._known[hours] = at, found
        return found

    def _closes(self, hours: Hours, terms: Terms, at: datetime) -> datetime | None:
        """When the hours of this group end that hold at ``at``; None: none do."""
        return next((end for begin, end in self._hours(hours, terms, at) if begin <= at < end), None)

    def _open(self, at: datetime) -> dict[Hours, float]:
        """The groups of which a job may begin now, with the seconds that are left of their hours.

        They are none where a job of the other kind comes first.
        """
        running, rows = self.journal.running(), self.journal.campaigns()
        ready = {
            known: each.terms
            for known, each in rows.items()
            if each.state == CampaignState.RUNNING
            and (each.terms.at_once is None or running.get(known, 0) < each.terms.at_once)
        }
        left: dict[Hours, float] = {}
        for hours in self._groups():
            if hours.campaign not in ready:
                continue
            closes = self._closes(hours, ready[hours.campaign], at)
            if closes is not None:
                left[hours] = (closes - at).total_seconds()
        own = {each: left[each] for each in left if ready[each.campaign].is_decided is self.is_decided}
        others = {each: left[each] for each in left if each not in own}
        if others and own:
            first, first_of_others = self.journal.first_rank(own, at), self.journal.first_rank(others, at)
            self._gives_way = first_of_others is not None and (first is None or first_of_others < first)
        else:
            self._gives_way = bool(others)
        return {} if self._gives_way else own

    def _groups(self) -> list[Hours]:
        """The groups of jobs; they are looked for once a second."""
        if time.monotonic() >= self._looked + POLL_SECONDS:
            self._looked = time.monotonic()
            self._listed = self.journal.groups(tuple(self.journal.campaigns()))
        return self._listed

    def has_next(self) -> bool:
        """Whether the hours of a job are open now."""
        return bool(self._open(now()))

    def waiting(self) -> dict[str, int]:
        """How many jobs of each campaign are to begin or to go on."""
        found = {
            known: self.journal.counts(known)
            for known, each in self.journal.campaigns().items()
            if each.terms.is_decided is self.is_decided
        }
        return {known: each[JobState.WAITING] + each[JobState.INTERRUPTED] for known, each in found.items()}

    async def next(self) -> tuple[InspectionRequest, InspectionControl] | None:
        """The job that comes first, as soon as one may begin; None where none may and none runs."""
        while True:
            if self.fault is None:
                self.check_archive()
            try:
                claim = None if self.fault is not None else self.journal.claim(self._open(now()), now())
            except EngineError as error:
                self._halt(error)
                claim = None
            if claim is not None and self._is_runnable(claim):
                control = InspectionControl(at_end_of_hours=True)
                self._running[claim.run, claim.request.system.id] = _Running(claim, control)
                self.begun += 1
                return claim.request, control
            is_over = self.fault is not None or self._gives_way or time.monotonic() >= self.refusals.wait_until
            if not self._running and is_over:
                return None
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._changed.wait()

    def _is_runnable(self, claim: Claim) -> bool:
        """Whether the regimes of a job are installed; where they are not, no job is run."""
        try:
            for ref in (claim.request.regime, claim.request.next_regime):
                if ref is not None and self.context is not None:
                    self.context.regime(ref)
        except UsageError as error:
            self.journal.record(claim, JobState.INTERRUPTED, detail=error.message)
            self._halt(EngineError(error.message, remedy=error.remedy))
            return False
        return True

    # --- What stops ---

    @asynccontextmanager
    async def active(self) -> AsyncIterator[None]:
        """Within the body, jobs whose time is over are stopped."""
        watching = asyncio.create_task(self._watch(), name="campaigns")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    async def _watch(self) -> None:
        wall, steady = now(), time.monotonic()
        while True:
            try:
                nearest = self._stop_those_whose_time_is_over()
            except EngineError as error:
                self._halt(error)
                nearest = POLL_SECONDS
            await asyncio.sleep(max(0.001, min(POLL_SECONDS, nearest)))
            wall_before, steady_before = wall, steady
            wall, steady = now(), time.monotonic()
            jump = (wall - wall_before).total_seconds() - (steady - steady_before)
            if abs(jump) > _JUMP_SECONDS:
                self._known.clear()
                self.listener.note(
                    FormattedMessage("the clock of this machine was set by {seconds} s", seconds=f"{jump:+.0f}")
                )

    def _stop_those_whose_time_is_over(self) -> float:
        """Stop what may not go on; gives the seconds until the next hours end."""
        nearest = POLL_SECONDS
        if not self._running:
            return nearest
        rows, withdrawn, held, at = self.journal.campaigns(), self.journal.withdrawn(), self.journal.held(), now()
        for each in self._running.values():
            claim, row = each.claim, rows.get(each.claim.campaign)
            closes = None if row is None else self._closes(Hours(claim.campaign, claim.hours), row.terms, at)
            if row is None or row.state in (CampaignState.STOPPED, CampaignState.CLOSED):
                each.control.stop("the campaign was stopped")
            elif row.state == CampaignState.PAUSED and row.is_paused_now:
                each.control.stop("the campaign was paused")
            elif (claim.campaign, claim.system) in withdrawn:
                each.control.stop("its authorisation was withdrawn")
            elif held is not None and claim.key not in held:
                each.control.stop("another process goes on with it")
            elif closes is None:
                each.control.stop("the authorised hours ended")
            else:
                nearest = min(nearest, (closes - at).total_seconds())
        return nearest

    def _halt(self, error: EngineError) -> None:
        """Begin nothing more, and stop what runs: what becomes of it could not be recorded."""
        if self.fault is None:
            self.fault = error
            for each in self._running.values():
                each.control.stop(error.message)
        self._changed.set()

    def check_archive(self) -> None:
        """Begin nothing more where the archive cannot be written; what runs there fails by itself."""
        reason = archive_fault(self.archive, self.journal)
        if reason is not None and self.fault is None:
            self.fault = EngineError(
                FormattedMessage(
                    "{folder}: the archive cannot be written: {reason}", folder=self.archive, reason=reason
                ),
                remedy="make it available again; 'inspector tick' goes on with what waits",
            )

    # --- What became of them ---

    def status(self, status: FleetStatus) -> None:
        """The state of the fleet."""
        self.listener.status(status)

    def ended(self, request: InspectionRequest, result: bytes | InspectorError) -> None:
        """Record what became of a job."""
        claim = self._running.pop((request.run, request.system.id)).claim
        try:
            if isinstance(result, InspectorError):
                self._failed(claim, result)
            else:
                self._record(claim, JobState.SEALED, result=result)
        except EngineError as error:
            self._halt(error)
        self._changed.set()

    def _failed(self, claim: Claim, error: InspectorError) -> None:
        row = self.journal.campaign(claim.campaign)
        at = now()
        is_open = self._closes(Hours(claim.campaign, claim.hours), row.terms, at) is not None
        if isinstance(error, InspectionStopped) or (isinstance(error, UsageError) and not is_open):
            self._record(claim, JobState.INTERRUPTED, detail=error.message)
        elif isinstance(error, NotAuthorised | BundleInUse):
            self._refused(claim, error, at, row.terms)
        elif isinstance(error, WindowTooShort):
            closes = self._closes(Hours(claim.campaign, claim.hours), row.terms, at)
            self._record(claim, JobState.WAITING, detail=error.message, not_before=closes)
        elif isinstance(error, RateLimitError):
            self._record(claim, JobState.INTERRUPTED, detail=error.message)
            self._halt(EngineError(error.message, remedy=error.remedy))
        elif not isinstance(error, BundleError):
            self._record(claim, JobState.FAILED, detail=error.message)
        elif archive_fault(self.archive, self.journal) is not None:
            self._record(claim, JobState.INTERRUPTED, detail=error.message)
            self.check_archive()
        elif claim.attempt < MOST_ATTEMPTS:
            self._record(claim, JobState.TORN, detail=error.message)
            self.journal.try_anew(claim)
        else:
            self._record(claim, JobState.FAILED, detail=error.message)

    def _refused(self, claim: Claim, error: InspectorError, at: datetime, terms: Terms) -> None:
        """Try a job again in a moment; one that was tried often, in its next hours or by a later process."""
        seconds = self.refusals.seconds(claim)
        if seconds is not None:
            later: datetime | None = at + timedelta(seconds=seconds)
        elif isinstance(error, BundleInUse):
            later = at + _LATER
        else:
            later = self._closes(Hours(claim.campaign, claim.hours), terms, at)
        self._record(claim, JobState.INTERRUPTED, detail=error.message, not_before=later)

    def _record(
        self,
        claim: Claim,
        state: JobState,
        *,
        detail: str = "",
        result: bytes | None = None,
        not_before: datetime | None = None,
    ) -> None:
        self.journal.record(claim, state, detail=detail, result=result, not_before=not_before)
        self.listener.ended(claim.campaign, claim.system, state, detail)


def archive_fault(folder: Path, journal: Journal) -> str | None:
    """Why nothing can be written into the archive, in which the journal is; None where it can."""
    try:
        if not journal.is_in_place():
            return "another folder is in its place"
        free = shutil.disk_usage(folder).free
        if not os.access(folder, os.W_OK | os.X_OK):
            return "it is read-only"
    except OSError as error:
        return error.strerror or str(error)
    if free < LEAST_FREE_BYTES:
        return FormattedMessage(
            "{free} MB are free, {least} MB are needed", free=free >> 20, least=LEAST_FREE_BYTES >> 20
        )
    return None
