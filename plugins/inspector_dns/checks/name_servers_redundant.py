"""Whether a zone outlives the loss of one name server."""

from inspector import Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Zone


@check(
    "name-servers-redundant",
    title="The zone has several name servers at different addresses",
    references=("RFC 1034 §4.1", "RFC 2182"),
)
def name_servers_redundant(zone: Zone, *, least: int = 2) -> Verdict:
    """A zone with one name server vanishes with it, and every service under its names too.

    Remediation: delegate the zone to at least two name servers, at different addresses and best in different networks.
    """
    servers = zone.servers.value
    names = [server.name for server in servers]
    if len(names) < least:
        return failed("name servers: {measured}; {threshold} are needed", measured=names, threshold=least)
    answers = [answer for server in servers for answer in (server.ipv4, server.ipv6)]
    found = {address for answer in answers for address in answer.seen or ()}
    located = [server.name for server in servers if server.ipv4.seen or server.ipv6.seen]
    if min(len(located), len(found)) >= least:
        message = "name servers at different addresses: {measured}"
        return passed(message, measured=located, threshold=least, facts="servers")
    unseen = [answer.unseen for answer in answers if answer.unseen]
    if unseen:
        return inconclusive("the addresses of {measured} were not all seen", measured=names, cause=unseen[0])
    return failed(
        "name servers {measured} at {addresses}; {threshold} at different addresses are needed",
        measured=names,
        addresses=sorted(found),
        threshold=least,
    )
