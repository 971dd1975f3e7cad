"""Which systems of a campaign are ready, why the others are not, and which night each falls into.

Names are resolved; nothing is sent to a target. A system is planned for the first hour in which its campaign and its
authorisations permit packets.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from inspector.campaign.candidates import Candidate, position_of, rank_of
from inspector.declare.authorisation import Authorisation
from inspector.declare.campaign import Campaign
from inspector.engine.engine import Job, NotInspected, Terms
from inspector.model.errors import InspectorError, UsageError
from inspector.network import SharedPins
from inspector.network.access.time_windows import Interval, common, hours_of, intervals, merged
from inspector.pipeline.context import InputDocuments, RunContext, check_approvals, request_for
from inspector.pipeline.prepare import PREPARED_AT_ONCE, PlannedInspection, pins_of_run, prepare
from inspector.pipeline.request import InspectionRequest
from inspector.plan.pace import HORIZON, pace_of
from inspector.plan.planner import refused_endpoints
from inspector.plan.windows import WindowSchedule
from inspector.record.plan import Selection
from inspector.regime.regime import day_of


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """A system of a campaign with its job, and the window that it falls into (None: it is not ready, or needs none).

    ``connections``: at most so many to its addresses.
    """

    candidate: Candidate
    job: Job
    window: Interval | None = None
    connections: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether it will be inspected."""
        return self.job.cause is None


class _Refusal(Exception):
    """Why a system is not inspected."""

    def __init__(self, cause: NotInspected, detail: str = "") -> None:
        super().__init__(cause, detail)
        self.cause = cause
        self.detail = detail


def terms_of(campaign: Campaign, *, is_decided: bool, inventory: str | None = None) -> Terms:
    """What holds for all jobs of a campaign."""
    return Terms(
        campaign=campaign.id,
        windows=campaign.windows,
        starts=campaign.starts,
        deadline=campaign.deadline,
        at_once=campaign.systems_at_once,
        is_decided=is_decided,
        inventory=inventory,
    )


