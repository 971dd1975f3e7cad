from __future__ import annotations

from inspector import Cause, Declared, Verdict, check, failed, inconclusive, passed
from inspector_services.udp_observations import UdpProtocol, UdpServices
from inspector_services.udp_questions import CHECKED_PORTS


@check(
    "udp-ports-only-declared",
    title="Only declared UDP ports are open",
    references=("NIST SP 800-53 CM-7", "CIS Controls v8 4.8"),
)
def udp_ports_only_declared(services: UdpServices, declared: Declared) -> Verdict:
    """An undeclared service is missing from patch management, monitoring and the security plan, and widens the attack
    surface.

    Only the ports of a short list are asked. QUIC on a port that is declared for TCP counts as declared: it is the same
    service over HTTP/3.

    Remediation: disable the service, block the port at the firewall (``nft add rule inet filter input udp dport 161
    drop``), or declare the port with its protocol (``161/udp``) and purpose.
    """
    if not (declared.host_declared and declared.ports):
        return inconclusive("no ports are declared for this host", cause=Cause.AMBIGUOUS)
    expected = {each.port for each in declared.ports if each.protocol == "udp"}
    expected |= {each.port for each in declared.ports}.intersection(services.identified(UdpProtocol.QUIC))
    undeclared = [port for port in services.open if port not in expected]
    if undeclared:
        return failed("open, but not declared: {measured}", measured=map(services.label, undeclared), facts=("/ports",))
    unseen = services.unseen({*CHECKED_PORTS, *services.asked} - expected)
    if unseen:
        return inconclusive(
            "no answer, which does not tell open from filtered: {measured}",
            measured=map(services.label, unseen),
            cause=next(iter(unseen.values())),
        )
    return passed(
        "only declared ports are open among the {scanned} UDP ports asked",
        scanned=len(services.asked),
        facts=("/ports",),
    )
