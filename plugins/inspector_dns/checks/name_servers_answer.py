"""name-servers-answer: every name server of the zone responds authoritatively over UDP and TCP."""

from collections.abc import Iterator
from dataclasses import dataclass

from inspector import Answer, Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Delegation, NameServer, ServerReply, Zone

#: How a server that is asked gives no response: silent, unreachable, or with a connection that it ends.
_NO_RESPONSE = frozenset({Cause.TIMEOUT, Cause.NOT_REACHED, Cause.RESET, Cause.PROTOCOL_ERROR})


@check(
    "name-servers-answer",
    title="Name servers answer authoritatively over UDP and TCP",
    about=SubjectKind.ZONE,
    references=("RFC 1034 §4.2.2", "RFC 7766 §5", "RFC 2181 §10.3"),
)
def name_servers_answer(zone: Zone, delegation: Delegation, servers: Every[NameServer]) -> Verdict:
    """A name server that is lame, silent, without TCP or named by an alias makes names of the zone fail to resolve
    intermittently. The check queries the servers in the zone's NS records and those that the parent zone delegates to.

    Remediation: configure the zone on every server in its NS records, allow port 53 over UDP and TCP at the firewall,
    and remove the NS records of decommissioned servers, at the parent zone, too. The names in NS records have address
    records, not a CNAME record.
    """
    if zone.soa.is_seen and zone.soa.value is None:
        return inconclusive("no zone apex at {measured}; declare it", measured=zone.name, cause=Cause.AMBIGUOUS)
    named = zone.servers.seen or ()
    aliases = [server.name for server in named if server.aliases.seen]
    if aliases:
        return failed("name servers that are aliases: {measured}", measured=aliases, facts="servers")
    unresolved = [server.name for server in named if server.ipv4.seen == () and server.ipv6.seen == ()]
    if unresolved:
        return failed("name servers without an address: {measured}", measured=unresolved, facts="servers")
    replies = [reply for server in servers for reply in _replies(server)]
    wrong = [each.where for each in replies if each.reply.is_seen and not each.is_authoritative]
    right = [each.where for each in replies if each.is_authoritative]
    if wrong and not right:
        return _none_authoritative(zone, replies, wrong)
    if wrong:
        return failed("no authoritative answer from {measured}", measured=wrong)
    open_paths = {each.path for each in replies if each.is_authoritative}
    silent = [each.where for each in replies if each.reply.unseen in _NO_RESPONSE and each.path in open_paths]
    if silent:
        return failed("no response from {measured}, while other name servers of the zone answer", measured=silent)
    unseen = [(each.where, each.reply.unseen) for each in replies if each.reply.unseen]
    if unseen:
        return inconclusive("no response from {measured}", measured=[where for where, _ in unseen], cause=unseen[0][1])
    delegated = {name for referral in delegation.referrals for name in referral.names}
    queried = {item.subject.host for item in servers.all}
    not_queried = sorted(({server.name for server in zone.servers.value} | delegated) - queried)
    if not_queried:
        cause = Cause.ABORTED if queried else Cause.NOT_SELECTED
        return inconclusive("name servers not queried: {measured}", measured=not_queried, cause=cause)
    aliases_unseen = [server.aliases.unseen for server in named if server.aliases.unseen]
    if aliases_unseen:
        names = [server.name for server in named]
        return inconclusive("not all addresses of {measured} were seen", measured=names, cause=aliases_unseen[0])
    _ = zone.soa.value  # raises NotSeen
    if delegation.unseen:
        message = "which name servers the parent zone delegates to was not seen"
        return inconclusive(message, cause=delegation.unseen)
    return passed("authoritative answers from {measured}", measured=right)


def _none_authoritative(zone: Zone, replies: list["_Reply"], wrong: list[str]) -> Verdict:
    """The verdict where servers answer, none authoritatively: the vantage may be refused what resolvers are told."""
    if zone.soa.unseen is Cause.PROTOCOL_ERROR and any(each.reply.seen is not None for each in replies):
        return failed("no authoritative answer from {measured}, and resolvers do not find the zone", measured=wrong)
    message = "no name server of the zone answers this vantage: {measured}"
    return inconclusive(message, measured=wrong, cause=Cause.WRONG_VANTAGE)


@dataclass(frozen=True, slots=True)
class _Reply:
    """A name server's reply. ``path`` is the transport and address family, which the vantage has for all or none."""

    where: str
    path: tuple[str, bool]
    reply: Answer[ServerReply | None]

    @property
    def is_authoritative(self) -> bool:
        return self.reply.seen is not None and self.reply.seen.is_authoritative


def _replies(server: NameServer) -> Iterator[_Reply]:
    for transport, reply in (("UDP", server.udp), ("TCP", server.tcp)):
        where = f"{server.server} ({server.address}) {transport}"
        yield _Reply(where, (transport, ":" in server.address), reply)
