"""Runs the scan tasks of a plan in waves and records their evidence.

The scans of a wave run concurrently, each with its deadline; what a probe needs comes from an earlier wave. A scan
never fails the inspection: whatever goes wrong becomes evidence with a cause.

Order: within a wave the tasks of all probes are interleaved, each probe starting at another endpoint. In the order of
the plan one probe would scan every endpoint before the next began, so that all waited for servers first and for
worker processes afterwards; and two probes at one address share its rate, so that at the same time each slows the
other. The plan and its bounds do not depend on the order.

Addresses that stop answering (``inspector.network.pacing.reachability``): a scan that lost a connection to one is not
recorded when it ends, but made once more at the end of its wave, after one pause and at half the rate, where the
authorised hours and ``--within`` leave time for it. Without that time it fails as rate-limited. No sweep is repeated.

Recording: scans that end within 10 ms of one another, or while the disk is busy, are written as one batch: raw bytes
before the evidence that refers to them, evidence before the journal that names it. A scan is done when its record is
on the disk, so ``kill -9`` loses at most the scans of an unfinished batch, which ``--resume`` repeats. A write error
fails every scan of its batch.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, cached_property, partial
from itertools import zip_longest
from typing import Protocol, TypeVar

from inspector.collect.control import InspectionControl
from inspector.collect.limiter import AdaptiveLimiter
from inspector.collect.parsing import facts_of, failure_of
from inspector.collect.redaction import redacted_notes, redacted_raw
from inspector.collect.shared_scans import SharedScan, SharedScans
from inspector.declare.authorisation import Authorisation, Rates
from inspector.declare.settings import Settings
from inspector.model.base import Cause, canonical, digest, now
from inspector.model.declared import Declared
from inspector.model.errors import BundleError, NotAuthorised, RateLimitError, ScanFailure
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import (
    STOPPED_ANSWERING,
    Discovered,
    Evidence,
    FailureNote,
    Gap,
    Observation,
    ScanOutput,
)
from inspector.model.subject import Subject, is_address
from inspector.network import Gateway, Ledger, Network, resolve_and_pin
from inspector.plan.planner import DISCOVERED_PER_SCAN, TASKS_PER_SCAN, Planner
from inspector.plugin.containment import contained, described, result_of_task
from inspector.plugin.probe import PARTS, ParseContext, Probe, Target
from inspector.plugin.time_limits import responsive
from inspector.record.inspection import Inspection
from inspector.record.limits import RAW_BYTES
from inspector.record.plan import PinnedHost, ScanTask
from inspector.registry.registry import Registry
from inspector.seal.capture_writer import CaptureWriter, PreparedEvidence, prepare, reference_to
from inspector.seal.unfinished import UnfinishedScan

#: Seconds that a scan may block the event loop.
BLOCKING_SECONDS = 10.0

TaskKey = tuple[str, str, str, str]

_log = logging.getLogger(__name__)

#: Causes that are about this inspection and not about what it scans.
_OWN_CAUSES = frozenset(
    {
        Cause.ABORTED,
        Cause.BUG,
        Cause.NOT_AUTHORISED,
        Cause.NOT_SELECTED,
        Cause.OUT_OF_SCOPE,
        Cause.OUTSIDE_WINDOW,
        Cause.TOOL_MISSING,
    }
)

_TIME_IS_UP = FailureNote(cause=Cause.NOT_SELECTED, detail="the time of --within was used up")


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a running inspection after one scan, for display."""

    system: str
    done: int
    planned: int
    probe: str
    subject: str
    cause: Cause | None


