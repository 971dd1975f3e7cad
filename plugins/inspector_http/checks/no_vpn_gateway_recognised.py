from __future__ import annotations

from inspector import ApplianceRole, Appliances, TableAt, Verdict, check
from inspector_http.appliances import none_recognised
from inspector_http.observations import Http


@check(
    "web-no-vpn-gateway",
    title="VPN gateway is not recognised",
    references=("NIST SP 800-53 AC-17", "NIST SP 800-77"),
    needs=(),
)
def no_vpn_gateway_recognised(http: Http, appliances: TableAt[Appliances]) -> Verdict:
    """A VPN gateway stands in the open by its nature, and is where many ransomware attacks begin: by a vulnerability of
    its own, or by a stolen password without a second factor.

    It is recognised by what any visitor gets: the header ``Server``, names of cookies, and where the address leads.

    Remediation: install updates of the gateway as soon as they appear, ask for a second factor, close its management
    pages from outside, and end sessions after an update.
    """
    return none_recognised(ApplianceRole.VPN_GATEWAY, http, appliances)
