"""name-servers-redundant: the zone has several name servers at different addresses of one family."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Zone, ZoneServer
from inspector_dns.reachability import is_private, is_server_address


@check(
    "name-servers-redundant",
    title="Name servers are redundant",
    references=("RFC 1034 §4.1", "RFC 2182", "RFC 2181 §10.3"),
)
def name_servers_redundant(zone: Zone, *, least: int = 2) -> Verdict:
    """When the only name server of a zone fails, no name of the zone resolves and all its services are unavailable.
    A private address (RFC 1918, RFC 4193) serves its own network only: where some name servers have public addresses
    and the others are needed to make two, the check is inconclusive; a zone with private ones alone is internal.

    Remediation: delegate the zone to at least two name servers at different addresses, preferably in different networks
    and autonomous systems, and for the Internet at public ones. The names in NS records have address records, not a
    CNAME record.
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
        return failed("has fewer than {threshold} name servers: {measured}", measured=names, threshold=least)
    named = [server for server in servers if server.aliases.is_seen]
    located = [server.name for server in named if _addresses([server])]
    found = _addresses(named)
    public = {address for address in found if not is_private(address)}
    answers = [answer for server in servers for answer in (server.aliases, server.ipv4, server.ipv6)]
    unseen = [answer.unseen for answer in answers if answer.unseen]
    is_internal = not public and not unseen
    if _is_redundant(named, found if is_internal else public, least):
        message = "name servers at different addresses: {measured}"
        return passed(message, measured=located, threshold=least, facts="servers")
    if unseen:
        return inconclusive("not all addresses of {measured} were seen", measured=names, cause=unseen[0])
    if _is_redundant(named, found, least):
        message = "without the private addresses {measured} fewer than {threshold} name servers remain"
        private = sorted(found - public)
        return inconclusive(message, measured=private, threshold=least, cause=Cause.AMBIGUOUS, facts="servers")
    message = "has fewer than {threshold} addresses of one family for its name servers {measured}: {addresses}"
    return failed(
        message,
        measured=[server.name for server in servers],
        addresses=sorted(_addresses(servers)),
        threshold=least,
    )


def _addresses(servers: list[ZoneServer]) -> set[str]:
    answers = [answer for server in servers for answer in (server.ipv4, server.ipv6)]
    return {address for answer in answers for address in answer.seen or () if is_server_address(address)}


def _is_redundant(servers: list[ZoneServer], addresses: set[str], least: int) -> bool:
    """Whether enough servers are at these addresses, and enough of these are of one family."""
    located = sum(not _addresses([server]).isdisjoint(addresses) for server in servers)
    return min(located, _largest_family(addresses)) >= least


def _largest_family(addresses: set[str]) -> int:
    """The number of IPv4 or of IPv6 addresses: a machine may have one of each."""
    ipv6 = sum(":" in address for address in addresses)
    return max(ipv6, len(addresses) - ipv6)
