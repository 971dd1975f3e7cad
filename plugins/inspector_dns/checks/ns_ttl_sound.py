"""ns-ttl-sound: resolvers keep the NS records of the zone for a useful time."""

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import NameServer


@check(
    "ns-ttl-sound",
    title="TTL of NS records is sound",
    about=SubjectKind.ZONE,
    references=("RFC 1912 §2.2", "RFC 9199 §3.4", "RFC 8767 §4"),
)
def ns_ttl_sound(servers: Every[NameServer], *, least_seconds: int = 3600, most_seconds: int = 604_800) -> Verdict:
    """Resolvers that keep NS records for some hours find the zone while its name servers are under attack. Records that
    are kept for more than a week point to old servers long after a change.

    Remediation: set the TTL of the zone's NS records to between one hour and some days, e.g. 86400 seconds.
    """
    asked = [server for server in servers if not server.is_lame]
    if not asked and not servers.missing:
        return not_applicable("no name server answers authoritatively")
    seen = sorted((server.ttl.seen, server.where) for server in asked if server.ttl.seen is not None)
    if seen and seen[0][0] < least_seconds:
        message = "the NS records at {server} are kept for {measured} s, at least {threshold} s"
        return failed(message, server=seen[0][1], measured=seen[0][0], threshold=least_seconds)
    if seen and seen[-1][0] > most_seconds:
        message = "the NS records at {server} are kept for {measured} s, at most {threshold} s"
        return failed(message, server=seen[-1][1], measured=seen[-1][0], threshold=most_seconds)
    unseen = [(server.where, server.ttl.unseen) for server in asked if server.ttl.unseen]
    if unseen:
        where = sorted(place for place, _ in unseen)
        return inconclusive(
            "the NS records of the zone were not seen at {measured}", measured=where, cause=unseen[0][1]
        )
    return passed("the NS records are kept for {measured} s", measured=sorted({each for each, _ in seen}))
