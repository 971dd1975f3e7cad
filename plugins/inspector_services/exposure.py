"""Reachable services of one role, identified by banner and, where the banner identifies nothing, by port number."""

from __future__ import annotations

from dataclasses import dataclass

from inspector import Cause, Verdict, failed, inconclusive, passed
from inspector_services.observations import Banners, OpenPorts, ServiceProtocol
from inspector_services.port_roles import NOTABLE, Basis, Role, label, ports_of

UNIDENTIFIED = frozenset({ServiceProtocol.SILENT, ServiceProtocol.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Exposure:
    """The reachable services of one role, as port labels.

    ``identified``: by banner, or by a port number that IANA registers for such a service. ``likely``: by a default
    port number alone. ``unidentified``: neither port number nor banner tells the service, so it may be one of the role.
    ``cause``: why some port or banner was not seen; None when all were.
    """

    identified: tuple[str, ...]
    likely: tuple[str, ...]
    unidentified: tuple[str, ...]
    cause: Cause | None


def exposure(role: Role, protocols: frozenset[ServiceProtocol], ports: OpenPorts, banners: Banners) -> Exposure:
    """The reachable services of a role; a port whose banner identifies another protocol is not one of them."""
    by_banner = {port: f"{port}/tcp ({_protocol(banners, port)})" for port in banners.ports_with(*protocols)}
    other = frozenset(ServiceProtocol) - protocols - UNIDENTIFIED
    by_number = set(ports.open) - by_banner.keys() - set(banners.ports_with(*other))
    registered = by_number & ports_of(role, Basis.REGISTERED)
    usual = by_number & ports_of(role, Basis.USUAL)
    identified = by_banner | {port: label(port) for port in registered}
    return Exposure(
        identified=tuple(identified[port] for port in sorted(identified)),
        likely=tuple(label(port) for port in sorted(usual)),
        unidentified=unidentified(banners),
        cause=unseen_cause(role, ports, banners),
    )


def unidentified(banners: Banners) -> tuple[str, ...]:
    """The ports whose banner identifies no protocol and whose number is no known default."""
    return tuple(label(port) for port in banners.ports_with(*UNIDENTIFIED) if port not in NOTABLE)


def unseen_cause(role: Role, ports: OpenPorts, banners: Banners) -> Cause | None:
    """Why some scanned port, banner or port of the role was not seen; None when all were."""
    not_scanned = next(iter(ports.unseen(ports_of(role)).values()), None)
    return ports.undetermined_cause or banners.unreachable_cause or not_scanned


def none_reachable(role: Role, protocols: frozenset[ServiceProtocol], ports: OpenPorts, banners: Banners) -> Verdict:
    """Pass when no service of the role is reachable, identified by these protocols or by its port number."""
    found = exposure(role, protocols, ports, banners)
    if found.identified:
        return failed("accepts connections: {measured}", measured=found.identified, facts=("/spans",))
    if found.likely:
        return inconclusive(
            "open on a default port of such a service, but no banner identifies it: {measured}",
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


def _protocol(banners: Banners, port: int) -> str:
    return banners.banner_of(port).value.protocol.value
