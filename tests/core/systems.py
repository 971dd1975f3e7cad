"""A plugin, a regime and a system of a test's own: whole inspections that ask nobody anything."""

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

OVEN, CRUMB = Scheme("oven", port=7), Scheme("crumb", port=8)
NAME = BilingualText(vi="thử", en="test")
RAW = (Raw(name="heat", data=b"hot"),)

Scan = Callable[..., Awaitable[ScanOutput]]


class Oven(Observation):
    """How an oven is."""

    kind: ClassVar[str] = "oven/1"
    hot: Answer[bool]


class Bread(Observation):
    """What came of it."""

    kind: ClassVar[str] = "bread/1"
    baked: bool


class Crumb(Observation):
    """What lay beside."""

    kind: ClassVar[str] = "crumb/1"
    size: int = 1


def parse_oven(output: ScanOutput, context: ParseContext) -> Oven:
    return Oven(hot=Answer(seen=output.named("heat") == b"hot"))


def parse_bread(output: ScanOutput, context: ParseContext) -> Bread:
    return Bread(baked=True)


def parse_crumb(output: ScanOutput, context: ParseContext) -> Crumb:
    return Crumb()


def oven(output: ScanOutput | None = None, parse: Callable[..., Any] = parse_oven) -> Probe:
    """A scan of an oven that comes to this, and brings crumbs to light."""
    comes_to = output or ScanOutput(raw=RAW)

    @probe(
        "oven",
        kind=Oven,
        schemes={OVEN},
        subject_kind=SubjectKind.ADDRESS,
        parse=parse,
        intrusiveness=Intrusiveness.PASSIVE,
        discovers={CRUMB},
        cost=Cost(connections=3, port_questions=5, seconds=20),
    )
    async def scan(target: Target, network: Network, *, doors: int = 1, wide: bool = False) -> ScanOutput:
        return comes_to

    return scan


@probe(
    "bread",
    kind=Bread,
    schemes={OVEN},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_bread,
    intrusiveness=Intrusiveness.PASSIVE,
)
async def bread(target: Target, network: Network, oven: Oven) -> ScanOutput:
    """Needs the oven."""
    return ScanOutput(raw=RAW)


@probe(
    "crumb",
    kind=Crumb,
    schemes={CRUMB},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_crumb,
    intrusiveness=Intrusiveness.PASSIVE,
)
async def crumb(target: Target, network: Network) -> ScanOutput:
    """Is found by others."""
    return ScanOutput(raw=RAW)


@check("oven-hot", title="Hot")
def oven_hot(seen: Oven, *, degrees: int = 200) -> Verdict:
    """It is hot.

    Remediation: heat it.
    """
    return passed("hot: {measured}", measured=seen.hot.value)


@check("bread-baked", title="Baked")
def bread_baked(seen: Bread) -> Verdict:
    """It is baked.

    Remediation: bake it.
    """
    return passed("baked")


@check("crumbs-swept", title="Swept", about=SubjectKind.ADDRESS)
def crumbs_swept(seen: Oven, crumbs: Every[Crumb]) -> Verdict:
    """No crumb is left.

    Remediation: sweep.
    """
    return passed("{count} crumbs", count=len(crumbs))


CHECKS = (oven_hot, bread_baked, crumbs_swept)


def crumbs(count: int) -> tuple[Discovered, ...]:
    """So many crumbs, each with an address of its own."""
    return tuple(Discovered(uri=f"crumb://127.0.0.{number}:8", why="a scan") for number in range(1, count + 1))


def registry(probes: Iterable[Probe] | None = None, checks: Iterable[Check] = CHECKS) -> Registry:
    """One plugin with these parts."""
    parts = list(probes if probes is not None else (oven(), bread, crumb))

    def inspector_probes() -> list[Probe]:
        return parts

    def inspector_checks() -> list[Check]:
        return list(checks)

    hooks = SimpleNamespace(inspector_probes=hookimpl(inspector_probes), inspector_checks=hookimpl(inspector_checks))
    return build([(Plugin("bakery", "bakery", "1", "inspector"), hooks)])


def row(check_id: str, **changes: Any) -> Requirement:
    """A row that asks for a check at every level."""
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
        id="bakery",
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
        "granted_by": "the baker",
        "covers": Covers(blocks=("127.0.0.0/8",)),
        "valid_from": at - timedelta(hours=1),
        "valid_until": at + timedelta(hours=1),
        "rates": Rates(connections_per_second=1, burst=1, at_once=1, port_questions_per_second=1),
    }
    return Authorisation(**{**values, **changes})


def system(*endpoints: str, **changes: Any) -> System:
    values = {"id": "bakery", "name": "Bakery", "owner": "the baker", "level": 3, "endpoints": endpoints}
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
    """An inspection of these ovens."""
    rules = regime or default_regime()
    values: dict[str, Any] = {
        "run": "run-1",
        "system": system(*(endpoints or ("oven://127.0.0.1",))),
        "authorisations": (authorisation(),),
        "regime": RegimeRef.of(rules),
        "as_of": datetime(2026, 11, 21, tzinfo=UTC),
    }
    context = RunContext(registry or default_registry(), settings or Settings(output=folder / "out"), (rules,))
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
