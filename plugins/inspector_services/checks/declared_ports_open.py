from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.observations import OpenPorts, PortState
from inspector_services.port_roles import label


@check("declared-ports-open", title="Every declared TCP port is open")
def declared_ports_open(ports: OpenPorts, declared: Declared) -> Verdict:
    """A declaration that names services which do not exist describes another system than the one that runs.

    Remediation: correct the declaration, or start the service that it names.
    """
    expected = sorted({each.port for each in declared.ports if each.protocol == "tcp"})
    if not expected:
        return not_applicable("no TCP port is declared for this host")
    closed = [port for port in expected if ports.state(port).seen is PortState.CLOSED]
    if closed:
        return failed("declared, but closed: {measured}", measured=map(label, closed), facts=("/spans",))
    silent = [port for port in expected if ports.state(port).seen is PortState.FILTERED]
    if silent:
        return inconclusive(
            "declared, but nothing answered: {measured}", measured=map(label, silent), cause=Cause.TIMEOUT
        )
    unseen = ports.unseen(expected)
    if unseen:
        cause = next(iter(unseen.values()))
        return inconclusive("declared, but not seen: {measured}", measured=map(label, unseen), cause=cause)
    return passed("every declared TCP port is open: {measured}", measured=map(label, expected), facts=("/spans",))
