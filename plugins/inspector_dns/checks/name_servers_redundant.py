"""name-servers-redundant: the zone has several name servers at different addresses of one family."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Zone, ZoneServer
from inspector_dns.reachability import is_server_address


@check(
    "name-servers-redundant",
    title="Name servers are redundant",
    references=("RFC 1034 §4.1", "RFC 2182", "RFC 2181 §10.3"),
)
def name_servers_redundant(zone: Zone, *, least: int = 2) -> Verdict:
    """When the only name server of a zone fails, no name of the zone resolves and all its services are unavailable.

    Remediation: delegate the zone to at least two name servers at different addresses, preferably in different networks
    and autonomous systems. The names in NS records have address records, not a CNAME record.
    """
    if zone.soa.is_seen and zone.soa.value is None:
        return inconclusive("no zone apex at {measured}; declare it", measured=zone.name, cause=Cause.AMBIGUOUS)
    names = [server.name for server in zone.servers.value]
    aliases = [server.name for server in zone.servers.value if server.aliases.seen]
    servers = [server for server in zone.servers.value if server.name not in aliases]
    if aliases and len(servers) < least:
        message = "of the name servers {measured} {aliases} are aliases; at least {threshold} others are required"
        return failed(message, measured=names, aliases=aliases, threshold=least, facts="servers")
    if len(servers) < least:
        return failed("has name servers {measured}, at least {threshold} are required", measured=names, threshold=least)
    named = [server for server in servers if server.aliases.is_seen]
    located = [server.name for server in named if _addresses([server])]
    if min(len(located), _largest_family(_addresses(named))) >= least:
        message = "name servers at different addresses: {measured}"
        return passed(message, measured=located, threshold=least, facts="servers")
    answers = [answer for server in servers for answer in (server.aliases, server.ipv4, server.ipv6)]
    unseen = [answer.unseen for answer in answers if answer.unseen]
    if unseen:
        return inconclusive("not all addresses of {measured} were seen", measured=names, cause=unseen[0])
    message = "has name servers {measured} at {addresses}, at least {threshold} addresses of one family are required"
    return failed(
        message,
        measured=[server.name for server in servers],
        addresses=sorted(_addresses(servers)),
        threshold=least,
    )


def _addresses(servers: list[ZoneServer]) -> set[str]:
    answers = [answer for server in servers for answer in (server.ipv4, server.ipv6)]
    return {address for answer in answers for address in answer.seen or () if is_server_address(address)}


def _largest_family(addresses: set[str]) -> int:
    """The number of IPv4 or of IPv6 addresses: a machine may have one of each."""
    ipv6 = sum(":" in address for address in addresses)
    return max(ipv6, len(addresses) - ipv6)
