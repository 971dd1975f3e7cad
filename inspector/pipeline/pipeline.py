"""One system, start to end: plan → collect → provisional assess → second look → seal → assess."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inspector import __version__
from inspector.assess.assessor import Given, Verdicts, assess, worth_a_second_look
from inspector.collect.collector import Collector, Progress, Trust
from inspector.collect.parsing import facts_of
from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import Organisation, System
from inspector.declare.document import Places, fault_at
from inspector.declare.settings import Settings
from inspector.declare.statement import Statement
from inspector.model.base import Cause, now
from inspector.model.errors import Misuse, PaperError
from inspector.model.observation import Evidence, TroubleNote
from inspector.network import Door, Ledger, Scope, pin
from inspector.network.guard.audit_hook import Bypass, rest, stand
from inspector.pipeline.system_filter import Part
from inspector.plan.planner import (
    ASKED_PER_LOOK,
    Planner,
    Selection,
    checks_of,
    draw,
    fit,
    hosts_of,
    is_beyond_touch,
    look_options,
    probes_of,
    refused_endpoints,
    validate_options,
)
from inspector.plugin.probe import Probe
from inspector.record.assessment import Judgement
from inspector.record.inspection import Ask, Inspection, LedgerEntry, Pin, Plan
from inspector.regime.regime import Regime, Requirement, changes, resolve
from inspector.registry.lock import records_of
from inspector.registry.registry import Registry
from inspector.seal import Bundle, SigningKey, Writer

#: Distributions whose versions a capture records.
TOOLS = ("cryptography", "dnspython", "httpx", "sslyze", "python-nmap", "pydantic")


#: The reason of a seal after which nothing is left to ask.
COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that one inspection is started with; ``others`` are declared together with ``system``."""

    run: str
    system: System
    organisation: Organisation | None
    authorisations: tuple[Authorisation, ...]
    settings: Settings
    registry: Registry
    regime: Regime
    next_regime: Regime | None
    as_of: datetime
    statements: tuple[Statement, ...] = ()
    selection: Selection = Selection()  # noqa: RUF009  (frozen and empty)
    places: Places = Places()  # noqa: RUF009  (frozen and empty)
    others: tuple[System, ...] = ()
    progress: Callable[[Progress], None] = lambda _step: None

    def requirements(self) -> tuple[Requirement, ...]:
        """The rows that hold for the system."""
        return resolve(self.regime, self.system, as_of=self.as_of)

    def beyond(self) -> tuple[str, ...]:
        """The ids of rows that need looks which no authorisation permits."""
        return tuple(
            each.id
            for each in self.requirements()
            if self.selection.keeps(each, self.registry)
            and is_beyond_touch(each, self.registry, self.authorisations, self.selection)
        )

    def kept(self) -> tuple[Requirement, ...]:
        """The rows that are asked this time."""
        beyond = set(self.beyond())
        return tuple(
            each for each in self.requirements() if each.id not in beyond and self.selection.keeps(each, self.registry)
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job with its plan drawn: names are resolved, nothing else was sent."""

    job: Job
    plan: Plan
    planner: Planner
    ledger: tuple[LedgerEntry, ...]


def _planner(job: Job, scope: Scope, at: datetime) -> Planner:
    kept = job.kept()
    validate_options(kept, job.registry)
    probes = probes_of(checks_of(kept, job.registry).values(), job.registry)
    options = {name: look_options(probe, kept) for name, probe in probes.items()}
    return Planner(job.system, job.registry, probes, options, scope, at)


async def prepare(job: Job) -> Prepared:
    """Resolve the names and draw the plan. Raises Misuse."""
    job.selection.known(job.registry, job.requirements())
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        ledger = Ledger(Path(folder) / "ledger.jsonl")
        pins: Sequence[Pin] = await pin(hosts_of(job.system, job.registry), job.settings, ledger)
        entries = tuple(ledger.entries())
    at = now()
    scope = Scope(job.authorisations, job.system, pins)
    planner = _planner(job, scope, at)
    return Prepared(job, draw(planner, pins, job.selection), planner, entries)


def permitted(prepared: Prepared) -> None:
    """Raise PaperError for declared endpoints that no authorisation covers now, WindowTooShort for a plan too long."""
    places = prepared.job.places
    faults = [
        fault_at(
            places.endpoint(prepared.job.system.id, endpoint),
            f"endpoint {endpoint} of system {prepared.job.system.id!r} may not be asked: {ask.detail}",
            "have it covered by an authorisation, or leave it out of this run; 'inspector plan' shows what is covered",
            source=endpoint,
        )
        for endpoint, ask in sorted(refused_endpoints(prepared.plan).items())
    ]
    if faults:
        raise PaperError(faults)
    fit(prepared.plan, prepared.planner.scope, prepared.planner.at, places)


def _tools() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def load_trust(settings: Settings) -> dict[str, bytes]:
    """The trust material that settings point to, by name in the capture. Raises Misuse."""
    import certifi

    declared: list[bytes] = []
    try:
        for path in settings.trust_roots:
            members = sorted(path.glob("*.pem")) + sorted(path.glob("*.crt")) if path.is_dir() else [path]
            declared.extend(member.read_bytes() for member in members)
        public = (settings.public_roots or Path(certifi.where())).read_bytes()
    except OSError as error:
        raise Misuse(
            f"trust roots cannot be read: {error.filename}: {error.strerror}",
            remedy="correct trust_roots or public_roots in the settings",
        ) from None
    return {
        "declared-roots.pem": b"\n".join(declared),
        "public-roots.pem": public,
        "dnssec-anchors.txt": "\n".join(settings.dnssec_anchors).encode(),
    }


def trust_of(material: Mapping[str, bytes]) -> Trust:
    """Trust material as ``read`` takes it."""
    anchors = material.get("dnssec-anchors.txt", b"").decode().splitlines()
    return Trust(
        declared_roots=material.get("declared-roots.pem", b""),
        public_roots=material.get("public-roots.pem", b""),
        dnssec_anchors=tuple(line for line in anchors if line.strip()),
    )


def _recorded(settings: Settings) -> dict[str, Any]:
    """Settings as they are recorded: without paths of keys."""
    return settings.model_dump(mode="json", exclude={"signing_key", "trust_roots", "public_roots", "output"})


def begin(prepared: Prepared) -> Writer:
    """Open the capture: everything that was decided before the first packet to a target."""
    job = prepared.job
    material = load_trust(job.settings)
    part = Part(job.system, job.others, job.registry.schemes)
    inspection = Inspection(
        id=f"{now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        run=job.run,
        begun=now(),
        inspector_version=__version__,
        organisation=job.organisation,
        system=job.system,
        endpoint_places=job.places.endpoints(job.system.id),
        authorisations=part.authorisations(job.authorisations, prepared.plan.pins),
        statements=part.statements(job.statements, job.requirements()),
        vantage=job.settings.vantage,
        contact=job.settings.contact,
        settings=_recorded(job.settings),
        regime=job.regime,
        overlays=tuple(sorted({each.overlay for each in job.requirements() if each.overlay})),
        next_regime=job.next_regime,
        plan=prepared.plan,
        plugins=records_of(job.registry),
        tools=_tools(),
        trust={name: hashlib.sha256(data).hexdigest() for name, data in material.items()},
    )
    writer = Writer.create(job.settings.output, inspection, trust=material)
    ledger = Ledger(writer.ledger_path)
    for entry in prepared.ledger:
        ledger.write(entry)
    return writer


async def collect(writer: Writer, job: Job, planner: Planner) -> Verdicts:
    """Collect what is missing, and look again at whatever fails at first sight; gives the verdicts reached so far."""
    inspection = writer.inspection
    planner = replace(planner, scope=Scope(inspection.authorisations, inspection.system, inspection.plan.pins))
    ledger = Ledger(writer.ledger_path)
    door = Door(job.settings, planner.scope, ledger, salt=writer.salt, run=inspection.run)
    within = inspection.plan.within_seconds
    async with door:
        collector = Collector(
            inspection=inspection,
            registry=job.registry,
            settings=job.settings,
            door=door,
            ledger=ledger,
            writer=writer,
            planner=planner,
            trust=trust_of({name: writer.trust(name) for name in inspection.trust}),
            progress=job.progress,
            stop_at=None if within is None else time.monotonic() + within,
        )
        await collector.collect(inspection.plan.asks)
        given = _given(job, inspection, writer.evidence())
        await collector.again(worth_a_second_look(given))
    return given.verdicts


def _given(job: Job, inspection: Inspection, evidence: Sequence[tuple[str, Evidence]]) -> Given:
    return Given(
        inspection=inspection,
        registry=job.registry,
        regime=job.regime,
        requirements=job.requirements(),
        evidence=evidence,
        as_of=job.as_of,
        statements=job.statements,
        selection=job.selection,
        overlays=inspection.overlays,
        changes=changes(job.regime, job.next_regime, job.system) if job.next_regime else (),
    )


def resumed(
    folder: Path,
    settings: Settings,
    registry: Registry,
    as_of: datetime,
    progress: Callable[[Progress], None] = lambda _step: None,
) -> tuple[Writer, Job, Planner]:
    """An interrupted inspection with everything needed to go on: its own papers, rules and plan."""
    writer = Writer.resume(folder)
    inspection = writer.inspection
    plan = inspection.plan
    selection = Selection.recorded(plan)
    job = Job(
        run=inspection.run,
        system=inspection.system,
        organisation=inspection.organisation,
        authorisations=inspection.authorisations,
        settings=settings,
        registry=registry,
        regime=inspection.regime,
        next_regime=inspection.next_regime,
        as_of=as_of,
        statements=inspection.statements,
        selection=selection,
        places=Places.of_endpoints(inspection.system.id, inspection.endpoint_places),
        progress=progress,
    )
    scope = Scope(inspection.authorisations, inspection.system, plan.pins)
    return writer, job, _planner(job, scope, now())


def close(writer: Writer, planner: Planner, key: SigningKey, *, reason: str = COMPLETE) -> Bundle:
    """Seal the capture; asks without an answer are recorded as aborted, so that nobody reads silence as a pass.

    Before it is complete, that goes for every aim that a look brought to light, too: at which other addresses it was to
    be asked is not known any more.
    """
    asks = {ask.key: ask for ask in writer.inspection.plan.asks}
    pins = {each.name: each for each in writer.inspection.plan.pins}
    done = {
        (evidence.probe, *evidence.subject.key): evidence for _, evidence in writer.evidence() if evidence.look == 1
    }
    for key_of, evidence in done.items():
        by = Ask(probe=evidence.probe, subject=evidence.subject, endpoint=evidence.endpoint)
        asks.setdefault(key_of, by)
        for index, found in enumerate(evidence.discovered):
            at = None if index >= ASKED_PER_LOOK else pins.get(urlsplit(found.uri).hostname or "")
            for ask in planner.discovered(found, by, at, asked=at is not None):
                asks.setdefault(ask.key, ask)
    answered = {(probe, uri) for probe, _, uri, _ in done}
    for ask in asks.values():
        known = reason == COMPLETE and (ask.probe, ask.subject.uri) in answered
        if ask.key not in done and (ask.subject.address or not known):
            writer.record(_unanswered(ask, planner.probes[ask.probe], writer.inspection.vantage.name))
    return writer.seal(key, ended=now(), reason=reason)


def _unanswered(ask: Ask, probe: Probe, vantage: str) -> Evidence:
    instant = now()
    return Evidence(
        probe=probe.name,
        probe_version=probe.version,
        kind=probe.kind.kind,
        subject=ask.subject,
        endpoint=ask.endpoint,
        began=instant,
        ended=instant,
        vantage=vantage,
        authorisation=ask.authorisation,
        options=ask.options,
        trouble=TroubleNote(cause=Cause.ABORTED, detail="the inspection was closed before this look"),
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which rules a sealed bundle is judged: None keeps what the capture was planned with.

    ``verdicts`` were reached while it was collected, over the same evidence as it was recorded.
    """

    as_of: datetime
    regime: Regime | None = None
    next_regime: Regime | None = None
    level: int | None = None
    statements: tuple[Statement, ...] | None = None
    reread: bool = False
    verdicts: Verdicts = field(default_factory=dict)


@contextmanager
def _network_closed() -> Iterator[None]:
    """Within the body nothing in this process reaches the network, whatever a plugin tries."""

    def unheard(_bypass: Bypass) -> None:
        """Whoever tried it is refused, which is enough."""

    stand(unheard)
    try:
        yield
    finally:
        rest(unheard)


async def judge(bundle: Bundle, registry: Registry, terms: Terms) -> Judgement:
    """Judge a sealed bundle under some terms, without a rescan and with the network closed."""
    with _network_closed():
        return await _judge(bundle, registry, terms)


async def _judge(bundle: Bundle, registry: Registry, terms: Terms) -> Judgement:
    evidence = await reread(bundle, registry) if terms.reread else bundle.evidence()
    inspection = bundle.inspection
    system = inspection.system
    if terms.level is not None:
        system = system.model_copy(update={"level": terms.level})
    regime = terms.regime or inspection.regime
    following = terms.next_regime if terms.regime else inspection.next_regime
    selection = Selection.recorded(inspection.plan)
    requirements = resolve(regime, system, as_of=terms.as_of)
    return assess(
        Given(
            inspection=inspection,
            registry=registry,
            regime=regime,
            requirements=requirements,
            evidence=evidence,
            as_of=terms.as_of,
            statements=inspection.statements if terms.statements is None else terms.statements,
            selection=selection,
            overlays=tuple(sorted({each.overlay for each in requirements if each.overlay})),
            level=system.level,
            reread=terms.reread,
            plugins=records_of(registry),
            changes=changes(regime, following, system) if following else (),
            verdicts={} if terms.reread else terms.verdicts,
        )
    )


async def reread(bundle: Bundle, registry: Registry) -> list[tuple[str, Evidence]]:
    """The evidence with its facts read again from the raw bytes by the installed probes; the network stays closed."""
    trust = trust_of({name: bundle.trust(name) for name in bundle.inspection.trust})
    again: list[tuple[str, Evidence]] = []
    for digest, evidence in bundle.evidence():
        probe = registry.probes.get(evidence.probe)
        if probe is None or not evidence.raw:
            again.append((digest, evidence))
            continue
        reading = trust.reading(evidence.subject, evidence.began)
        facts, trouble = await facts_of(probe, bundle.capture_of(evidence), reading)
        update = {
            "facts": facts,
            "kind": probe.kind.kind,
            "probe_version": probe.version,
            "trouble": trouble if facts is not None else evidence.trouble or trouble,
        }
        again.append((digest, evidence.model_copy(update=update)))
    return again
