"""The scope: every packet to a target falls wholly under one authorisation, or is not sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from inspector.declare.authorisation import Authorisation, Rates
from inspector.declare.declaration import System
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import UDP, BadUri, Subject, normalise_host
from inspector.network.access import time_windows as windows
from inspector.network.access.addresses import address_blocks, canonical_address, parse_address
from inspector.network.access.special_addresses import is_never_named, special_purpose
from inspector.record.plan import PinnedHost

#: The default ports of schemes that the core must know itself: services that other scans of a host may also ask.
_PORTS = {"http": 80, "https": 443, "smtp": 25}


def _normal(name: str) -> str:
    try:
        return normalise_host(name)
    except BadUri:
        return name.lower()


def _service(uri: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(uri)
        return parts.scheme, canonical_address(parts.hostname or ""), parts.port
    except ValueError:
        return "", "", None


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why one authorisation does not apply. ``step`` is the number of the rule: the highest one is the best reason."""

    step: int
    failure: ScanFailure


class Scope:
    """The authorisations of one inspection, the system they are for, and the pins of its names.

    ``further`` are groups of authorisations that were given when the inspection was resumed: whatever is permitted
    falls under one of ``authorisations`` and under one of each group, at rates that none of them exceeds.
    """

    def __init__(
        self,
        authorisations: Sequence[Authorisation],
        system: System,
        pins: Sequence[PinnedHost],
        further: Sequence[Sequence[Authorisation]] = (),
    ) -> None:
        bounds = [each.rates for group in further for each in group]
        ordered = sorted(authorisations, key=lambda each: each.id)
        self.authorisations = tuple(each.model_copy(update={"rates": slowest(each.rates, *bounds)}) for each in ordered)
        self._further = tuple(tuple(group) for group in further)
        self._system = system
        self._services = {_service(uri) for uri in system.endpoints}
        self._declared: dict[tuple[str | None, str | None, str, int | None], frozenset[int]] = {}
        self._pins: dict[str, PinnedHost] = {}
        self.learn(pins)

    def learn(self, pins: Iterable[PinnedHost]) -> None:
        """Add pins of names that were discovered later; a pinned name keeps its pin."""
        for pin in pins:
            self._pins.setdefault(_normal(pin.name), pin)

    def pinned(self, name: str) -> PinnedHost | None:
        """The pin of a name, or None."""
        return self._pins.get(_normal(name))

    def might_cover(self, name: str) -> bool:
        """Whether an authorisation lists the name, or addresses that the name may have."""
        return all(
            any(each.covers.blocks or _lists_name(each, _normal(name)) for each in group)
            for group in (self.authorisations, *self._further)
        )

    def permit(
        self,
        subject: Subject,
        *,
        intrusiveness: Intrusiveness,
        at: datetime,
        port: int | None = None,
        sweep: bool = False,
        third_party: bool = False,
    ) -> Authorisation:
        """The first authorisation, by id, that covers a scan of ``subject``.

        ``sweep``: ports are asked whether declared or not. ``third_party``: the host is not the scan's target and need
        not be declared; the default port of its scheme counts as declared. Raises ScanFailure: not-authorised when none
        is valid or the intrusiveness is too high, out-of-scope when none covers the target, outside-window when no
        window is open.
        """
        refusals = []
        for each in self.authorisations:
            refusal = self._refusal(
                each, subject, intrusiveness, at, () if port is None else (port,), sweep, third_party
            )
            if refusal is None:
                return each
            refusals.append(refusal)
        if not refusals:
            raise ScanFailure(Cause.NOT_AUTHORISED, "there is no authorisation")
        raise max(refusals, key=lambda refusal: refusal.step).failure

    def admit(
        self,
        authorisation: Authorisation,
        subject: Subject,
        *,
        intrusiveness: Intrusiveness,
        at: datetime,
        ports: Collection[int] = (),
        sweep: bool = False,
        third_party: bool = False,
    ) -> None:
        """Raise ScanFailure unless packets to these ports fall wholly under this authorisation at this instant."""
        refusal = self._refusal(authorisation, subject, intrusiveness, at, ports, sweep, third_party)
        if refusal is not None:
            raise refusal.failure

    def admit_infrastructure(self, host: str | None, address: str, at: datetime) -> None:
        """Raise ScanFailure unless a name server at ``address``, found by the name ``host``, may be asked.

        Any may, but for special-purpose addresses, which a valid authorisation must list.
        """
        listed = all(
            any(_lists_address(each, address) for each in group if each.is_valid(at))
            for group in (self.authorisations, *self._further)
        )
        if reason := _is_special(host, address, listed=listed):
            raise ScanFailure(Cause.OUT_OF_SCOPE, f"no authorisation covers {host or address}: {reason}")

    def declared(self, subject: Subject) -> frozenset[int]:
        """The declared ports of the subject's host, by name or by address, those of endpoints included.

        Port 80 counts as declared with an https endpoint on port 443, so that its redirect can be checked.
        """
        key = (subject.host, subject.address, subject.uri, subject.port)
        if key not in self._declared:
            self._declared[key] = self._declared_of(subject)
        return self._declared[key]

    def _declared_of(self, subject: Subject) -> frozenset[int]:
        names = {_normal(name) for name in (subject.host, subject.address) if name}
        ports = {each.port for host in self._system.hosts if _normal(host.name) in names for each in host.ports}
        for scheme, name, written in self._services:
            if name in names:
                port = written or _PORTS.get(scheme, 0)
                ports |= {port, _PORTS["http"]} if (scheme, port) == ("https", _PORTS["https"]) else {port}
        if _service(subject.uri) in self._services:
            ports.add(subject.port or 0)
        return frozenset(ports - {0})

    def _refusal(
        self,
        granted: Authorisation,
        subject: Subject,
        intrusiveness: Intrusiveness,
        at: datetime,
        ports: Collection[int],
        sweep: bool,
        third_party: bool,
    ) -> _Refusal | None:
        """Why packets to these ports do not fall under ``granted`` and one of each further group; None when they do."""
        refusal = self._refusal_of(granted, subject, intrusiveness, at, ports, sweep, third_party)
        for group in self._further:
            if refusal is not None:
                return refusal
            refusals = [self._refusal_of(each, subject, intrusiveness, at, ports, sweep, third_party) for each in group]
            known = [each for each in refusals if each is not None]
            refusal = max(known, key=lambda each: each.step) if len(known) == len(refusals) else None
        return refusal

    def _refusal_of(
        self,
        granted: Authorisation,
        subject: Subject,
        intrusiveness: Intrusiveness,
        at: datetime,
        ports: Collection[int],
        sweep: bool,
        third_party: bool,
    ) -> _Refusal | None:
        """Why packets to these ports do not fall under this one authorisation; None when they do."""
        listed = _lists_address(granted, subject.address)
        if not granted.is_valid(at):
            when = f"only from {granted.valid_from.isoformat()} until {granted.valid_until.isoformat()}"
            return _refuse(0, Cause.NOT_AUTHORISED, granted, f"is valid {when}")
        if not listed and (reason := self._uncovered(granted, subject)):
            return _refuse(1, Cause.OUT_OF_SCOPE, granted, f"does not cover {_where(subject)}: {reason}")
        if reason := _is_special(subject.host, subject.address, listed=listed):
            return _refuse(1, Cause.OUT_OF_SCOPE, granted, f"does not cover {_where(subject)}: {reason}")
        if not intrusiveness.within(granted.intrusiveness):
            return _refuse(
                2,
                Cause.NOT_AUTHORISED,
                granted,
                f"permits {granted.intrusiveness.value} scans, not {intrusiveness.value} ones",
            )
        if not listed and (what := _needs_listed_address(subject, intrusiveness, sweep)):
            reason = f"{what} needs the address listed, and {subject.address} is not"
            return _refuse(3, Cause.OUT_OF_SCOPE, granted, f"does not cover {_where(subject)}: {reason}")
        if intrusiveness is Intrusiveness.PASSIVE:
            return None
        uncovered = self._uncovered_ports(granted, subject, ports, sweep, third_party)
        if uncovered:
            reason = f"does not cover port {uncovered[0]} of {_where(subject)}"
            return _refuse(4, Cause.OUT_OF_SCOPE, granted, reason)
        if not windows.is_open(granted, at):
            return _refuse(5, Cause.OUTSIDE_WINDOW, granted, "is outside its hours")
        return None

    def _uncovered(self, granted: Authorisation, subject: Subject) -> str:
        """Why the names of ``granted`` do not cover the subject; empty when they do."""
        host = _normal(subject.host or "")
        if not _lists_name(granted, host):
            return "neither name nor address is listed"
        if subject.address is None:
            return ""
        pin = self._pins.get(host)
        if pin is None:
            return "the name was not pinned"
        unlisted = [name for name in pin.cnames if not _lists_name(granted, _normal(name))]
        if unlisted:
            return f"the name is an alias of {unlisted[0]}, which is not listed"
        if canonical_address(subject.address) not in {canonical_address(each) for each in pin.addresses}:
            return "the name was not pinned to this address"
        return ""

    def _uncovered_ports(
        self, granted: Authorisation, subject: Subject, ports: Collection[int], sweep: bool, third_party: bool
    ) -> list[int]:
        ranges = granted.covers.ports
        if ranges is not None:
            return [port for port in ports if not any(port in each for each in ranges)]
        if sweep or not ports:
            return []
        declared = self.declared(subject)
        if third_party and not declared:
            declared = frozenset({_PORTS.get(subject.scheme, 0)})
        return [port for port in ports if port not in declared]

    # --- hours ---

    def window_closes(self, at: datetime, granted: Authorisation | None = None) -> datetime | None:
        """When the window that is open at ``at`` ends, of ``granted`` or of any authorisation; None: none is open."""
        groups = (self.authorisations if granted is None else (granted,), *self._further)
        ends = [windows.closes(group, at) for group in groups]
        return min((end for end in ends if end is not None), default=None) if None not in ends else None

    def open_seconds(self, at: datetime, horizon: timedelta) -> float:
        """How long the windows are that are open from ``at`` on, within this time."""
        total, end = timedelta(), at + horizon
        opens = self.opens_next(at)
        while opens is not None and opens < end:
            closes = min(self.window_closes(opens) or end, end)
            total += closes - opens
            opens = self.opens_next(closes)
        return total.total_seconds()

    def opens_next(self, at: datetime) -> datetime | None:
        """The first instant from ``at`` on at which a window is open; None when there is none within 100 windows."""
        groups = (self.authorisations, *self._further)
        for _ in range(100):
            opens = [windows.opens_next(group, at) for group in groups]
            if None in opens:
                return None
            latest = max(each for each in opens if each is not None)
            if latest == at or all(each == latest for each in opens):
                return latest
            at = latest
        return None


