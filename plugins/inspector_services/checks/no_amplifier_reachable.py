from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_services.udp_observations import UdpServices
from inspector_services.udp_questions import AMPLIFIERS


@check(
    "no-amplifier-reachable",
    title="No UDP service that amplifies attacks is reachable",
    references=("CISA TA14-017A", "NIST SP 800-53 SC-5(1)"),
)
def no_amplifier_reachable(services: UdpServices) -> Verdict:
    """memcached, SSDP, CLDAP, rpcbind, mDNS, TFTP and NetBIOS send long answers to short questions, and to whomever a
    forged sender names; they are meant for internal networks.

    The sizes of question and answer are those of a short, ordinary question; attackers ask for more.

    Remediation: block these ports (UDP 69, 111, 137, 389, 1900, 5353, 11211) at the firewall, or switch UDP off.
    """
    if found := services.identified(*AMPLIFIERS.values()):
        return failed("answers everybody: {measured}", measured=map(services.sized_label, found), facts=("/ports",))
    doubtful = [port for port in services.open if port in AMPLIFIERS and services.is_unidentified(port)]
    if doubtful:
        return inconclusive(
            "answers, but with nothing that identifies the service: {measured}",
            measured=map(services.label, doubtful),
            cause=Cause.AMBIGUOUS,
        )
    if unseen := services.unseen(AMPLIFIERS):
        return inconclusive(
            "no answer, which does not tell open from filtered: {measured}",
            measured=map(services.label, unseen),
            cause=next(iter(unseen.values())),
        )
    return passed("no such service on {scanned} UDP ports", scanned=len(AMPLIFIERS), facts=("/ports",))
