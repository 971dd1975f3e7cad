from __future__ import annotations

from inspector import Answer, Verdict, check, failed, passed
from inspector_services.exposure import NOT_READ, flaws, opposite
from inspector_services.observations import Banner, Banners, OpenPorts, ServiceProtocol


def _accepted(banner: Banner) -> tuple[Answer[bool], ...]:
    if banner.rdp is None:
        return NOT_READ
    return banner.rdp.tls, banner.rdp.standard, opposite(banner.rdp.nla)


@check(
    "rdp-nla-required",
    title="RDP requires network level authentication",
    references=("[MS-RDPBCGR] §5.4", "CIS Controls v8 4.6"),
)
def rdp_nla_required(ports: OpenPorts, banners: Banners) -> Verdict:
    """Without network level authentication (NLA) the server makes a session for every stranger before it knows who
    asks: flaws like CVE-2019-0708 could be used by anybody, and passwords are typed into what may be another server.

    The server is asked once for each kind of security; nobody logs in.

    Remediation: in the group policy "Remote Desktop Session Host, Security" enable "Require user authentication for
    remote connections by using Network Level Authentication", and let the firewall accept RDP over a VPN only.
    """
    found = flaws(ServiceProtocol.RDP, {"rdp"}, ports, banners, _accepted)
    if found.flawed:
        return failed("accepts connections without NLA: {measured}", measured=found.flawed, facts=found.facts)
    return found.undecided or passed("requires NLA: {measured}", measured=found.servers, facts=("/ports",))
