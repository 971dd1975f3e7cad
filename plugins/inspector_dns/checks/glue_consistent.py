"""glue-consistent: the addresses that the parent gives for name servers are those of their address records."""

from collections.abc import Iterator

from inspector import Answer, Cause, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import DelegatedServer, Delegation, Zone, ZoneServer


@check(
    "glue-consistent",
    title="Glue records match the addresses of the name servers",
    about=SubjectKind.ZONE,
    references=("RFC 1034 §4.2.1", "RFC 1912 §2.3", "RFC 9471 §2"),
)
def glue_consistent(zone: Zone, delegation: Delegation) -> Verdict:
    """For name servers within the zone resolvers depend on the addresses that the parent zone gives (glue). Where they
    are missing or out of date, the zone does not resolve, or its queries go to a machine that somebody else may own.

    Remediation: have the registrar set the glue of each name server to its A and AAAA records, and change both together
    when a name server moves.
    """
    referrals = delegation.referrals
    if not referrals:
        _ = delegation.servers.value  # raises NotSeen
        return inconclusive("no referral of the parent zone was seen", cause=Cause.AMBIGUOUS)
    given = sorted({server for each in referrals for server in each.servers}, key=DelegatedServer.canonical)
    own = {server.name: server for server in zone.servers.value}
    missing = sorted({server.name for server in given if not server.glue and _is_within(server.name, zone.name)})
    if missing:
        return failed("the parent zone gives no address for {measured}", measured=missing, facts=("/servers",))
    wrong = [text for server in given for text in _differences(server, own.get(server.name), zone.name)]
    if wrong:
        return failed("the glue in the parent zone does not match the address records: {measured}", measured=wrong)
    compared = [server for server in given if server.glue and server.name in own]
    if not compared:
        return not_applicable("the parent zone gives no glue: the name servers are outside of the zone")
    unseen = [answer.unseen for each in compared for answer in _addresses(own[each.name]) if answer.unseen]
    if unseen:
        names = sorted({each.name for each in compared})
        return inconclusive("not all addresses of {measured} were seen", measured=names, cause=unseen[0])
    return passed("the glue of {measured} matches", measured=sorted({each.name for each in compared}))


def _is_within(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def _addresses(server: ZoneServer) -> tuple[Answer[tuple[str, ...]], Answer[tuple[str, ...]]]:
    return server.ipv4, server.ipv6


def _differences(given: DelegatedServer, own: ZoneServer | None, zone: str) -> Iterator[str]:
    """How glue and address records of one name server differ, as text.

    A name server outside of the zone does not depend on its glue, which may then be a part of its addresses.
    """
    if own is None or not given.glue:
        return
    for is_ipv6, answer in enumerate(_addresses(own)):
        if answer.seen is None:
            continue
        glue = {address for address in given.glue if (":" in address) is bool(is_ipv6)}
        extra = glue - set(answer.seen)
        absent = set(answer.seen) - glue if _is_within(given.name, zone) else set()
        yield from (f"{given.name} +{address}" for address in sorted(extra))
        yield from (f"{given.name} -{address}" for address in sorted(absent))
