from __future__ import annotations

from inspector import ApplianceRole, Appliances, Place, TableAt, Verdict, check, failed, inconclusive, passed
from inspector_services.observations import Banners


@check(
    "services-no-hypervisor",
    title="Hypervisor is not reachable on an open port",
    references=("NIST SP 800-125A", "NIST SP 800-53 SC-7"),
)
def no_hypervisor_recognised(banners: Banners, appliances: TableAt[Appliances]) -> Verdict:
    """Whoever enters a hypervisor has all its machines at once; ransomware encrypts their disks from there.

    It is recognised by what it sends first to anybody who connects.

    Remediation: let only a management network reach hypervisors and their consoles.
    """
    texts = [each.banner.seen.text for each in banners.ports if each.banner.seen is not None]
    if found := appliances.entries.recognised(ApplianceRole.HYPERVISOR, {Place.BANNER: texts}):
        return failed("recognised: {measured}", measured=found, facts=("/ports",))
    if banners.unreachable_cause is not None:
        return inconclusive("not every banner was seen", cause=banners.unreachable_cause)
    return passed("no open port sends a mark of such an appliance", facts=("/ports",))
