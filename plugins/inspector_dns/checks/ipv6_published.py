"""ipv6-published: the host name has an AAAA record."""

from inspector import Verdict, check, failed, passed
from inspector_dns.observations import NameRecords


@check("ipv6-published", title="AAAA record is published", references=("RFC 3596", "RFC 6540"))
def ipv6_published(names: NameRecords) -> Verdict:
    """Clients in IPv6-only networks cannot reach a name without an AAAA record.

    Remediation: configure IPv6 on the service and publish its address, e.g. ``www.example.vn. AAAA 2001:db8::10``.
    """
    if not names.ipv6.value:
        return failed("no AAAA record")
    return passed("AAAA records: {measured}", measured=names.ipv6.value, facts="ipv6")
