"""ipv6-published: the host name has an AAAA record with an address that other networks can reach."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import NameRecords
from inspector_dns.reachability import is_globally_reachable


@check("ipv6-published", title="AAAA record is published", references=("RFC 3596", "RFC 6540", "RFC 6890"))
def ipv6_published(names: NameRecords) -> Verdict:
    """Clients in IPv6-only networks cannot reach a name without an AAAA record of a globally reachable address.

    Remediation: configure IPv6 on the service and publish its address, e.g. ``www.example.vn. AAAA 2001:db8::10``.
    """
    if not names.exists.value:
        return inconclusive("the name does not exist: {measured}", measured=names.host, cause=Cause.NOT_REACHED)
    if not names.ipv6.value:
        return failed("no AAAA record")
    if not any(is_globally_reachable(address) for address in names.ipv6.value):
        return failed(
            "no globally reachable address in AAAA records: {measured}", measured=names.ipv6.value, facts="ipv6"
        )
    return passed("AAAA records: {measured}", measured=names.ipv6.value, facts="ipv6")
