"""The planner: from endpoints to scan tasks, in waves, with upper bounds, and to refusals with their cause."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import System
from inspector.declare.settings import Ceilings
from inspector.model.base import Cause, Same
from inspector.model.declared import Declared
from inspector.model.errors import InputFileError, ScanFailure, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.observation import Discovered, Observation
from inspector.model.subject import HOST, BadUri, Subject, Uri, UriForm, is_address, parse_uri, subject_of
from inspector.network import Scope, routable
from inspector.plan.pace import longest
from inspector.plan.selection import endpoints_of
from inspector.plugin.check import Check
from inspector.plugin.containment import contained, described
from inspector.plugin.probe import PARTS, Cost, Probe, Target
from inspector.record.plan import CostBounds, PinnedHost, Plan, ScanTask, Selection, VantageLimit
from inspector.regime.regime import NOT_OBSERVABLE, Requirement
from inspector.regime.unknown_checks import unknown_checks
from inspector.registry.registry import Registry

#: Discovered subjects of one scan that are scanned, and that are recorded: a set of hundreds is an attack.
TASKS_PER_SCAN = 32
DISCOVERED_PER_SCAN = 256
#: Addresses of each family at which a discovered name server is asked: it is not the inspected system's.
ADDRESSES_OF_INFRASTRUCTURE = 4


def checks_of(requirements: Iterable[Requirement], registry: Registry) -> dict[str, Check]:
    """The checks that these rows ask for, by id.

    Raises InputFileError, where the row's file is known, else UsageError, for one that no plugin contributes.
    """
    wanted = {each.check for each in requirements if each.check != NOT_OBSERVABLE}
    missing = sorted(wanted - registry.checks.keys())
    if missing:
        if diagnostics := unknown_checks(registry.profiles, missing):
            raise InputFileError(diagnostics)
        raise UsageError(
            FormattedMessage(
                "the regime asks for checks that no installed plugin has: {missing}", missing=", ".join(missing)
            ),
            remedy="install the plugin, or select a regime without them; if they are Inspector's own, set it up again: "
            "'./bootstrap setup' in a checkout, else install it anew",
        )
    return {name: registry.checks[name] for name in sorted(wanted)}


def validate_options(requirements: Iterable[Requirement], registry: Registry) -> None:
    """Raise UsageError when a row's options do not fit the signature of its check."""
    for requirement in requirements:
        if requirement.check == NOT_OBSERVABLE:
            continue
        try:
            registry.checks[requirement.check].validate(requirement.options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(
                FormattedMessage(
                    "requirement {requirement}: option {where}: {first}",
                    requirement=requirement.id,
                    where=where,
                    first=first["msg"],
                )
            ) from None


def probes_of(checks: Iterable[Check], registry: Registry) -> dict[str, Probe]:
    """The probes whose observations these checks take, with those that they need and that discover their subjects."""
    found: dict[str, Probe] = {}
    pending: list[type[Observation]] = [wire.kind for check in checks for wire in check.inputs if wire.kind]
    while pending:
        for probe in registry.producers(pending.pop()):
            if probe.name not in found:
                found[probe.name] = probe
                pending.extend(kind for _, kind in probe.needs)
                pending.extend(each.kind for each in registry.probes.values() if each.discovers & probe.schemes)
    return dict(sorted(found.items()))


def applies_to(probe: Probe, uri: Uri) -> bool:
    """Whether the probe scans such an endpoint; DNS has nothing to ask about an address literal."""
    named = probe.subject_kind.has_address or not probe.infrastructure or not is_address(uri.host)
    return uri.scheme in probe.schemes and named


@lru_cache(maxsize=4)
def _waves(registry: Same[Registry]) -> dict[str, int]:
    """The waves of all probes, by name."""
    return {name: wave_of(probe, registry.value) for name, probe in registry.value.probes.items()}


def wave_of(probe: Probe, registry: Registry) -> int:
    """0 for a probe without needs, else one more than the latest of what it needs."""
    needed = [wave_of(other, registry) for _, kind in probe.needs for other in registry.producers(kind)]
    return 1 + max(needed, default=-1)


def _sweeps(probe: Probe, scheme: str) -> bool:
    """Whether the scan is of a whole host: a sweep of its ports, or what the sweep finds."""
    return scheme == HOST.name and probe.subject_kind.has_address and not probe.infrastructure


def needed_parts(probe: Probe, checks: Iterable[Check], probes: Iterable[Probe]) -> tuple[str, ...] | None:
    """The parts of the probe's observation that these checks and probes depend on; None: all."""
    needs = [each.needs for each in checks if any(wire.kind is probe.kind for wire in each.inputs)]
    after = [each.needs_parts for each in probes if any(kind is probe.kind for _, kind in each.needs)]
    return union_of_parts([*needs, *(None if each is None else tuple(each) for each in after)])


def union_of_parts(needs: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """All of these parts; None, which is the whole observation, where one of them is."""
    parts: set[str] = set()
    for each in needs:
        if each is None:
            return None
        parts.update(each)
    return tuple(sorted(parts))


def scan_options(
    probe: Probe, requirements: Iterable[Requirement], parts: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """The probe's scan options, merged to the widest of the rows: any True, the largest number, all members.

    ``parts`` are the parts of the observation that checks need; those that rows ask for are added.
    """
    options: dict[str, Any] = {PARTS: list(parts)} if parts is not None and probe.has_parts else {}
    options = wanted_options(probe.name, requirements, options)
    if parts is None:
        options.pop(PARTS, None)
    try:
        model = probe.options.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            FormattedMessage("scan option {probe}.{where}: {first}", probe=probe.name, where=where, first=first["msg"])
        ) from None
    return model.model_dump(mode="json")


def wanted_options(
    probe: str, requirements: Iterable[Requirement], options: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """The widest of these scan options and those that rows ask of a probe. Raises UsageError where none is."""
    wanted = dict(options)
    for requirement in requirements:
        for name, value in requirement.scan.get(probe, {}).items():
            wanted[name] = value if name not in wanted else _wider(wanted[name], value)
    return wanted


def asks_less(options: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a scan with these options asked less than the ``wanted`` ones ask for; which parts it asked apart."""
    try:
        return any(
            name not in options or _wider(options[name], value) != options[name]
            for name, value in wanted.items()
            if name != PARTS
        )
    except UsageError:
        return True


def _wider(one: Any, other: Any) -> Any:
    if isinstance(one, bool) or isinstance(other, bool):
        return bool(one or other)
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return sorted({*one, *other})
    if one == other:
        return one
    raise UsageError(
        FormattedMessage("rows ask for scan options {one} and {other}", one=repr(one), other=repr(other)),
        remedy="let the profile ask for one of them",
    )


@dataclass(frozen=True, slots=True)
class Planner:
    """Turns endpoints, and later discovered subjects, into scan tasks that the scope allows.

    ``no_sweeps`` says why no port can be asked for its state; empty where it can. ``asked`` are the names of the probes
    that scan each endpoint, and what is discovered from it, where a selection of findings leaves out others.
    """

    system: System
    registry: Registry
    probes: Mapping[str, Probe]
    options: Mapping[str, Mapping[str, Any]]
    scope: Scope
    at: datetime
    ceilings: Ceilings = field(default_factory=Ceilings)
    no_sweeps: str = ""
    asked: Mapping[str, Collection[str]] | None = None
    _declared: dict[str | None, Declared] = field(default_factory=dict, init=False, repr=False, compare=False)
    _routable: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def tasks(self, text: str, pin: PinnedHost | None) -> Iterator[ScanTask]:
        """The scan tasks for one declared endpoint and its pinned host."""
        uri = parse_uri(text, self.registry.schemes)
        for probe in self._probes_at(text):
            if applies_to(probe, uri):
                yield from self._about(probe, uri, pin, endpoint=text, parent=None)

    def _probes_at(self, endpoint: str | None) -> Iterator[Probe]:
        """The probes that scan an endpoint, and what is discovered from it."""
        for name, probe in self.probes.items():
            if self.asked is None or endpoint is None or name in self.asked.get(endpoint, ()):
                yield probe

    def discovered(
        self, found: Discovered, by: ScanTask, pin: PinnedHost | None, *, asked: bool = True
    ) -> Iterator[ScanTask]:
        """The scan tasks for a subject that the scan of ``by`` discovered.

        One that is not ``asked`` (too many were discovered), or whose URI is invalid, is refused with its cause.
        """
        name = found.uri.partition(":")[0]
        for probe in self._probes_at(by.endpoint):
            scheme = next((each for each in probe.schemes if each.name == name), None)
            if scheme is None or (found.infrastructure and not probe.infrastructure):
                continue
            try:
                uri = parse_uri(found.uri, self.registry.schemes)
            except BadUri as error:
                subject = Subject(kind=probe.subject_kind, uri=found.uri[:300], scheme=name, parent=by.subject.uri)
                yield self._refusal(probe, subject, by.endpoint, Cause.PROTOCOL_ERROR, str(error)[:300])
                continue
            if not applies_to(probe, uri):
                continue
            if asked:
                yield from self._about(probe, uri, pin, endpoint=by.endpoint, parent=by.subject.uri)
            else:
                address = found.address if probe.subject_kind.has_address else None
                subject = subject_of(uri, probe.subject_kind, address=address, parent=by.subject.uri)
                yield self._refusal(probe, subject, by.endpoint, Cause.ABORTED, "too many discovered subjects")

    def host_of(self, found: Discovered) -> str | None:
        """The host of a discovered subject; None when its URI is invalid."""
        try:
            return parse_uri(found.uri, self.registry.schemes).host
        except BadUri:
            return None

    def _about(
        self, probe: Probe, uri: Uri, pin: PinnedHost | None, *, endpoint: str | None, parent: str | None
    ) -> Iterator[ScanTask]:
        if not probe.subject_kind.has_address:
            yield self._task(probe, subject_of(uri, probe.subject_kind, parent=parent), endpoint)
            return
        if pin is None or not pin.addresses:
            subject = subject_of(uri, probe.subject_kind, parent=parent)
            cause = (pin.failure if pin else None) or Cause.NOT_REACHED
            yield self._refusal(probe, subject, endpoint, cause, pin.detail if pin else "the name was not resolved")
            return
        reachable = [address for address in pin.addresses if self._has_route(address)]
        is_foreign = probe.infrastructure and parent is not None
        most = ADDRESSES_OF_INFRASTRUCTURE if is_foreign else self.ceilings.addresses
        inspected = first_of_families(reachable, most)
        for address in inspected:
            yield self._task(probe, subject_of(uri, probe.subject_kind, address=address, parent=parent), endpoint)
        if len(inspected) < len(reachable):
            detail = f"{len(inspected)} of {len(reachable)} addresses are inspected"
            yield self._refusal(
                probe, subject_of(uri, probe.subject_kind, parent=parent), endpoint, Cause.ABORTED, detail
            )
        if not reachable:
            subject = subject_of(uri, probe.subject_kind, parent=parent)
            detail = f"no route from this vantage to {', '.join(pin.addresses)}"
            yield self._refusal(probe, subject, endpoint, Cause.WRONG_VANTAGE, detail)

    def _task(self, probe: Probe, subject: Subject, endpoint: str | None) -> ScanTask:
        options = dict(self.options[probe.name])
        try:
            with contained():
                bounds = self._bounds(probe, subject)
        except Exception as error:  # noqa: BLE001  (whatever a plugin raises is its scan's failure)
            detail = f"the cost of {probe.name!r} in {probe.module} raised {described(error)}"
            return self._refusal(probe, subject, endpoint, Cause.BUG, detail)
        granted: Authorisation | None = None
        try:
            if probe.infrastructure and subject.address is not None:
                self.scope.admit_infrastructure(subject.host, subject.address, self.at)
            if probe.intrusiveness is not Intrusiveness.PASSIVE:
                granted = self.scope.permit(
                    subject,
                    intrusiveness=probe.intrusiveness,
                    at=self.at,
                    port=None if probe.infrastructure else subject.port,  # the gateway asks port 53 only
                    sweep=subject.scheme == HOST.name,
                )
        except ScanFailure as failure:
            return self._refusal(probe, subject, endpoint, failure.cause, failure.message)
        if bounds.port_questions and self.no_sweeps:
            return self._refusal(probe, subject, endpoint, Cause.TOOL_MISSING, self.no_sweeps)
        return ScanTask(
            probe=probe.name,
            subject=subject,
            endpoint=endpoint,
            options=options,
            wave=self._wave(probe, subject),
            authorisation=granted.id if granted else None,
            bounds=bounds,
        )

    def _bounds(self, probe: Probe, subject: Subject) -> CostBounds:
        cost = self._cost(probe, subject)
        return CostBounds(
            connections=0 if probe.infrastructure else cost.connections,
            port_questions=cost.port_questions,
            infrastructure_questions=self._infrastructure_questions(probe, subject, cost),
            seconds=cost.seconds,
        )

    def _infrastructure_questions(self, probe: Probe, subject: Subject, cost: Cost) -> int:
        """The most questions to resolvers and name servers: of the scan, and of the name servers that it discovers."""
        most = cost.infrastructure_questions + (cost.connections if probe.infrastructure else 0)
        for other in self.probes.values():
            if other.infrastructure and other.subject_kind.has_address and probe.discovers & other.schemes:
                asked = 2 * ADDRESSES_OF_INFRASTRUCTURE * self._cost(other, subject).connections
                most += TASKS_PER_SCAN * (2 + asked)  # each name is resolved in both families
        return most

    def _cost(self, probe: Probe, subject: Subject) -> Cost:
        return probe.cost(Target(subject, self._declared_of(subject.host)), dict(self.options[probe.name]))

    def _declared_of(self, host: str | None) -> Declared:
        if host not in self._declared:
            self._declared[host] = self.system.declared(host)
        return self._declared[host]

    def _has_route(self, address: str) -> bool:
        if address not in self._routable:
            self._routable[address] = routable(address)
        return self._routable[address]

    def _wave(self, probe: Probe, subject: Subject) -> int:
        """The wave of a scan: those of whole hosts come after all scans of declared services.

        A sweep may get the vantage banned, and what it finds is identified in the wave after it.
        """
        waves = _waves(Same(self.registry))
        if not _sweeps(probe, subject.scheme):
            return waves[probe.name]
        services = [waves[each.name] for each in self.probes.values() if not each.schemes <= {HOST}]
        return 1 + max(services, default=-1) + waves[probe.name]

    def _refusal(self, probe: Probe, subject: Subject, endpoint: str | None, cause: Cause, detail: str) -> ScanTask:
        return ScanTask(
            probe=probe.name,
            subject=subject,
            endpoint=endpoint,
            options=dict(self.options[probe.name]),
            wave=self._wave(probe, subject),
            cause=cause,
            detail=detail,
        )


def hosts_of(system: System, registry: Registry) -> tuple[str, ...]:
    """The hosts that must be resolved before any scan; zones and mail domains have none."""
    uris = [parse_uri(text, registry.schemes) for text in system.endpoints]
    return tuple(sorted({uri.host for uri in uris if uri.scheme.form is not UriForm.NAME or uri.scheme == HOST}))


def probes_by_endpoint(
    selection: Selection, system: System, rows: Iterable[Requirement], registry: Registry
) -> dict[str, frozenset[str]] | None:
    """The names of the probes that each endpoint is scanned by, for the findings of a selection; None: by all."""
    if not selection.findings:
        return None
    declared = {text: parse_uri(text, registry.schemes) for text in system.endpoints}
    checks = {each.id: registry.checks[each.check] for each in rows if each.check in registry.checks}
    needed: dict[str, set[str]] = {text: set() for text in declared}
    for asked in selection.findings:
        if (check := checks.get(asked.requirement)) is not None:
            for text in endpoints_of(asked, declared):
                needed[text].update(probes_of([check], registry))
    return {text: frozenset(names) for text, names in needed.items()}


def make_plan(planner: Planner, pins: Sequence[PinnedHost], selection: Selection) -> Plan:
    """The plan for the declared endpoints; equal scans of one subject are planned once."""
    by_name = {pin.name: pin for pin in pins}
    tasks: dict[tuple[str, str, str, str], ScanTask] = {}
    for text in planner.system.endpoints:
        host = parse_uri(text, planner.registry.schemes).host
        for task in planner.tasks(text, by_name.get(host)):
            tasks.setdefault(task.key, task)
    ordered = tuple(sorted(tasks.values(), key=lambda task: (task.wave, task.key)))
    bounds = [task.bounds for task in ordered if task.cause is None]
    return Plan(
        pins=tuple(pins),
        tasks=ordered,
        limits=(*_limits(pins, planner.ceilings.addresses), *_missing_tools(ordered)),
        bounds=CostBounds(
            connections=sum(each.connections for each in bounds),
            port_questions=sum(each.port_questions for each in bounds),
            infrastructure_questions=sum(each.infrastructure_questions for each in bounds),
            seconds=longest(ordered, planner.scope.authorisations, planner.ceilings),
        ),
        selection=selection,
    )


def first_of_families(addresses: Sequence[str], most: int) -> list[str]:
    """The first ``most`` addresses of each family, in order."""
    families: dict[bool, list[str]] = {False: [], True: []}
    for address in addresses:
        families[":" in address].append(address)
    kept = {each for family in families.values() for each in family[:most]}
    return [address for address in addresses if address in kept]


def _limits(pins: Sequence[PinnedHost], most: int) -> tuple[VantageLimit, ...]:
    limits: list[VantageLimit] = []
    unrouted = sorted({address for pin in pins for address in pin.addresses if not routable(address)})
    if unrouted:
        family = "no-ipv6" if all(":" in address for address in unrouted) else "no-route"
        limits.append(
            VantageLimit(id=family, detail="this vantage has no route to these addresses", addresses=tuple(unrouted))
        )
    halves = tuple(pin.name for pin in pins if pin.addresses and pin.detail)
    if halves:
        detail = "addresses of one family could not be resolved for these names, and were not scanned"
        limits.append(VantageLimit(id="half-resolved", detail=detail, addresses=halves))
    many = tuple(
        f"{pin.name} ({len(kept)}/{len(pin.addresses)})"
        for pin in pins
        if len(kept := first_of_families(pin.addresses, most)) < len(pin.addresses)
    )
    if many:
        detail = "only the first addresses of each family are inspected of these names, which have more"
        limits.append(VantageLimit(id="addresses", detail=detail, addresses=many))
    return tuple(limits)


def _missing_tools(tasks: Iterable[ScanTask]) -> Iterator[VantageLimit]:
    without = {task.subject.address or task.subject.uri for task in tasks if task.cause is Cause.TOOL_MISSING}
    if without:
        detail = "nmap was not found on this host, so that no ports are scanned of these addresses; install it"
        yield VantageLimit(id="no-nmap", detail=detail, addresses=tuple(sorted(without)))


def refused_endpoints(plan: Plan) -> dict[str, ScanTask]:
    """The declared endpoints that no authorisation permits to scan, each with its refused task."""
    permitted: set[str | None] = {task.endpoint for task in plan.tasks if task.cause is None and task.authorisation}
    causes = (Cause.NOT_AUTHORISED, Cause.OUT_OF_SCOPE, Cause.OUTSIDE_WINDOW)
    return {
        task.endpoint: task
        for task in reversed(plan.tasks)
        if task.endpoint is not None and task.cause in causes and task.endpoint not in permitted
    }
