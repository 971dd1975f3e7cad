"""The workloads that are measured, each in its own process: ``python -m benchmarks.tls_work KIND PORT COUNT``.

Prints one line of JSON: seconds of wall time and of CPU time (with child processes), the part of the CPU time before
the workload began (``start_cpu``: imports), the peak memory of this process in MB, and the number of connections.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.servers import HOST, addresses

if TYPE_CHECKING:
    from inspector import Probe, Scheme
    from inspector.model.observation import Observation
    from inspector.model.subject import Subject

_TICK_SECONDS = 0.005


def _spent() -> float:
    """Seconds of CPU time of this process and of its child processes that ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


# --- Inspector --------------------------------------------------------------------------------------------------------


class ScanTask(NamedTuple):
    """One scan: the name of its probe, and the address."""

    probe: str
    address: str


async def through_gateway(
    port: int,
    tasks: Sequence[ScanTask],
    scan: Callable[..., Awaitable[Any]],
    probe: Probe,
    scheme: Scheme,
    *,
    roots: bytes = b"",
) -> dict[str, Any]:
    """Run these scans through one gateway without effective rate limits; ``scan`` gets task, target and network.

    ``roots`` (PEM) are those that clients trust.

    As in an inspection, the concurrency follows the lag of the event loop, and Python's cyclic collector runs rarely.
    """
    from inspector import Declared, Target
    from inspector.collect.limiter import AdaptiveLimiter
    from inspector.declare.authorisation import Authorisation, AuthorisationKind, Covers, PortRange, Rates
    from inspector.declare.declaration import System
    from inspector.declare.settings import Settings
    from inspector.fleet.gc_tuning import reduced_gc
    from inspector.model.base import now
    from inspector.model.intrusiveness import Intrusiveness
    from inspector.model.subject import SubjectKind, parse_uri, subject_of
    from inspector.network import Gateway, Ledger, Scope
    from inspector.record.plan import PinnedHost

    at = now()
    granted = Authorisation(
        id="benchmark",
        kind=AuthorisationKind.OWN_ESTATE,
        granted_by="the benchmark",
        covers=Covers(blocks=("127.0.0.0/8",), ports=(PortRange(first=1, last=65535),)),
        valid_from=at - timedelta(minutes=1),
        valid_until=at + timedelta(hours=2),
        intrusiveness=Intrusiveness.INTRUSIVE,
        rates=Rates(connections_per_second=100_000, burst=100_000, at_once=50),
    )
    uri = parse_uri(f"{scheme.name}://{HOST}:{port}", {scheme.name: scheme})
    system = System(id="b", name="B", owner="B", level=3, endpoints=(str(uri),))
    scope = Scope(
        [granted], system, [PinnedHost(name=HOST, addresses=tuple(dict.fromkeys(task.address for task in tasks)))]
    )
    settings = Settings()
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl")
        async with Gateway(settings, scope, ledger, salt=b"benchmark", run="benchmark", roots=roots) as gateway:
            limiter = AdaptiveLimiter(settings.ceilings.scans)

            async def one(task: ScanTask) -> None:
                async with limiter:
                    target = Target(subject_of(uri, SubjectKind.ADDRESS, address=task.address), Declared())
                    network = gateway.network(probe, target, granted)
                    try:
                        await scan(task, target, network)
                    finally:
                        await network.close()

            lags: list[float] = []
            ticking = asyncio.create_task(_tick(lags))
            before, began = _spent(), time.monotonic()
            with reduced_gc():
                await asyncio.gather(*(asyncio.create_task(one(task)) for task in tasks))
            wall = time.monotonic() - began
            ticking.cancel()
        # Every connection has two lines; parsing them is not part of the workload.
        connections = ledger.path.read_bytes().count(b"\n") // 2
    return {"wall": wall, "start_cpu": before, "connections": connections, "lag": _lag(lags)}


async def _tick(lags: list[float]) -> None:
    """Record the delay of a short sleep, again and again."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(_TICK_SECONDS)
        lags.append(time.monotonic() - began - _TICK_SECONDS)


def _lag(lags: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum in milliseconds."""
    if len(lags) < 100:
        return {}
    in_order = sorted(1000 * each for each in lags)
    return {
        "median": round(statistics.median(in_order), 2),
        "p99": round(in_order[int(len(in_order) * 0.99)], 2),
        "most": round(in_order[-1], 1),
    }


def enumerate_endpoints(port: int, count: int, *, mode: str, extra: bool) -> dict[str, Any]:
    """Enumerate and parse; with the connections of the first endpoint against the lower bound."""
    from inspector_tls.enumeration import scheduler
    from inspector_tls.enumeration.probe import HTTPS, tls
    from inspector_tls.enumeration.question_flow import FlowRunner
    from inspector_tls.enumeration.transcript import Mode, Transcript
    from inspector_tls.observations import Part, Tls

    parts = frozenset(Part if extra else (Part.SUITES, Part.GROUPS, Part.CURVES))
    made: list[FlowRunner] = []
    seen: list[tuple[Transcript, Tls]] = []

    class Counted(FlowRunner):
        def __init__(self, flow: Any) -> None:
            super().__init__(flow)
            made.append(self)

    vars(scheduler)["FlowRunner"] = Counted

    async def scan(_task: ScanTask, _target: Any, network: Any) -> None:
        result = await scheduler.enumerate_endpoint(network, server_name=HOST, mode=Mode(mode), parts=parts)
        facts = result.facts
        if not seen:
            seen.append((result.transcript, facts))
        elif facts.versions.all != seen[0][1].versions.all:
            raise RuntimeError("the same server gave different results")

    tasks = [ScanTask("tls", address) for address in addresses(count)]
    done = asyncio.run(through_gateway(port, tasks, scan, tls, HTTPS))
    transcript, facts = seen[0]
    floor = 1 + sum(1 if not each.accepted.seen else 1 + len(each.suites.accepted) for each in facts.versions.each[1:])
    floor += sum(1 + len(offer.accepted) for offer in (facts.groups, facts.curves) if offer.accepted)
    rounds = max(each.rounds for each in made)
    return {
        **done,
        "asked": transcript.connections,
        "floor": floor,
        "rounds": rounds,
        "gaps": len(facts.gaps),
    }