@dataclass(frozen=True)
class Trust:
    """The trust material of the inspecting side, as captured: PEM roots and DNSSEC anchors."""

    declared_roots: bytes = b""
    public_roots: bytes = b""
    dnssec_anchors: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Identifies it."""
        anchors = "\n".join(self.dnssec_anchors).encode()
        return digest(canonical([digest(each) for each in (self.declared_roots, self.public_roots, anchors)]))

    def parse_context(self, subject: Subject, seen_at: datetime) -> ParseContext:
        """The context of ``parse`` for a scan of this subject."""
        return ParseContext(
            subject=subject,
            seen_at=seen_at,
            declared_roots=self.declared_roots,
            public_roots=self.public_roots,
            dnssec_anchors=self.dnssec_anchors,
        )


#: Seconds for which a finished scan waits for others to be written with.
_GATHER_SECONDS = 0.01


class _BatchWriter:
    """Writes the evidence of scans in batches: those that end close together share one write."""

    def __init__(self, writer: CaptureWriter) -> None:
        self._writer = writer
        self._pending: list[tuple[PreparedEvidence, asyncio.Future[None]]] = []
        self._keeping: asyncio.Task[None] | None = None

    async def keep(self, ready: PreparedEvidence) -> None:
        """Return when the scan is recorded; raises BundleError, or any other error of the write."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((ready, kept))
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep_all(), name="keep")
        await kept

    async def _keep_all(self) -> None:
        while self._pending:
            await asyncio.sleep(_GATHER_SECONDS)
            batch, self._pending = self._pending, []
            error: Exception | None = None
            try:
                await asyncio.to_thread(self._writer.keep, [ready for ready, _ in batch])
            except Exception as refused:  # noqa: BLE001  (raised in each waiting task)
                error = refused
            for _, kept in batch:
                if kept.done():
                    continue  # the waiting task was cancelled
                if error is None:
                    kept.set_result(None)
                else:
                    kept.set_exception(error)

    async def finish(self) -> None:
        """Return when no record is waiting."""
        if self._keeping is not None:
            await self._keeping


@dataclass(frozen=True, slots=True)
class _Ended:
    """A scan that has ended and is not recorded yet."""

    task: ScanTask
    scan: int
    began: datetime
    ended: datetime
    output: ScanOutput
    facts: Mapping[str, object] | None = None


def _storable(bare: Evidence, probe: Probe, output: ScanOutput, facts: Mapping[str, object] | None) -> PreparedEvidence:
    """The record of a scan, with what the probe gave as far as that can be stored.

    What cannot (text that is no Unicode, values of a wrong type, more than a limit) is the probe's bug: the scan has no
    facts then, and its raw bytes only where these can be stored.
    """
    try:
        return _with_output(bare, redacted_notes(output), facts)
    except Exception as error:  # noqa: BLE001  (an output that was made without validation may raise anything)
        detail = f"{probe.module} gave facts that cannot be stored: {described(error)}"
    failed = bare.model_copy(update={"failure": FailureNote(cause=Cause.BUG, detail=detail)})
    try:
        return _with_output(failed, ScanOutput(raw=output.raw, failure=failed.failure), None)
    except Exception:  # noqa: BLE001  (as above)
        return prepare(failed)


def _with_output(bare: Evidence, output: ScanOutput, facts: Mapping[str, object] | None) -> PreparedEvidence:
    """The record of a scan that gave this output; raises when that could not be read back."""
    discovered = output.discovered[:DISCOVERED_PER_SCAN]
    dropped = len(output.discovered) - len(discovered)
    more = (Gap(question=f"{dropped} more discovered subjects", cause=Cause.ABORTED),) if dropped else ()
    evidence = bare.model_copy(
        update={
            "tools": output.tools,
            "facts": dict(facts) if facts is not None else None,
            "gaps": (*output.gaps, *bare.gaps, *more),
            "discovered": discovered,
            "failure": output.failure,
            "raw": tuple(reference_to(raw) for raw in output.raw),
        }
    )
    return prepare(evidence, output.raw)


