"""name-servers-answer: every name server of the zone responds authoritatively over UDP and TCP."""

from inspector import Answer, Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import NameServer, ServerReply, Zone


@check(
    "name-servers-answer",
    title="Name servers answer authoritatively over UDP and TCP",
    about=SubjectKind.ZONE,
    references=("RFC 1034 §4.2.2", "RFC 7766 §5"),
)
def name_servers_answer(zone: Zone, servers: Every[NameServer]) -> Verdict:
    """A lame name server, or one without TCP, makes names of the zone fail to resolve intermittently.

    Remediation: configure the zone on every server in its NS records, allow port 53 over UDP and TCP at the firewall,
    and remove the NS records of decommissioned servers.
    """
    unresolved = [server.name for server in zone.servers.value if server.ipv4.seen == () and server.ipv6.seen == ()]
    if unresolved:
        return failed("name servers without an address: {measured}", measured=unresolved, facts="servers")
    replies = [reply for server in servers for reply in _replies(server)]
    wrong = [where for where, reply in replies if reply.is_seen and not _is_authoritative(reply.value)]
    right = [where for where, reply in replies if reply.is_seen and _is_authoritative(reply.value)]
    if wrong and not right:  # resolvers found the zone, so the vantage must be blocked
        message = "no name server of the zone answers this vantage: {measured}"
        return inconclusive(message, measured=wrong, cause=Cause.WRONG_VANTAGE)
    if wrong:
        return failed("no authoritative answer from {measured}", measured=wrong)
    unseen = [(where, reply.unseen) for where, reply in replies if reply.unseen]
    if unseen:
        return inconclusive("no response from {measured}", measured=[where for where, _ in unseen], cause=unseen[0][1])
    queried = {item.subject.host for item in servers.all}
    not_queried = [server.name for server in zone.servers.value if server.name not in queried]
    if not_queried:
        return inconclusive("name servers not queried: {measured}", measured=not_queried, cause=Cause.ABORTED)
    return passed("authoritative answers from {measured}", measured=right)


def _replies(server: NameServer) -> list[tuple[str, Answer[ServerReply | None]]]:
    where = f"{server.server} ({server.address})"
    return [(f"{where} UDP", server.udp), (f"{where} TCP", server.tcp)]


def _is_authoritative(reply: ServerReply | None) -> bool:
    return reply is not None and reply.is_authoritative
