"""name-servers-refuse-recursion: no name server resolves the names of other zones for everybody."""

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import NameServer


@check(
    "name-servers-refuse-recursion",
    title="Name servers refuse recursion",
    about=SubjectKind.ZONE,
    references=("RFC 5358 §4", "RFC 2182 §2"),
)
def name_servers_refuse_recursion(servers: Every[NameServer]) -> Verdict:
    """A name server that resolves the names of other zones for everybody can be used to attack third parties, and a
    forged entry in its cache stands beside the records of the zone. A server that sets the RA flag is asked for the SOA
    record of the top-level domain.

    Remediation: turn recursion off on name servers, or allow it to your own networks only.
    """
    open_to_all = sorted(server.where for server in servers if server.recursion.seen)
    if open_to_all:
        return failed("recursive queries are answered by {measured}", measured=open_to_all)
    unseen = [(server.where, server.recursion.unseen) for server in servers if server.recursion.unseen]
    if unseen:
        where = sorted(place for place, _ in unseen)
        return inconclusive("no response from {measured}", measured=where, cause=unseen[0][1])
    return passed("no recursive query is answered by {measured}", measured=sorted(each.where for each in servers))
