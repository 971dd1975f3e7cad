from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.declared_services import declared_services
from inspector_services.exposure import name_of
from inspector_services.observations import Banner, Banners, OpenPorts, PortState, ServiceProtocol
from inspector_services.protocols import IN_TLS, protocols_of

#: What shows that a port is open, but not what it speaks.
_NOTHING = frozenset({ServiceProtocol.SILENT, ServiceProtocol.UNKNOWN})


def _differs(service: str, banner: Banner) -> bool:
    """Whether a protocol was spoken that the declared service is not; TLS may carry any that is spoken inside it."""
    if banner.protocol is ServiceProtocol.TLS:
        return service not in IN_TLS
    is_other = bool(protocols_of(service)) and banner.protocol not in protocols_of(service)
    return is_other or banner.tls != (service in IN_TLS)


@check(
    "declared-protocol-spoken",
    title="Ports speak the protocol that is declared",
    references=("NIST SP 800-53 CM-8", "CIS Controls v8 4.8"),
)
def declared_protocol_spoken(ports: OpenPorts, banners: Banners, declared: Declared) -> Verdict:
    """A port that speaks another protocol than the declaration states hides a service from the security plan, such as
    remote administration on the port of a web server.

    Looked at are open ports for which an endpoint or ``service`` states the protocol.

    Remediation: correct the endpoint or the ``service`` of the port in the declaration, or stop the other service.
    """
    services = declared_services(declared)
    stated = {port: service for port, service in services.items() if protocols_of(service) or service in IN_TLS}
    if not stated:
        return not_applicable("no protocol is declared for a port of this host")
    opened = {port: service for port, service in stated.items() if ports.state(port).seen is PortState.OPEN}
    banner_of = {port: banners.banner_of(port) for port in opened}
    spoken = {port: answer.seen for port, answer in banner_of.items() if answer.seen}
    if other := {
        port: f"{port}/tcp ({opened[port]} → {'tls/' if banner.tls else ''}{name_of(banner)})"
        for port, banner in sorted(spoken.items())
        if banner.protocol not in _NOTHING and _differs(opened[port], banner)
    }:
        return failed("declared → spoken: {measured}", measured=other.values(), facts=("/ports", *ports.at(other)))
    if silent := [f"{port}/tcp ({opened[port]})" for port in sorted(spoken) if spoken[port].protocol in _NOTHING]:
        return inconclusive(
            "open, but no banner identifies the service: {measured}", measured=silent, cause=Cause.AMBIGUOUS
        )
    unseen = next((answer.unseen for answer in banner_of.values() if answer.unseen), None)
    cause = unseen or next(iter(ports.unseen(stated).values()), None)
    if cause is not None:
        return inconclusive("not every port and banner was seen", cause=cause)
    if not opened:
        return inconclusive("no port with a declared protocol is open", cause=Cause.REFUSED)
    names = [f"{port}/tcp ({service})" for port, service in sorted(opened.items())]
    return passed("speaks what is declared: {measured}", measured=names, facts=("/ports",))
