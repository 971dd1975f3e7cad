from __future__ import annotations

from inspector import ApplianceRole, Appliances, TableAt, Verdict, check
from inspector_services.appliances import none_recognised
from inspector_services.observations import Banners, OpenPorts


@check(
    "services-no-hypervisor",
    title="Hypervisor is not reachable on an open port",
    references=("NIST SP 800-125A", "NIST SP 800-53 SC-7"),
)
def no_hypervisor_recognised(ports: OpenPorts, banners: Banners, appliances: TableAt[Appliances]) -> Verdict:
    """Whoever enters a hypervisor has all its machines at once; ransomware encrypts their disks from there.

    It is recognised by what it sends to anybody who connects: greeting, the header ``Server`` and title of the page
    ``/``, subject of the certificate.

    Remediation: let only a management network reach hypervisors and their consoles.
    """
    return none_recognised(ApplianceRole.HYPERVISOR, ports, banners, appliances)
