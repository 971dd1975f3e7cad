from __future__ import annotations

from inspector import Answer, Verdict, check, failed, passed
from inspector_services.exposure import NOT_READ, flaws
from inspector_services.observations import Banner, Banners, OpenPorts, ServiceProtocol

SERVICES = ("smb", "netbios-ssn")


def _old(banner: Banner) -> tuple[Answer[bool], ...]:
    return NOT_READ if banner.smb is None else (banner.smb.smb1,)


@check(
    "smb1-disabled",
    title="SMB 1 is disabled",
    references=("CVE-2017-0144", "CIS Controls v8 4.8"),
)
def smb1_disabled(ports: OpenPorts, banners: Banners) -> Verdict:
    """SMB 1 has neither encryption nor protection of its negotiation, and WannaCry and NotPetya spread through its
    implementations.

    Remediation: remove it (Windows ``Disable-WindowsOptionalFeature -Online -FeatureName SMB1Protocol``).
    """
    found = flaws(ServiceProtocol.SMB, SERVICES, ports, banners, _old)
    if found.flawed:
        return failed("offers SMB 1: {measured}", measured=found.flawed, facts=found.facts)
    return found.undecided or passed("does not offer SMB 1: {measured}", measured=found.servers, facts=("/ports",))
