from __future__ import annotations

from inspector import ApplianceRole, Appliances, TableAt, Verdict, check
from inspector_http.appliances import none_recognised
from inspector_http.observations import Http


@check(
    "web-no-hypervisor",
    title="Hypervisor is not reachable on the web",
    references=("NIST SP 800-125A", "NIST SP 800-53 SC-7"),
    needs=(),
)
def no_hypervisor_recognised(http: Http, appliances: TableAt[Appliances]) -> Verdict:
    """Whoever enters a hypervisor has all its machines at once; ransomware encrypts their disks from there.

    It is recognised by what any visitor gets: the header ``Server``, names of cookies, and where the address leads.

    Remediation: let only a management network reach hypervisors and their consoles.
    """
    return none_recognised(ApplianceRole.HYPERVISOR, http, appliances)
