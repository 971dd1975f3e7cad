from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.observations import OpenPorts, PortState
from inspector_services.port_roles import label


@check("declared-ports-open", title="Declared TCP ports are open")
def declared_ports_open(ports: OpenPorts, declared: Declared) -> Verdict:
    """A declared service that does not exist makes the declaration, and the security plan based on it, wrong.

    Remediation: remove the port from ``ports`` of the host in the declaration, or start the service.
    """
    expected = sorted({each.port for each in declared.ports if each.protocol == "tcp"})
    if not expected:
        return not_applicable("no TCP port is declared for this host")
    closed = [port for port in expected if ports.state(port).seen is PortState.CLOSED]
    if closed:
        return failed("declared, but closed: {measured}", measured=map(label, closed), facts=ports.at(closed))
    filtered = [port for port in expected if ports.state(port).seen is PortState.FILTERED]
    if filtered:
        return inconclusive("declared, but filtered: {measured}", measured=map(label, filtered), cause=Cause.TIMEOUT)
    unseen = ports.unseen(expected)
    if unseen:
        cause = next(iter(unseen.values()))
        return inconclusive("declared, but state not seen: {measured}", measured=map(label, unseen), cause=cause)
    return passed("all declared TCP ports are open: {measured}", measured=map(label, expected), facts=("/groups",))
