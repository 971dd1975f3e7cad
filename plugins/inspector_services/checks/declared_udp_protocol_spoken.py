from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.udp_observations import UdpProtocol, UdpServices, UdpState
from inspector_services.udp_questions import protocol_of


@check(
    "declared-udp-protocol-spoken",
    title="UDP ports speak the protocol that is declared",
    references=("NIST SP 800-53 CM-8", "CIS Controls v8 4.8"),
)
def declared_udp_protocol_spoken(services: UdpServices, declared: Declared) -> Verdict:
    """A port that speaks another protocol than the declaration states hides a service from the security plan, such as
    an SNMP agent on the port of a name server.

    The check covers declared UDP ports whose ``service`` names a protocol with a question of its own. A port is asked
    the question of its declared service and that of its number.

    Remediation: correct the ``service`` of the port in the declaration, or stop the other service.
    """
    of_port = {each.port: protocol_of(each.service) for each in declared.ports if each.protocol == "udp"}
    stated = {port: protocol for port, protocol in sorted(of_port.items()) if protocol is not None}
    if not stated:
        return not_applicable("no protocol is declared for a UDP port of this host")
    names = {port: f"{port}/udp ({protocol.value})" for port, protocol in stated.items()}
    spoken = {port: services.answer(port).value.protocol for port in stated if port in services.open}
    other = {
        port: f"{port}/udp ({stated[port].value} → {protocol.value})"
        for port, protocol in spoken.items()
        if protocol not in (None, stated[port], UdpProtocol.UNKNOWN)
    }
    if other:
        return failed("declared → spoken: {measured}", measured=other.values(), facts=("/ports",))
    unseen = {names[port]: cause for port, cause in services.unseen(stated).items()}
    unseen |= {names[port]: Cause.BLOCKED for port in stated if services.state(port).seen is UdpState.FILTERED}
    if unseen:
        first = next(iter(unseen.values()))
        return inconclusive("what is spoken there was not seen: {measured}", measured=unseen, cause=first)
    if doubtful := [names[port] for port in spoken if services.is_unidentified(port)]:
        return inconclusive(
            "open, but nothing that was sent shows the declared protocol or another one: {measured}",
            measured=doubtful,
            cause=Cause.AMBIGUOUS,
        )
    if not spoken:
        return inconclusive("no port with a declared protocol is open", cause=Cause.REFUSED)
    return passed("speaks what is declared: {measured}", measured=[names[port] for port in spoken], facts=("/ports",))