def slowest(*rates: Rates) -> Rates:
    """The rates that exceed none of these."""
    return Rates(**{name: min(getattr(each, name) for each in rates) for name in Rates.model_fields})


def _where(subject: Subject) -> str:
    return f"{subject.host} at {subject.address}" if subject.address else str(subject.host or subject.uri)


def _refuse(step: int, cause: Cause, granted: Authorisation, reason: str) -> _Refusal:
    return _Refusal(step, ScanFailure(cause, f"authorisation {granted.id!r} {reason}"))


def _needs_listed_address(subject: Subject, intrusiveness: Intrusiveness, sweep: bool) -> str:
    """The part of a scan that a listed name does not cover, because its address may be another owner's."""
    if subject.scheme == UDP.name:
        return "UDP"
    if sweep:
        return "a sweep"
    return "an intrusive scan" if intrusiveness is Intrusiveness.INTRUSIVE else ""


def admit_name_server(host: str, address: str) -> None:
    """Raise ScanFailure where a name server has a special-purpose address, which no authorisation lists here."""
    if reason := _is_special(host, address, listed=False):
        raise ScanFailure(Cause.OUT_OF_SCOPE, f"{host or address}: {reason}")


def _is_special(host: str | None, address: str | None, *, listed: bool) -> str:
    """Why a special-purpose address is not covered by what it was found by; empty when it is, or is no such address.

    A name may be pointed at any address by whoever holds its zone.
    """
    purpose = special_purpose(address or "")
    if address is None or (purpose is None and not is_never_named(address)):
        return ""
    if parse_address(host or "") is None and is_never_named(address):
        return f"{address} is a {purpose} address, to which no name may lead"
    if listed:
        return ""
    block = canonical_address(address)
    return f"{address} is a {purpose} address, which must be listed; if it is yours, add to covers: blocks: [{block}]"


def _lists_address(granted: Authorisation, address: str | None) -> bool:
    wanted = parse_address(address or "")
    if wanted is None:
        return False
    return bool(address_blocks(granted.covers.blocks).holding(wanted))


def _lists_name(granted: Authorisation, host: str) -> bool:
    """Whether ``names`` has this name, or ``*.zone`` with the name below that zone."""
    for entry in granted.covers.names:
        zone = entry.removeprefix("*.")
        if zone == entry and _normal(entry) == host and host:
            return True
        if zone != entry and host.endswith("." + _normal(zone)):
            return True
    return False
