from __future__ import annotations

from inspector import Answer, Verdict, check, failed, passed
from inspector_services.exposure import NOT_READ, flaws, opposite
from inspector_services.observations import Banner, Banners, OpenPorts, ServiceProtocol

SERVICES = ("smb", "netbios-ssn")


def _unsigned(banner: Banner) -> tuple[Answer[bool], ...]:
    return NOT_READ if banner.smb is None else (opposite(banner.smb.signing_required),)


@check(
    "smb-signing-required",
    title="SMB requires signing",
    references=("[MS-SMB2] §3.3.5.4", "CIS Controls v8 4.8"),
)
def smb_signing_required(ports: OpenPorts, banners: Banners) -> Verdict:
    """Without required signing an attacker on the path can alter what is read and written, and can relay a user's
    log-in to this server.

    Remediation: require signing on the server (Windows ``Set-SmbServerConfiguration -RequireSecuritySignature $true``).
    """
    found = flaws(ServiceProtocol.SMB, SERVICES, ports, banners, _unsigned)
    if found.flawed:
        return failed("does not require signing: {measured}", measured=found.flawed, facts=found.facts)
    return found.undecided or passed("requires signing: {measured}", measured=found.servers, facts=("/ports",))
