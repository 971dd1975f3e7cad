from __future__ import annotations

from inspector import Answer, Verdict, check, failed, passed
from inspector_services.exposure import NOT_READ, flaws
from inspector_services.observations import Banner, Banners, OpenPorts, ServiceProtocol


def _accepted(banner: Banner) -> tuple[Answer[bool], ...]:
    if banner.rdp is None:
        return NOT_READ
    return (banner.rdp.standard,)


@check(
    "rdp-tls-required",
    title="RDP requires TLS",
    references=("[MS-RDPBCGR] §5.3", "CIS Controls v8 3.10"),
)
def rdp_tls_required(ports: OpenPorts, banners: Banners) -> Verdict:
    """RDP's own security layer encrypts with RC4, or not at all, and proves the server by a key that is the same
    everywhere: who is on the path can read the session and the password.

    Remediation: in the group policy "Remote Desktop Session Host, Security" set "Require use of specific security layer
    for remote (RDP) connections" to SSL.
    """
    found = flaws(ServiceProtocol.RDP, {"rdp"}, ports, banners, _accepted)
    if found.flawed:
        return failed("accepts connections without TLS: {measured}", measured=found.flawed, facts=found.facts)
    return found.undecided or passed("requires TLS: {measured}", measured=found.servers, facts=("/ports",))
