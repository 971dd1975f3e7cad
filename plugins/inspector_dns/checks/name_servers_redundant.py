"""name-servers-redundant: the zone has several name servers at different addresses."""

from inspector import Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Zone


@check(
    "name-servers-redundant",
    title="Name servers are redundant",
    references=("RFC 1034 §4.1", "RFC 2182"),
)
def name_servers_redundant(zone: Zone, *, least: int = 2) -> Verdict:
    """When the only name server of a zone fails, no name of the zone resolves and all its services are unavailable.

    Remediation: delegate the zone to at least two name servers at different addresses, preferably in different networks
    and autonomous systems.
    """
    servers = zone.servers.value
    names = [server.name for server in servers]
    if len(names) < least:
        return failed("has name servers {measured}, at least {threshold} are required", measured=names, threshold=least)
    answers = [answer for server in servers for answer in (server.ipv4, server.ipv6)]
    found = {address for answer in answers for address in answer.seen or ()}
    located = [server.name for server in servers if server.ipv4.seen or server.ipv6.seen]
    if min(len(located), len(found)) >= least:
        message = "name servers at different addresses: {measured}"
        return passed(message, measured=located, threshold=least, facts="servers")
    unseen = [answer.unseen for answer in answers if answer.unseen]
    if unseen:
        return inconclusive("not all addresses of {measured} were seen", measured=names, cause=unseen[0])
    return failed(
        "has name servers {measured} at {addresses}, at least {threshold} different addresses are required",
        measured=names,
        addresses=sorted(found),
        threshold=least,
    )
