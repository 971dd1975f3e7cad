from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_services.exposure import exposure
from inspector_services.observations import Greetings, OpenPorts, Protocol
from inspector_services.port_roles import Role

FILE_SHARING = frozenset({Protocol.RSYNC})


@check(
    "no-file-sharing-reachable",
    title="No file sharing service can be reached from here",
    references=("NIST SP 800-53 SC-7", "CIS Controls v8 4.8"),
)
def no_file_sharing_reachable(ports: OpenPorts, greetings: Greetings) -> Verdict:
    """SMB, NFS, rpcbind, AFP, rsync and iSCSI are made for one's own network; worms and extortionists enter by them.

    Remediation: let the firewall drop these ports from outside and reach the shares over a VPN.
    """
    sharing = exposure(Role.FILE_SHARING, FILE_SHARING, ports, greetings)
    if sharing.shown:
        return failed(
            "accepts connections on file sharing ports: {measured}", measured=sharing.shown, facts=("/spans",)
        )
    if sharing.possible:
        return inconclusive(
            "open ports that file sharing usually has, but nothing shows what answers: {measured}",
            measured=sharing.possible,
            cause=Cause.AMBIGUOUS,
        )
    if sharing.nameless:
        return inconclusive(
            "open ports, and nothing shows what answers: {measured}", measured=sharing.nameless, cause=Cause.AMBIGUOUS
        )
    if sharing.cause is not None:
        return inconclusive("not every service was seen", cause=sharing.cause)
    return passed("of {asked} TCP ports that were asked, none shares files", asked=ports.asked, facts=("/spans",))
