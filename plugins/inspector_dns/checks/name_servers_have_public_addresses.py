"""name-servers-have-public-addresses: no name server of a public zone has an address that others cannot reach."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import Zone
from inspector_dns.reachability import is_private, is_server_address


@check(
    "name-servers-have-public-addresses",
    title="Name servers have public addresses only",
    references=("RFC 1918 §5", "RFC 6890", "RFC 4291 §2.5"),
)
def name_servers_have_public_addresses(zone: Zone) -> Verdict:
    """A resolver that tries a name server at a private, loopback or link-local address waits in vain, or asks a machine
    of its own network that happens to have it. A zone whose name servers all have private addresses is internal, and
    not judged.

    Remediation: remove the A and AAAA records with private addresses of the name servers from the public zone, e.g. by
    separate views of the zone for the internal network.
    """
    if zone.soa.value is None:
        return inconclusive("no zone apex at {measured}; declare it", measured=zone.name, cause=Cause.AMBIGUOUS)
    located = [(s.name, answer) for s in zone.servers.value for answer in (s.ipv4, s.ipv6)]
    found = [(name, address) for name, answer in located for address in answer.seen or ()]
    public = [address for _, address in found if is_server_address(address) and not is_private(address)]
    wrong = sorted(f"{name} ({address})" for name, address in found if address not in public)
    unseen = next((answer.unseen for _, answer in located if answer.unseen), None)
    if public and wrong:
        message = "name servers at addresses that the Internet does not reach: {measured}"
        return failed(message, measured=wrong, facts="servers")
    if unseen:
        names = sorted({name for name, _ in located})
        return inconclusive("not all addresses of {measured} were seen", measured=names, cause=unseen)
    if not public:
        names = [server.name for server in zone.servers.value]
        return not_applicable("no name server has a public address: {measured}", measured=names, facts="servers")
    return passed("name servers at public addresses: {measured}", measured=sorted(public), facts="servers")
