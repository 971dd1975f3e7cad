"""An example plugin, regime and system: whole inspections without network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

from inspector import (
    Answer,
    Check,
    Cost,
    Discovered,
    Every,
    Intrusiveness,
    Network,
    Observation,
    ParseContext,
    Probe,
    Raw,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    Verdict,
    check,
    hookimpl,
    passed,
    probe,
)
from inspector.declare.authorisation import Authorisation, AuthorisationKind, Covers, Rates
from inspector.declare.declaration import System
from inspector.declare.settings import Settings
from inspector.model.finding import Force, Obligation, Severity
from inspector.pipeline.capture import open_capture, seal_capture
from inspector.pipeline.context import RunContext
from inspector.pipeline.pipeline import OnProgress, collect_and_confirm
from inspector.pipeline.prepare import PlannedInspection, prepare
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.request import InspectionRequest, RegimeRef
from inspector.record.assessment import Assessment
from inspector.regime.regime import BilingualText, Regime, Requirement
from inspector.registry.registry import Plugin, Registry, build
from inspector.seal import Bundle, SigningKey

SENSOR, NEIGHBOUR = Scheme("sensor", port=7), Scheme("neighbour", port=8)
NAME = BilingualText(vi="thử", en="test")
RAW = (Raw(name="state", data=b"online"),)

Scan = Callable[..., Awaitable[ScanOutput]]


class Sensor(Observation):
    """The state of a sensor."""

    kind: ClassVar[str] = "sensor/1"
    online: Answer[bool]


class Average(Observation):
    """A value computed from the state of a sensor."""

    kind: ClassVar[str] = "average/1"
    computed: bool


class Neighbour(Observation):
    """A sensor that another one names."""

    kind: ClassVar[str] = "neighbour/1"
    size: int = 1


def parse_sensor(output: ScanOutput, context: ParseContext) -> Sensor:
    return Sensor(online=Answer(seen=output.named("state") == b"online"))


def parse_average(output: ScanOutput, context: ParseContext) -> Average:
    return Average(computed=True)


def parse_neighbour(output: ScanOutput, context: ParseContext) -> Neighbour:
    return Neighbour()


def sensor(output: ScanOutput | None = None, parse: Callable[..., Any] = parse_sensor) -> Probe:
    """The probe of sensors, whose scan returns ``output`` and discovers neighbours."""
    result = output or ScanOutput(raw=RAW)

    @probe(
        "sensor",
        kind=Sensor,
        schemes={SENSOR},
        subject_kind=SubjectKind.ADDRESS,
        parse=parse,
        intrusiveness=Intrusiveness.PASSIVE,
        discovers={NEIGHBOUR},
        cost=Cost(connections=3, port_questions=5, seconds=20),
    )
    async def scan(target: Target, network: Network, *, channels: int = 1, wide: bool = False) -> ScanOutput:
        return result

    return scan


@probe(
    "average",
    kind=Average,
    schemes={SENSOR},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_average,
    intrusiveness=Intrusiveness.PASSIVE,
)
async def average(target: Target, network: Network, sensor: Sensor) -> ScanOutput:
    """Needs the observation of the sensor."""
    return ScanOutput(raw=RAW)


@probe(
    "neighbour",
    kind=Neighbour,
    schemes={NEIGHBOUR},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_neighbour,
    intrusiveness=Intrusiveness.PASSIVE,
)
async def neighbour(target: Target, network: Network) -> ScanOutput:
    """Is discovered by other scans."""
    return ScanOutput(raw=RAW)


@check("sensor-online", title="Online")
def sensor_online(seen: Sensor, *, limit: int = 200) -> Verdict:
    """The sensor is online.

    Remediation: switch it on.
    """
    return passed("online: {measured}", measured=seen.online.value)


@check("average-computed", title="Computed")
def average_computed(seen: Average) -> Verdict:
    """The average is computed.

    Remediation: compute it.
    """
    return passed("computed")


@check("neighbours-known", title="Known", about=SubjectKind.ADDRESS)
def neighbours_known(seen: Sensor, neighbours: Every[Neighbour]) -> Verdict:
    """The neighbours are known.

    Remediation: add them.
    """
    return passed("{count} neighbours", count=len(neighbours))


CHECKS = (sensor_online, average_computed, neighbours_known)


def neighbours(count: int) -> tuple[Discovered, ...]:
    """This many neighbours, each with an address of its own."""
    return tuple(Discovered(uri=f"neighbour://127.0.0.{number}:8", why="a scan") for number in range(1, count + 1))


def registry(probes: Iterable[Probe] | None = None, checks: Iterable[Check] = CHECKS) -> Registry:
    """A registry of one plugin with these parts."""
    parts = list(probes if probes is not None else (sensor(), average, neighbour))

    def inspector_probes() -> list[Probe]:
        return parts

    def inspector_checks() -> list[Check]:
        return list(checks)

    hooks = SimpleNamespace(inspector_probes=hookimpl(inspector_probes), inspector_checks=hookimpl(inspector_checks))
    return build([(Plugin("example", "example", "1", "inspector"), hooks)])


def row(check_id: str, **changes: Any) -> Requirement:
    """A row of a check that applies at every level."""
    values: dict[str, Any] = {
        "id": check_id,
        "check": check_id,
        "levels": (1, 2, 3, 4, 5),
        "force": Force.BASELINE,
        "obligation": Obligation.SHOULD,
        "severity": Severity.LOW,
        "source": "a test",
    }
    return Requirement(**{**values, **changes})


def regime(*rows: Requirement) -> Regime:
    return Regime(
        id="example",
        version="1",
        title=NAME,
        documents={},
        authority=NAME,
        term=NAME,
        valid_from=date(2020, 1, 1),
        clauses=(),
        requirements=rows or tuple(row(each.id) for each in CHECKS),
        last_checked=date(2026, 1, 1),
    )


def authorisation(**changes: Any) -> Authorisation:
    at = datetime.now(UTC)
    values: dict[str, Any] = {
        "id": "a-1",
        "kind": AuthorisationKind.OWN_ESTATE,
        "granted_by": "the owner",
        "covers": Covers(blocks=("127.0.0.0/8",)),
        "valid_from": at - timedelta(hours=1),
        "valid_until": at + timedelta(hours=1),
        "rates": Rates(connections_per_second=1, burst=1, at_once=1, port_questions_per_second=1),
    }
    return Authorisation(**{**values, **changes})


def system(*endpoints: str, **changes: Any) -> System:
    values = {"id": "example", "name": "Example", "owner": "the owner", "level": 3, "endpoints": endpoints}
    return System.model_validate({**values, **changes})


default_registry, default_regime = registry, regime


class Job(NamedTuple):
    """A request, and the context in which it is run."""

    request: InspectionRequest
    context: RunContext

    def changed(self, **changes: Any) -> Job:
        """The same with another request."""
        return self._replace(request=self.request.model_copy(update=changes))


def job(
    folder: Path,
    *endpoints: str,
    registry: Registry | None = None,
    regime: Regime | None = None,
    settings: Settings | None = None,
    **changes: Any,
) -> Job:
    """A request to inspect these sensors."""
    rules = regime or default_regime()
    values: dict[str, Any] = {
        "run": "run-1",
        "system": system(*(endpoints or ("sensor://127.0.0.1",))),
        "authorisations": (authorisation(),),
        "regime": RegimeRef.of(rules),
        "as_of": datetime(2026, 11, 21, tzinfo=UTC),
    }
    known, own = registry or default_registry(), settings or Settings(output=folder / "out")
    context = RunContext(known, own, (rules,), tables=())
    return Job(InspectionRequest(**{**values, **changes}), context)


def planned(given: Job) -> PlannedInspection:
    """The plan of an inspection."""
    return asyncio.run(prepare(given.request, given.context))


def inspect(
    folder: Path, given: Job, *, collected: bool = True, progress: OnProgress = lambda _step: None
) -> tuple[Bundle, Assessment]:
    """The whole pipeline; without ``collected`` it is closed before anything was scanned."""
    made = planned(given)
    with open_capture(made, given.context) as writer:
        if collected:
            asyncio.run(collect_and_confirm(writer, made, given.context, progress))
        bundle = seal_capture(writer, made.planner, SigningKey.load_or_create(folder / "key.pem"))
    options = AssessmentOptions(as_of=given.request.as_of)
    return bundle, asyncio.run(assess_bundle(bundle, given.context.registry, options))


def outcomes(assessment: Assessment) -> Mapping[str, tuple[str, str | None]]:
    """Outcome and cause by check."""
    return {each.check: (each.outcome, each.cause) for each in assessment.findings}
