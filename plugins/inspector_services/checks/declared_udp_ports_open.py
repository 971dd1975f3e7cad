from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.udp_observations import UdpServices, UdpState


@check("declared-udp-ports-open", title="Declared UDP ports are open")
def declared_udp_ports_open(services: UdpServices, declared: Declared) -> Verdict:
    """A declared service that does not exist makes the declaration, and the security plan based on it, wrong.

    Remediation: remove the port from ``ports`` of the host in the declaration, or start the service.
    """
    expected = sorted({each.port for each in declared.ports if each.protocol == "udp"})
    if not expected:
        return not_applicable("no UDP port is declared for this host")
    closed = [port for port in expected if services.state(port).seen is UdpState.CLOSED]
    if closed:
        return failed("declared, but closed: {measured}", measured=map(services.label, closed), facts=("/ports",))
    filtered = [port for port in expected if services.state(port).seen is UdpState.FILTERED]
    if filtered:
        return inconclusive(
            "declared, but filtered: {measured}", measured=map(services.label, filtered), cause=Cause.BLOCKED
        )
    if unseen := services.unseen(expected):
        return inconclusive(
            "declared, but state not seen: {measured}",
            measured=map(services.label, unseen),
            cause=next(iter(unseen.values())),
        )
    return passed(
        "all declared UDP ports are open: {measured}", measured=map(services.label, expected), facts=("/ports",)
    )
