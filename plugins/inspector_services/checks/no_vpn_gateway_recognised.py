from __future__ import annotations

from inspector import ApplianceRole, Appliances, TableAt, Verdict, check
from inspector_services.appliances import none_recognised
from inspector_services.observations import Banners, OpenPorts


@check(
    "services-no-vpn-gateway",
    title="VPN gateway is not recognised on an open port",
    references=("NIST SP 800-53 AC-17", "NIST SP 800-77"),
)
def no_vpn_gateway_recognised(ports: OpenPorts, banners: Banners, appliances: TableAt[Appliances]) -> Verdict:
    """A VPN gateway stands in the open by its nature, and is where many ransomware attacks begin: by a vulnerability of
    its own, or by a stolen password without a second factor.

    It is recognised by what it sends to anybody who connects: greeting, the header ``Server`` and title of the page
    ``/``, subject of the certificate.

    Remediation: install updates of the gateway as soon as they appear, ask for a second factor, close its management
    pages from outside, and end sessions after an update.
    """
    return none_recognised(ApplianceRole.VPN_GATEWAY, ports, banners, appliances)
