"""Whether every name server of a zone does its work."""

from inspector import Answer, Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import NameServer, ServerReply, Zone


@check(
    "name-servers-answer",
    title="Every name server answers for the zone, over UDP and TCP",
    about=SubjectKind.ZONE,
    references=("RFC 1034 §4.2.2", "RFC 7766 §5"),
)
def name_servers_answer(zone: Zone, servers: Every[NameServer]) -> Verdict:
    """A name server that does not know its zone, or refuses TCP, makes the zone's names fail now and then.

    Remediation: configure the zone on every server that its NS records name, allow port 53 over UDP and TCP, and remove
    NS records of servers that are gone.
    """
    lost = [server.name for server in zone.servers.value if server.ipv4.seen == () and server.ipv6.seen == ()]
    if lost:
        return failed("name servers without an address: {measured}", measured=lost, facts="servers")
    replies = [reply for server in servers for reply in _replies(server)]
    wrong = [where for where, reply in replies if reply.is_seen and not _is_authoritative(reply.value)]
    right = [where for where, reply in replies if reply.is_seen and _is_authoritative(reply.value)]
    if wrong and not right:  # resolvers found the zone, so what stands between must be in the way
        message = "from here no name server of the zone can be asked: {measured}"
        return inconclusive(message, measured=wrong, cause=Cause.WRONG_VANTAGE)
    if wrong:
        return failed("no authoritative answer from {measured}", measured=wrong)
    unseen = [(where, reply.unseen) for where, reply in replies if reply.unseen]
    if unseen:
        return inconclusive("no answer from {measured}", measured=[where for where, _ in unseen], cause=unseen[0][1])
    asked = {item.subject.host for item in servers.all}
    missed = [server.name for server in zone.servers.value if server.name not in asked]
    if missed:
        return inconclusive("name servers that were not asked: {measured}", measured=missed, cause=Cause.ABORTED)
    return passed("authoritative answers from {measured}", measured=right)


def _replies(server: NameServer) -> list[tuple[str, Answer[ServerReply | None]]]:
    where = f"{server.server} ({server.address})"
    return [(f"{where} UDP", server.udp), (f"{where} TCP", server.tcp)]


def _is_authoritative(reply: ServerReply | None) -> bool:
    return reply is not None and reply.is_authoritative