def every_scan(port: int, count: int, *, timed: bool = False) -> dict[str, Any]:
    """All scans of every endpoint that need no other observation, their parses, and all checks of the observations.

    As in an inspection, the scans are interleaved, and the checks run at the end.
    ``timed`` records the CPU time of every step of the event loop, which adds some overhead.
    """
    import inspector_sslyze
    import inspector_tls
    from inspector import Cause, Declared
    from inspector.collect.collector import interleave
    from inspector.collect.parsing import facts_of
    from inspector.model.base import now
    from inspector.plugin.check import Every, SubjectResult
    from inspector.plugin.probe import ParseContext
    from inspector_tls.enumeration.probe import HTTPS, tls

    probes = {
        probe.name: probe
        for plugin in (inspector_tls, inspector_sslyze)
        for probe in plugin.inspector_probes()
        if not probe.needs and any(each.name == "https" for each in probe.schemes)
    }

    checks = [*inspector_tls.inspector_checks(), *inspector_sslyze.inspector_checks()]

    async def scan(task: ScanTask, target: Any, network: Any) -> None:
        probe = probes[task.probe]
        output = await probe.scan(target, network, **probe.options().model_dump(mode="json"))
        facts, note = await facts_of(probe, output, ParseContext(target.subject, now()))
        if note is not None:
            raise RuntimeError(f"{probe.name}: {note.detail}")
        everything[target.subject][probe.kind] = facts

    def outcomes(subject: Subject, facts: dict[type[Observation], Any]) -> Iterator[str]:
        seen = {kind: SubjectResult(subject, kind.model_validate(raw)) for kind, raw in facts.items()}
        for check in checks:
            inputs: list[object] = []
            for each in check.inputs:
                if each.kind is None:
                    inputs.append(Declared())
                    continue
                one = seen.get(each.kind) or SubjectResult(subject, None, Cause.NOT_SELECTED)
                inputs.append(Every([one]) if each.every else one)
            yield check.evaluate(inputs, {}).outcome.value

    steps: list[float] = []
    everything: defaultdict[Subject, dict[type[Observation], Any]] = defaultdict(dict)
    if timed:
        _time_steps(steps)
    tasks = interleave([ScanTask(name, address) for name in probes for address in addresses(count)])
    done = asyncio.run(through_gateway(port, tasks, scan, tls, HTTPS))
    began = time.monotonic()
    verdicts = Counter(verdict for subject, seen in everything.items() for verdict in outcomes(subject, seen))
    wall = done["wall"] + time.monotonic() - began
    return {**done, "wall": wall, "steps": _lag(steps), "verdicts": dict(sorted(verdicts.items()))}


def _time_steps(steps: list[float]) -> None:
    """Record the CPU time of every step of the event loop: on a busy machine the lag depends on other processes."""
    run = asyncio.Handle._run  # noqa: SLF001  (there is no public hook for a step)

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run(handle)
        steps.append(time.thread_time() - began)

    asyncio.Handle._run = timed  # type: ignore[assignment,method-assign]  # noqa: SLF001


# --- sslyze -----------------------------------------------------------------------------------------------------------


def sslyze(port: int, count: int, *, everything: bool) -> dict[str, Any]:
    """The scope of the enumeration, or everything that its command line does; with its default concurrency."""
    from sslyze.plugins.scan_commands import ScanCommand
    from sslyze.scanner.models import ServerScanRequest, ServerScanStatusEnum
    from sslyze.scanner.scanner import Scanner
    from sslyze.server_setting import ServerNetworkLocation

    same = {
        each for each in ScanCommand if each.value.endswith("_cipher_suites") or each is ScanCommand.ELLIPTIC_CURVES
    }
    commands = set(ScanCommand) if everything else same
    scanner = Scanner()
    before, began = _spent(), time.monotonic()
    scanner.queue_scans(
        [
            ServerScanRequest(ServerNetworkLocation(HOST, port=port, ip_address=address), scan_commands=commands)
            for address in addresses(count)
        ]
    )
    states = [result.scan_status for result in scanner.get_results()]
    if states != [ServerScanStatusEnum.COMPLETED] * count:
        raise RuntimeError("sslyze did not complete")
    return {"wall": time.monotonic() - began, "start_cpu": before}


WORK: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "economical": lambda port, count: enumerate_endpoints(port, count, mode="economical", extra=False),
    "fast": lambda port, count: enumerate_endpoints(port, count, mode="fast", extra=False),
    "extra": lambda port, count: enumerate_endpoints(port, count, mode="economical", extra=True),
    "scans": every_scan,
    "scans-timed": lambda port, count: every_scan(port, count, timed=True),
    "sslyze-same": lambda port, count: sslyze(port, count, everything=False),
    "sslyze-all": lambda port, count: sslyze(port, count, everything=True),
}


def main() -> None:
    """Run one workload and print its cost."""
    from inspector.network.sandbox.pool import kill_idle

    kind, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    done = WORK[kind](port, count)
    kill_idle(0)  # the CPU time of child processes counts once they have ended
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(json.dumps({**done, "cpu": _spent(), "memory_mb": memory}) + "\n")


if __name__ == "__main__":
    main()
