"""Reachable services of one role: what the server said identifies them; a port number only suggests them."""

from __future__ import annotations

from dataclasses import dataclass

from inspector import Cause, Verdict, failed, inconclusive, passed
from inspector_services.observations import Banners, OpenPorts, ServiceProtocol
from inspector_services.port_roles import NOTABLE, OVER_HTTP, SERVER_FIRST, Basis, Role, label, ports_of

#: What leaves open which service it is; TLS may carry any.
UNIDENTIFIED = frozenset({ServiceProtocol.SILENT, ServiceProtocol.TLS, ServiceProtocol.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Exposure:
    """The reachable services of one role, as port labels.

    ``identified``: by what the server sent. ``waiting``: at a number that IANA registers for such a service the server
    stays open and waits for the client, as that service does. ``likely``: at a number of such a service, where the
    server closes at once, was not read, or sends what identifies nothing. ``unidentified``: neither port number nor
    banner tells the service, so it may be one of the role. ``cause``: why some port or banner was not seen; None when
    all were.
    """

    identified: tuple[str, ...]
    waiting: tuple[str, ...]
    likely: tuple[str, ...]
    unidentified: tuple[str, ...]
    cause: Cause | None


def exposure(role: Role, protocols: frozenset[ServiceProtocol], ports: OpenPorts, banners: Banners) -> Exposure:
    """The reachable services of a role; a port whose server speaks another protocol is not one of them."""
    identified = banners.ports_with(*protocols)
    other = banners.ports_with(*(frozenset(ServiceProtocol) - protocols - UNIDENTIFIED))
    excluded = {port for port in other if not _may_speak_http(banners, port)}
    by_number = (set(ports.open) & ports_of(role)) - set(identified) - excluded
    waiting = {port for port in by_number if _waits_as_registered(banners, port)}
    return Exposure(
        identified=tuple(f"{port}/tcp ({_protocol(banners, port).value})" for port in identified),
        waiting=tuple(map(label, sorted(waiting))),
        likely=tuple(map(label, sorted(by_number - waiting))),
        unidentified=tuple(text for text in unidentified(banners) if text not in set(map(label, by_number))),
        cause=unseen_cause(role, ports, banners),
    )


def _waits_as_registered(banners: Banners, port: int) -> bool:
    """Whether the server waits for the client at a number registered for a service that does so."""
    banner, known = banners.banner_of(port).seen, NOTABLE[port]
    is_silent = banner is not None and banner.protocol is ServiceProtocol.SILENT
    return is_silent and known.basis is Basis.REGISTERED and known.service not in SERVER_FIRST


def _may_speak_http(banners: Banners, port: int) -> bool:
    """Whether HTTP is what a service of this number speaks."""
    known = NOTABLE.get(port)
    return _protocol(banners, port) is ServiceProtocol.HTTP and known is not None and known.service in OVER_HTTP


def unidentified(banners: Banners) -> tuple[str, ...]:
    """The ports whose server sent what identifies no protocol, or nothing at a number that suggests no service."""
    told = banners.ports_with(*(UNIDENTIFIED - {ServiceProtocol.SILENT}))
    silent = [port for port in banners.ports_with(ServiceProtocol.SILENT) if port not in NOTABLE]
    return tuple(label(port) for port in sorted({*told, *silent}))


def unseen_cause(role: Role, ports: OpenPorts, banners: Banners) -> Cause | None:
    """Why some scanned port, banner or port of the role was not seen; None when all were."""
    not_scanned = next(iter(ports.unseen(ports_of(role)).values()), None)
    return ports.undetermined_cause or banners.unreachable_cause or not_scanned


def none_reachable(role: Role, protocols: frozenset[ServiceProtocol], ports: OpenPorts, banners: Banners) -> Verdict:
    """Pass when no service of the role is reachable, identified by these protocols or by its port number."""
    found = exposure(role, protocols, ports, banners)
    if reachable := (*found.identified, *found.waiting):
        return failed("accepts connections: {measured}", measured=reachable, facts=("/spans",))
    if found.likely:
        return inconclusive(
            "open on a port of such a service, but nothing that the server sent identifies it: {measured}",
            measured=found.likely,
            cause=Cause.AMBIGUOUS,
        )
    if found.unidentified:
        return inconclusive(
            "open, but no banner identifies the service: {measured}", measured=found.unidentified, cause=Cause.AMBIGUOUS
        )
    if found.cause is not None:
        return inconclusive("not every port and banner was seen", cause=found.cause)
    return passed("no such service on the {scanned} TCP ports scanned", scanned=ports.scanned, facts=("/spans",))


def _protocol(banners: Banners, port: int) -> ServiceProtocol:
    return banners.banner_of(port).value.protocol
