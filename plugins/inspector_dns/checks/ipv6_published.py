"""Whether a host can be found over IPv6."""

from inspector import Verdict, check, failed, passed
from inspector_dns.observations import Names


@check("ipv6-published", title="The name has an IPv6 address", references=("RFC 3596", "RFC 6540"))
def ipv6_published(names: Names) -> Verdict:
    """A name without an AAAA record is out of reach for networks that have only IPv6.

    Remediation: give the service an IPv6 address and publish it in an ``AAAA`` record.
    """
    if not names.ipv6.value:
        return failed("no AAAA record")
    return passed("IPv6 addresses: {measured}", measured=names.ipv6.value, facts="ipv6")
