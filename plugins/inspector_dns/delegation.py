"""The probe of a zone's delegation, which queries the name servers of its parent zone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from inspector import (
    DNS_QUESTIONS,
    Cause,
    Cost,
    Discovered,
    DnsReplies,
    Gap,
    Intrusiveness,
    Network,
    NotSeen,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    SubjectKind,
    Target,
    answer_of,
    collect_replies,
    dns_name_text,
    parse_dns_message,
    probe,
    raw_dns_message,
)
from inspector_dns.observations import DelegatedServer, Delegation, ParentServer, Referral
from inspector_dns.probes import DNS, MAX_LABELS, MAX_SERVERS, NS

if TYPE_CHECKING:
    import dns.message
    import dns.rrset

#: The most name servers of the parent that are queried, each at one address.
PARENT_SERVERS: Final = 8
#: The most addresses of glue that are kept of one name server.
MAX_GLUE: Final = 16


def _parse_delegation(output: ScanOutput, context: ParseContext) -> Delegation:
    return _delegation(output, context.subject.host or "")


@probe(
    "delegation",
    kind=Delegation,
    schemes={DNS},
    subject_kind=SubjectKind.ZONE,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=90, infrastructure_questions=DNS_QUESTIONS + PARENT_SERVERS),
    parse=_parse_delegation,
    discovers={NS},
)
async def delegation(
    target: Target, network: Network, *, answer_seconds: int = 5, name_server_port: int = 53
) -> ScanOutput:
    """Find the parent zone, and query its name servers for the NS records of a zone, over TCP.

    Over UDP a server may leave out glue that does not fit, and older ones do not say so (RFC 9471 §3).

    The name servers to which they refer are discovered, with the addresses of the referral. ``name_server_port`` is the
    port on which all of them are queried.
    """
    output = await collect_replies(network, lambda replies: answer_of(_asked, replies, target.host))
    found = answer_of(_asked, DnsReplies(output), target.host).seen or ()

    async def reply(address: str) -> Raw | Gap:
        question, seconds = _question(address), float(answer_seconds)
        try:
            message = await network.query(
                target.host, "NS", server=address, port=name_server_port, tcp=True, timeout=seconds
            )
        except ScanFailure as failure:
            return Gap(question=question, cause=failure.cause, detail=failure.message)
        return raw_dns_message(question, message)

    replies = await asyncio.gather(*(reply(address) for _, address in found))
    output = output.model_copy(
        update={
            "raw": (*output.raw, *(each for each in replies if isinstance(each, Raw))),
            "gaps": (*output.gaps, *(each for each in replies if isinstance(each, Gap))),
        }
    )
    return output.model_copy(update={"discovered": _discovered(output, target.host, name_server_port)})


def _discovered(output: ScanOutput, zone: str, port: int) -> tuple[Discovered, ...]:
    """The delegated name servers, at each address that the parent gives; those without one by their name."""
    written = "" if port == NS.port else f":{port}"
    servers = {server for referral in _delegation(output, zone).referrals for server in referral.servers}
    return tuple(
        Discovered(
            uri=f"ns://{server.name}{written}/{zone}",
            why="the parent zone delegates to it",
            infrastructure=True,
            address=address,
        )
        for server in sorted(servers, key=DelegatedServer.canonical)
        for address in server.glue or (None,)
    )


def _question(address: str) -> str:
    return f"NS at {address}"


def _delegation(output: ScanOutput, zone: str) -> Delegation:
    replies = DnsReplies(output)
    return Delegation(
        zone=zone,
        parent=answer_of(_parent, replies, zone),
        servers=answer_of(_parent_servers, output, replies, zone),
    )


def _parent_servers(output: ScanOutput, replies: DnsReplies, zone: str) -> tuple[ParentServer, ...]:
    return tuple(
        ParentServer(name=name, address=address, referral=answer_of(_referral, output, address, zone))
        for name, address in _asked(replies, zone)
    )


def _parent(replies: DnsReplies, zone: str) -> str:
    """The closest name above the zone that has a SOA record."""
    labels = zone.split(".")
    if zone == "." or len(labels) > MAX_LABELS:
        raise NotSeen(Cause.AMBIGUOUS)
    for depth in range(1, len(labels)):
        name = ".".join(labels[depth:])
        if replies.records(name, "SOA") and not replies.aliases(name, "SOA"):
            return name
    return "."


def _asked(replies: DnsReplies, zone: str) -> tuple[tuple[str, str], ...]:
    """Name and address of each name server of the parent that is queried."""
    import dns.rdtypes.ANY.NS

    records = replies.records(_parent(replies, zone), "NS")
    names = sorted({dns_name_text(each.target) for each in records if isinstance(each, dns.rdtypes.ANY.NS.NS)})
    if len(names) > MAX_SERVERS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    found = [(name, answer_of(_address, replies, name)) for name in names[:PARENT_SERVERS]]
    located = tuple((name, address.seen) for name, address in found if address.seen is not None)
    unseen = [address.unseen for _, address in found if address.unseen]
    if unseen and not located:
        raise NotSeen(unseen[0])
    return located


def _address(replies: DnsReplies, name: str) -> str | None:
    """The address at which a name server is queried: the first of IPv4, else of IPv6."""
    for rdtype in ("A", "AAAA"):
        found = sorted(str(record) for record in replies.records(name, rdtype))
        if found:
            return found[0]
    return None


def _referral(output: ScanOutput, address: str, zone: str) -> Referral:
    from dns.flags import AA
    from dns.rcode import to_text

    wire = output.named(_question(address))
    if wire is None:
        question = _question(address)
        raise NotSeen(next((gap.cause for gap in output.gaps if gap.question == question), Cause.NOT_SELECTED))
    message = parse_dns_message(wire)
    return Referral(
        rcode=to_text(message.rcode()), authoritative=bool(message.flags & AA), servers=_delegated(message, zone)
    )


def _delegated(message: dns.message.Message, zone: str) -> tuple[DelegatedServer, ...]:
    import dns.name
    import dns.rdataclass
    import dns.rdatatype
    import dns.rdtypes.ANY.NS

    rrset = message.get_rrset(message.authority, dns.name.from_text(zone), dns.rdataclass.IN, dns.rdatatype.NS)
    names = {record.target for record in rrset or () if isinstance(record, dns.rdtypes.ANY.NS.NS)}
    if len(names) > MAX_SERVERS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    servers = [DelegatedServer(name=dns_name_text(name), glue=_glue(message, name)) for name in names]
    return tuple(sorted(servers, key=DelegatedServer.canonical))


def _glue(message: dns.message.Message, name: dns.name.Name) -> tuple[str, ...]:
    import dns.rdatatype

    addresses = {
        str(record)
        for rrset in message.additional
        if rrset.name == name and rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        for record in rrset
    }
    if len(addresses) > MAX_GLUE:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return tuple(sorted(addresses))
