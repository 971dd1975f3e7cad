"""no-wildcard-addresses: names that nobody made have no address."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Zone


@check("no-wildcard-addresses", title="No wildcard gives addresses", references=("RFC 4592", "RFC 1912 §2.7"))
def no_wildcard_addresses(zone: Zone) -> Verdict:
    """With a wildcard every misspelt name leads to a server, which serves pages and takes cookies under a name of the
    organisation, and a forgotten name is never noticed. The check queries one made-up name directly below the zone.

    Remediation: replace ``*.example.vn`` by the names that are used, unless a service needs any name.
    """
    if zone.soa.value is None:
        return inconclusive("no zone apex at {measured}; declare it", measured=zone.name, cause=Cause.AMBIGUOUS)
    if zone.wildcard.value:
        return failed("a name that nobody made has an address or an alias", facts="wildcard")
    return passed("a name that nobody made has no address", facts="wildcard")