def _question(trust: Trust, task: ScanTask, target: Target, needs: Sequence[Observation], scan: int) -> str:
    """A digest of all that a scan depends on, but for what the authorisation permits."""
    known = [
        task.probe,
        scan,
        task.options,
        task.subject.model_dump(mode="json"),
        target.declared.model_dump(mode="json"),
        [each.model_dump(mode="json") for each in needs],
        trust.digest,
    ]
    return digest(canonical(known))


class _Asked(Protocol):
    @property
    def probe(self) -> str: ...


A = TypeVar("A", bound=_Asked)


def interleave(tasks: Sequence[A]) -> list[A]:
    """The tasks in the order in which they start: all probes in turn, each starting at another endpoint."""
    by_probe: dict[str, list[A]] = {}
    for task in tasks:
        by_probe.setdefault(task.probe, []).append(task)
    starts = ((each, len(each) * place // len(by_probe)) for place, each in enumerate(by_probe.values()))
    turned = (each[start:] + each[:start] for each, start in starts)
    return [task for row in zip_longest(*turned) for task in row if task is not None]


@dataclass(slots=True, eq=False)
class Collector:
    """Collects the evidence of one inspection through an open gateway."""

    inspection: Inspection
    registry: Registry
    settings: Settings
    gateway: Gateway
    ledger: Ledger
    writer: CaptureWriter
    planner: Planner
    trust: Trust
    progress: Callable[[Progress], None] = lambda _step: None
    stop_at: float | None = None  # by time.monotonic, which is the event loop's clock too
    shared: SharedScans | None = None
    control: InspectionControl = field(default_factory=InspectionControl)
    _done: dict[tuple[TaskKey, int], Evidence] = field(default_factory=dict)
    _asked: dict[TaskKey, ScanTask] = field(default_factory=dict)
    _pins: dict[str, PinnedHost] = field(default_factory=dict)
    _planned: int = 0
    _held: list[_Ended] = field(default_factory=list)
    _postponed: list[ScanTask] = field(default_factory=list)
    _first: dict[tuple[str | None, str | None], list[Evidence]] = field(default_factory=dict)
    _hosts: dict[str | None, Declared] = field(default_factory=dict)
    _observations: dict[tuple[str, int], Observation] = field(default_factory=dict)
    _keeper: _BatchWriter = field(init=False)
    _limiter: AdaptiveLimiter = field(init=False)
    _sweeps: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._limiter = AdaptiveLimiter(self.settings.ceilings.scans)
        # A sweep waits for nmap and leaves the loop alone; those that begin together share a process.
        self._sweeps = asyncio.Semaphore(self.settings.ceilings.scans)
        self._pins = {each.name: each for each in self.inspection.plan.pins}
        self._keeper = _BatchWriter(self.writer)
        for _, evidence in self.writer.evidence():
            self._note(evidence)

    def _note(self, evidence: Evidence) -> None:
        self._done[self._key(evidence), evidence.scan] = evidence
        if evidence.scan == 1:
            self._first.setdefault((evidence.subject.host, evidence.subject.address), []).append(evidence)

    @staticmethod
    def _key(evidence: Evidence) -> TaskKey:
        return (evidence.probe, *evidence.subject.key)

    async def collect(self, tasks: Iterable[ScanTask]) -> None:
        """Run every task without evidence, wave by wave, with those for discovered subjects."""
        pending: dict[TaskKey, ScanTask] = {task.key: task for task in tasks}
        self.control.check()
        if self.shared is not None:
            self.shared.join(self, self._shareable(pending.values()))
        while todo := [task for key, task in pending.items() if key not in self._asked]:
            wave = min(task.wave for task in todo)
            batch = [task for task in todo if task.wave == wave]
            self._asked.update({task.key: task for task in batch})
            self._planned = len(pending)
            await self._wave([task for task in batch if (task.key, 1) not in self._done], 1)
            self._check_postponed()
            for task in batch:
                for found in await self._discovered(task):
                    pending.setdefault(found.key, found)

    async def confirm(self, parts: Mapping[TaskKey, tuple[str, ...] | None]) -> None:
        """Scan these tasks a second time, with the needs and pins of the first scan.

        Where the probe can, only these parts of the observation are asked for; None: what the first scan asked.
        """
        self.control.check()
        tasks = [
            self._limited(task, parts[task.key])
            for task in self._asked.values()
            if task.key in parts and task.cause is None
        ]
        for wave in sorted({task.wave for task in tasks}):
            await self._wave([task for task in tasks if task.wave == wave and (task.key, 2) not in self._done], 2)
            self._check_postponed()

    def _shareable(self, tasks: Iterable[ScanTask]) -> dict[TaskKey, Rates]:
        """The tasks that other inspections of the run may have, with the rates at which this one may ask."""
        rates = {each.id: each.rates for each in self.inspection.authorisations}
        return {
            task.key: rates[task.authorisation]
            for task in tasks
            if self._may_share(task, self.registry.probes[task.probe]) and task.authorisation in rates
        }

    def leave(self) -> None:
        """The inspection has ended: what it shares with others of the run need not be kept for it."""
        if self.shared is not None:
            self.shared.leave(self)

    def _limited(self, task: ScanTask, parts: tuple[str, ...] | None) -> ScanTask:
        """The task for these parts of the observation only."""
        if parts is None or not self.registry.probes[task.probe].has_parts:
            return task
        return task.model_copy(update={"options": {**task.options, PARTS: list(parts)}})

    async def _wave(self, tasks: Sequence[ScanTask], scan: int) -> None:
        await self._run(tasks, scan, may_hold=scan == 1)
        held, self._held = self._held, []
        lost = [each for each in held if self._is_lost(each.task)]
        again = await self._pause({each.task.subject.address or "" for each in lost})
        for each in held:
            if each not in lost:
                await self._record(each)
            elif not again:
                await self._record(self._rate_limited(each))
        if again:
            await self._run([each.task for each in lost], scan, may_hold=False)

    async def _run(self, tasks: Sequence[ScanTask], scan: int, *, may_hold: bool) -> None:
        async def one(task: ScanTask) -> None:
            async with self._sweeps if task.bounds.port_questions else self._limiter:
                ended = await self._scan(task, scan)
                if self._is_postponed(ended):
                    self._postponed.append(task)
                elif may_hold and self._may_be_lost(task):
                    self._held.append(ended)
                else:
                    await self._record(ended)

        futures = [
            asyncio.create_task(one(task), name=f"scan {task.probe} {task.subject.uri}") for task in interleave(tasks)
        ]
        try:
            with responsive(BLOCKING_SECONDS):
                await asyncio.gather(*futures)
        finally:
            for future in futures:
                future.cancel()
            await asyncio.gather(*futures, return_exceptions=True)
            await self._keeper.finish()

    def _is_postponed(self, ended: _Ended) -> bool:
        """Whether the scan is made when the inspection is continued: it was stopped, or its authorised hours ended.

        A scan that was cut may have seen a part, which is not recorded either. Where the control does not interrupt at
        the end of the hours, only a sweep of all ports is postponed.
        """
        if ended.task.cause is not None:
            return False
        if self.control.is_stopped:
            return True
        failure = ended.output.failure
        if self.control.at_end_of_hours and (authorisation := self._authorisation(ended.task)) is not None:
            return self.planner.scope.window_closes(now(), authorisation) is None
        is_over = failure is not None and failure.cause is Cause.OUTSIDE_WINDOW
        if not (is_over and self.inspection.plan.selection.all_ports and ended.task.bounds.port_questions):
            return False
        return self.planner.scope.opens_next(now()) is not None

    def _check_postponed(self) -> None:
        """Raise InspectionStopped where it was stopped, NotAuthorised where scans go on in later hours.

        Then nothing that comes after them may begin.
        """
        self.control.check()
        if not self._postponed:
            return
        if self.control.at_end_of_hours:
            raise NotAuthorised("the authorised hours ended")
        opens = self.planner.scope.opens_next(now())
        raise NotAuthorised(
            FormattedMessage(
                "the authorised hours ended during the sweep of all ports of {addresses}",
                addresses=", ".join(sorted(task.subject.address or "" for task in self._postponed)),
            ),
            remedy=FormattedMessage(
                "resume it from {instant} on, or close it with 'inspector seal'",
                instant=opens.isoformat(timespec="minutes") if opens else "",
            ),
        )

    def _may_be_lost(self, task: ScanTask) -> bool:
        """Whether the scan failed to connect to an address that answered before and was not yet asked again."""
        if task.cause is not None or task.subject.address is None or task.bounds.port_questions:
            return False
        reachability = self.gateway.reachability(task.subject.address)
        name = (task.probe, task.subject.uri)
        return reachability.has_answered and reachability.stopped_before is None and reachability.has_failed(name)

    def _is_lost(self, task: ScanTask) -> bool:
        return self.gateway.reachability(task.subject.address or "").is_lost((task.probe, task.subject.uri))

    async def _pause(self, addresses: Collection[str]) -> bool:
        """Wait until these addresses may be asked again; whether there is time for that.

        A connection or two that were lost need no pause; an address that stopped answering gets one in an inspection.
        """
        if not addresses:
            return False
        stopped = [each for each in addresses if self.gateway.reachability(each).stopped is not None]
        if stopped:
            seconds = self.settings.ceilings.pause_seconds
            closes = self.planner.scope.window_closes(now())
            if closes is None or closes <= now() + timedelta(seconds=seconds):
                return False
            if self.stop_at is not None and self.stop_at <= time.monotonic() + seconds:
                return False
            for each in stopped:
                _log.warning("address stopped answering", extra={"address": each, "seconds": seconds})
            await asyncio.sleep(seconds)
        for each in addresses:
            self.gateway.resume(each)
        return True

    def _rate_limited(self, ended: _Ended) -> _Ended:
        """The scan as one that saw nothing: what its failed connections showed is not known."""
        stopped = self.gateway.reachability(ended.task.subject.address or "").stopped
        detail = stopped.text if stopped is not None else "the address refused connections at ports that had answered"
        note = FailureNote(cause=Cause.RATE_LIMITED, detail=detail)
        return replace(ended, output=ScanOutput(failure=note), facts=None)

    async def _scan(self, task: ScanTask, scan: int) -> _Ended:
        probe = self.registry.probes[task.probe]
        target = Target(task.subject, self._declared(task.subject.host))
        began = now()
        _log.debug("scan started", extra=self._fields(task, scan))
        facts: dict[str, object] | None = None
        ended: datetime | None = None
        if task.cause is not None:
            output = ScanOutput(failure=FailureNote(cause=task.cause, detail=task.detail))
        elif self._time_is_up():
            output = ScanOutput(failure=_TIME_IS_UP)
        else:
            found = await self._capture(task, probe, target, scan)
            if isinstance(found, SharedScan):
                began, ended, output = found.began, found.ended_at, found.output or ScanOutput()
            else:
                output = found
            if output.raw:
                facts, note = await facts_of(probe, output, self.trust.parse_context(target.subject, began))
                output = output.model_copy(update={"failure": output.failure or note})
        return _Ended(task, scan, began, ended or now(), output, facts)

    def _declared(self, host: str | None) -> Declared:
        if host not in self._hosts:
            self._hosts[host] = self.inspection.system.declared(host)
        return self._hosts[host]

    def _time_is_up(self) -> bool:
        return self.stop_at is not None and time.monotonic() >= self.stop_at

    async def _capture(self, task: ScanTask, probe: Probe, target: Target, scan: int) -> ScanOutput | SharedScan:
        """What the scan gives; or the scan of another inspection of the run that asked the same."""
        unfinished = self._unfinished(task, scan)
        # What a second scan is to confirm, no reply to the first one may answer.
        network = self.gateway.network(probe, target, self._authorisation(task), unfinished, asks_anew=scan > 1)
        leading: SharedScan | None = None
        output: ScanOutput | None = None
        try:
            needs = [self._needed(kind, task) for _, kind in probe.needs]
            if self.shared is not None and self._may_share(task, probe):
                question = cache(partial(_question, self.trust, task, target, needs, scan))  # mostly nobody compares it
                first = self._done.get((task.key, 1)) if scan > 1 else None
                async with asyncio.timeout_at(self.stop_at):
                    taken = await self.shared.find(question, task.key, network, first.ended if first else None)
                if taken is not None and taken.output is not None:
                    return replace(taken, output=network.with_own_fingerprints(taken.output, taken.log))
                leading = self.shared.begin(question, task.key, network)
            scanning = asyncio.create_task(
                self._call(task, probe, target, network, needs), name=f"{probe.name} {task.subject.uri}"
            )
            output = await result_of_task(scanning)
        except (BundleError, RateLimitError):
            raise
        except TimeoutError as error:
            output = ScanOutput(failure=_TIME_IS_UP if self._time_is_up() else failure_of(error, probe))
        except Exception as error:  # noqa: BLE001  (whatever a plugin raises becomes evidence)
            output = ScanOutput(failure=failure_of(error, probe))
        finally:
            try:
                await network.close()
            finally:
                if leading is not None and self.shared is not None:
                    is_for_all = self._is_for_all(task, output) and network.end_sharing()
                    self.shared.end(task.key, leading, output if is_for_all else None)
        if network.violation is not None:
            output = ScanOutput(failure=failure_of(network.violation, probe))
        return output if leading is None else network.with_own_fingerprints(output, leading.log)

    def _unfinished(self, task: ScanTask, scan: int) -> UnfinishedScan:
        """What this scan keeps until it is recorded."""
        return UnfinishedScan(self.writer.folder, [*task.key, scan, task.options])

    def _may_share(self, task: ScanTask, probe: Probe) -> bool:
        """Whether another inspection of the run may ask the same: of an address, of which authorisations speak."""
        is_permitted = task.cause is None and None not in (task.authorisation, task.subject.address)
        return is_permitted and not probe.infrastructure

    def _is_for_all(self, task: ScanTask, output: ScanOutput | None) -> bool:
        """Whether what the scan gave holds for every inspection that asks the same."""
        if output is None or self._may_be_lost(task):
            return False
        return output.failure is None or output.failure.cause not in _OWN_CAUSES

    async def _call(
        self, task: ScanTask, probe: Probe, target: Target, network: Network, needs: Sequence[Observation]
    ) -> ScanOutput:
        """What the plugin's scan returns, in time; whatever it raises is an ``Exception``."""
        seconds = float(min(task.bounds.seconds or 30, self.settings.ceilings.scan_seconds))
        async with asyncio.timeout_at(self.stop_at), network.within(seconds):
            with contained():
                output = ScanOutput.model_validate(await probe.scan(target, network, *needs, **task.options))
                size = sum(len(raw.data) for raw in output.raw)
                if size > RAW_BYTES:
                    raise ValueError(f"the scan returned {size} raw bytes; at most {RAW_BYTES} are kept")
                return redacted_raw(output)

    def _authorisation(self, task: ScanTask) -> Authorisation | None:
        return next((each for each in self.inspection.authorisations if each.id == task.authorisation), None)

    def _needed(self, kind: type[Observation], task: ScanTask) -> Observation:
        """The first scan's observation of this kind at the same service; raises ScanFailure with its cause."""
        family = kind.kind.partition("/")[0]
        for evidence in self._first.get((task.subject.host, task.subject.address), ()):
            if not task.subject.shares_service(evidence.subject) or evidence.kind.partition("/")[0] != family:
                continue
            if evidence.facts is None:
                cause = evidence.failure.cause if evidence.failure else Cause.NOT_REACHED
                raise ScanFailure(cause, f"the observation it needs was not seen: {evidence.probe}")
            key = (kind.kind, id(evidence))  # which is kept
            if key not in self._observations:
                self._observations[key] = kind.model_validate(evidence.facts)
            return self._observations[key]
        raise ScanFailure(Cause.NOT_SELECTED, f"no selected probe gives the observation it needs: {kind.kind}")

    async def _record(self, ended: _Ended) -> None:
        task = ended.task
        probe = self.registry.probes[task.probe]
        bare = Evidence(
            probe=probe.name,
            probe_version=probe.version,
            kind=probe.kind.kind,
            subject=task.subject,
            endpoint=task.endpoint,
            scan=ended.scan,
            began=ended.began,
            ended=ended.ended,
            vantage=self.inspection.vantage.name,
            authorisation=task.authorisation,
            options=task.options,
            gaps=self._limits(task),
        )
        ready = _storable(bare, probe, ended.output, ended.facts)
        await self._keeper.keep(ready)
        if task.bounds.port_questions:
            self._unfinished(task, ended.scan).remove()
        evidence = ready.evidence
        self._note(evidence)
        self._log_end(task, evidence)
        self.progress(
            Progress(
                system=self.inspection.system.id,
                done=len(self._done),
                planned=max(self._planned, len(self._done)),
                probe=probe.name,
                subject=task.subject.address or task.subject.uri,
                cause=evidence.failure.cause if evidence.failure else None,
            )
        )

    def _limits(self, task: ScanTask) -> tuple[Gap, ...]:
        """The gap of a scan that missed connections because its address had stopped answering."""
        if task.cause is not None or task.subject.address is None:
            return ()
        reachability = self.gateway.reachability(task.subject.address)
        stopped = reachability.stopped or reachability.stopped_before
        if stopped is None or not reachability.has_failed((task.probe, task.subject.uri)):
            return ()
        return (Gap(question=STOPPED_ANSWERING, cause=Cause.RATE_LIMITED, detail=stopped.text),)

    def _fields(self, task: ScanTask, scan: int) -> dict[str, object]:
        """The fields of a log line about a scan."""
        return {
            "system": self.inspection.system.id,
            "inspection": self.inspection.id,
            "probe": task.probe,
            "subject": task.subject.uri,
            "address": task.subject.address,
            "authorisation": task.authorisation,
            "scan": scan,
        }

    def _log_end(self, task: ScanTask, evidence: Evidence) -> None:
        failure = evidence.failure
        result = {
            "seconds": (evidence.ended - evidence.began).total_seconds(),
            "cause": failure.cause.value if failure else None,
            "detail": failure.detail if failure else None,
        }
        _log.info("scan ended", extra={**self._fields(task, evidence.scan), **result})

    async def _discovered(self, task: ScanTask) -> list[ScanTask]:
        evidence = self._done.get((task.key, 1))
        found: list[ScanTask] = []
        for index, each in enumerate(evidence.discovered if evidence else ()):
            asked = index < TASKS_PER_SCAN
            found.extend(self.planner.discovered(each, task, await self._pin(each) if asked else None, asked=asked))
        return found

    async def _pin(self, found: Discovered) -> PinnedHost | None:
        """The pin of a discovered subject's host; only infrastructure and names within the scope are resolved."""
        host = self.planner.host_of(found)
        if host is None:
            return None
        if found.address is not None:
            return PinnedHost(name=host, addresses=(found.address,))
        if host not in self._pins and (found.infrastructure or is_address(host)):
            (self._pins[host],) = await resolve_and_pin([host], self.settings, self.ledger)
        outside = PinnedHost(
            name=host, failure=Cause.OUT_OF_SCOPE, detail="discovered, and not among the declared endpoints"
        )
        return self._pins.get(host, outside)
