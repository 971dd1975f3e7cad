"""name-servers-in-several-networks: the name servers of the zone are not all in one network."""

from ipaddress import ip_interface

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import Zone
from inspector_dns.reachability import is_private, is_server_address

#: The longest prefixes that are usually announced on their own: addresses within one fail together.
_IPV4_PREFIX, _IPV6_PREFIX = 24, 48


@check(
    "name-servers-in-several-networks",
    title="Name servers are in several networks",
    references=("RFC 2182 §3.1", "RFC 2182 §5"),
)
def name_servers_in_several_networks(zone: Zone, *, least: int = 2) -> Verdict:
    """When all name servers of a zone are in one network, a failure of its link or an attack on it makes every name of
    the zone unreachable. Addresses are in one network here when they share the first 24 bits of IPv4 or 48 of IPv6; a
    zone whose name servers all have private addresses is internal, and not judged.

    Remediation: add a name server in another network, preferably at another site and with another provider.
    """
    if zone.soa.value is None:
        return inconclusive("no zone apex at {measured}; declare it", measured=zone.name, cause=Cause.AMBIGUOUS)
    answers = [answer for server in zone.servers.value for answer in (server.ipv4, server.ipv6)]
    found = {address for answer in answers for address in answer.seen or () if is_server_address(address)}
    public = [address for address in found if not is_private(address)]
    unseen = next((answer.unseen for answer in answers if answer.unseen), None)
    networks = sorted({_network(address) for address in public})
    per_family = [sum((":" in network) is ipv6 for network in networks) for ipv6 in (False, True)]
    if max(per_family) >= least:
        return passed("name servers in the networks {measured}", measured=networks, threshold=least, facts="servers")
    names = [server.name for server in zone.servers.value]
    if unseen:
        return inconclusive("not all addresses of {measured} were seen", measured=names, cause=unseen)
    if not public:
        return not_applicable("no name server has a public address: {measured}", measured=names, facts="servers")
    message = "all name servers are in {measured}, at least {threshold} networks of one family are required"
    return failed(message, measured=networks, threshold=least, facts="servers")


def _network(address: str) -> str:
    return str(ip_interface(f"{address}/{_IPV6_PREFIX if ':' in address else _IPV4_PREFIX}").network)