class CampaignPlanner:
    """Plans the systems of a campaign, as if it were started at the instant ``at``."""

    def __init__(self, campaign: Campaign, context: RunContext, at: datetime) -> None:
        self._campaign = campaign
        self._context = context
        self._at = at
        begin = max(at, campaign.starts or at)
        end = min(begin + HORIZON, campaign.deadline or begin + HORIZON)
        self._begin, self._end = begin, end
        self.hours = hours_of(campaign.windows, begin, end)
        at_once = min(campaign.systems_at_once or context.settings.ceilings.systems, context.settings.ceilings.systems)
        self.schedule = WindowSchedule(begin, at_once, self.hours)

    async def plan(self, candidates: Iterable[Candidate]) -> AsyncIterator[PlannedUnit]:
        """Every candidate, in this order; some are prepared at the same time."""
        waiting: deque[tuple[Candidate, asyncio.Task[PlannedInspection | _Refusal]]] = deque()
        async with pins_of_run(self._context.settings) as pins:
            try:
                for candidate in candidates:
                    waiting.append((candidate, asyncio.create_task(self._prepared(candidate, pins))))
                    if len(waiting) >= PREPARED_AT_ONCE:
                        first, task = waiting.popleft()
                        yield self._unit(first, await task)
                while waiting:
                    first, task = waiting.popleft()
                    yield self._unit(first, await task)
            finally:
                for _, task in waiting:
                    task.cancel()

    async def _prepared(self, candidate: Candidate, pins: SharedPins) -> PlannedInspection | _Refusal:
        try:
            return await self._prepare(candidate, pins)
        except _Refusal as refusal:
            return refusal
        except InspectorError as error:
            return _Refusal(NotInspected.INVALID, error.message)

    async def _prepare(self, candidate: Candidate, pins: SharedPins) -> PlannedInspection:
        """The plan of a system. Raises _Refusal or InspectorError."""
        system, documents = candidate.system, candidate.documents
        if not system.endpoints:
            raise _Refusal(NotInspected.NO_ENDPOINT)
        one = InputDocuments(
            documents.declaration.model_copy(update={"systems": (system,)}),
            documents.authorisations,
            source_map=documents.source_map,
        )
        check_approvals(one, self._context.regimes, day_of(self._at))
        request = self._request(candidate)
        if not request.authorisations:
            raise _Refusal(NotInspected.NO_AUTHORISATION)
        valid = [each for each in request.authorisations if each.valid_until > self._begin]
        if not valid:
            ids = ", ".join(each.id for each in request.authorisations)
            raise _Refusal(NotInspected.EXPIRED, ids)
        opens = self._opens(valid)
        if opens is None:
            raise _Refusal(NotInspected.NO_WINDOW)
        request = request.model_copy(update={"authorisations": tuple(valid)})
        planned = await prepare(request, self._context, pins, at=opens)
        for endpoint, task in sorted(refused_endpoints(planned.plan).items()):
            raise _Refusal(NotInspected.NO_AUTHORISATION, f"{endpoint}: {task.detail}")
        if not planned.plan.tasks and not candidate.findings:  # what failed may be about documents alone
            raise _Refusal(NotInspected.NO_ENDPOINT)
        return planned

    def _request(self, candidate: Candidate) -> InspectionRequest:
        asked = self._campaign.requirements
        context = replace(self._context, documents=candidate.documents)
        try:
            return request_for(
                candidate.system,
                context,
                run=self._campaign.id,
                as_of=self._begin,
                regime=asked.regime,
                selection=Selection(only=asked.only, tags=asked.select, findings=candidate.findings),
            )
        except UsageError as error:
            raise _Refusal(NotInspected.NO_REGIME, error.message) from None

    def _opens(self, granted: Sequence[Authorisation]) -> datetime | None:
        """The first instant at which the campaign and one of the authorisations permit packets."""
        permitted = merged(part for each in granted for part in intervals(each, self._begin, self._end))
        return next((opens for opens, _ in common(self.hours, permitted)), None)

    def _permitted(self, used: Sequence[Authorisation]) -> list[Interval]:
        """When the campaign and all of these authorisations permit packets."""
        found = self.hours
        for each in used:
            found = common(found, intervals(each, self._begin, self._end))
        return found

    def _unit(self, candidate: Candidate, planned: PlannedInspection | _Refusal) -> PlannedUnit:
        job = Job(
            system=candidate.key,
            rank=rank_of(self._campaign, candidate),
            position=position_of(self._campaign, candidate),
            due=candidate.due,
        )
        if isinstance(planned, _Refusal):
            return PlannedUnit(candidate, _refused(job, planned))
        plan, granted = planned.plan, planned.request.authorisations
        pace = pace_of(plan.tasks, granted)
        seconds = max((each.seconds for each in pace.values()), default=0)
        misfits = len(self.schedule.misfits)
        window = self.schedule.add(candidate.key, plan, granted)
        if len(self.schedule.misfits) > misfits:
            arithmetic = "; ".join(each.text() for each in pace.values() if each.seconds == seconds)
            return PlannedUnit(candidate, _refused(job, _Refusal(NotInspected.TOO_LONG, arithmetic)))
        used = tuple(sorted({task.authorisation for task in plan.tasks if task.cause is None and task.authorisation}))
        if not used:  # its names cannot be resolved now, or nothing but name servers is asked
            used = tuple(sorted(each.id for each in granted))
        if not self._permitted([each for each in granted if each.id in used]):
            return PlannedUnit(candidate, _refused(job, _Refusal(NotInspected.NO_WINDOW)))
        request = planned.request.model_copy(update={"authorisations": _kept(granted, used)})
        update = {"request": request, "seconds": seconds, "authorisations": used}
        interval = None if window is None else (window.opens, window.closes)
        return PlannedUnit(candidate, job.model_copy(update=update), interval, plan.bounds.connections)


def _refused(job: Job, refusal: _Refusal) -> Job:
    return job.model_copy(update={"cause": refusal.cause, "detail": refusal.detail})


def _kept(granted: Sequence[Authorisation], used: Sequence[str]) -> tuple[Authorisation, ...]:
    """The authorisations that packets are sent under, and those of the others that hold for as long, without windows.

    One that ends earlier, or that is closed while the others are open, would end the inspection of what they permit.
    """
    ends = [each.valid_until for each in granted if each.id in used]
    begins = [each.valid_from for each in granted if each.id in used]
    return tuple(
        each
        for each in granted
        if each.id in used or (not each.windows and each.valid_until >= max(ends) and each.valid_from <= min(begins))
    )
