"""The probes of names, zones and name servers, which query resolvers and name servers only, never a target."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from inspector import (
    DNS_QUESTIONS,
    HOST,
    Answer,
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
    Scheme,
    SubjectKind,
    Target,
    UriForm,
    answer_of,
    collect_replies,
    dns_name_text,
    parse_dns_message,
    probe,
    raw_dns_message,
)
from inspector_dns.observations import (
    Caa,
    CaaRecord,
    DelegationSigner,
    NameRecords,
    NameServer,
    ServerReply,
    Soa,
    TrustChain,
    Zone,
    ZoneKey,
    ZoneServer,
)

if TYPE_CHECKING:
    import dns.rdata

T = TypeVar("T")

HTTPS: Final = Scheme("https", UriForm.PAGE, 443)
HTTP: Final = Scheme("http", UriForm.PAGE, 80)
TLS: Final = Scheme("tls")
DNS: Final = Scheme("dns", UriForm.NAME)
#: ``ns://SERVER/ZONE``: one name server, queried for one zone.
NS: Final = Scheme("ns", UriForm.PAGE, 53)

#: Limits: labels of a name (CAA tree climbing), name servers of a zone, bytes of a CAA value.
MAX_LABELS: Final = 24
MAX_SERVERS: Final = 24
MAX_VALUE_BYTES: Final = 512


# --- Names ----------------------------------------------------------------------------------------------------------


def _parse_names(output: ScanOutput, context: ParseContext) -> NameRecords:
    return _names(DnsReplies(output), host=context.subject.host or "")


@probe(
    "names",
    kind=NameRecords,
    schemes={HTTPS, HTTP, TLS, HOST},
    subject_kind=SubjectKind.HOST,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=60, infrastructure_questions=DNS_QUESTIONS),
    parse=_parse_names,
)
async def names(target: Target, network: Network) -> ScanOutput:
    """Query the A, AAAA and CAA records of a host name."""
    return await collect_replies(network, partial(_names, host=target.host))


def _names(replies: DnsReplies, host: str) -> NameRecords:
    return NameRecords(
        host=host,
        exists=answer_of(_exists, replies, host),
        aliases=answer_of(replies.aliases, host, "A"),
        ipv4=answer_of(_texts, replies, host, "A"),
        ipv6=answer_of(_texts, replies, host, "AAAA"),
        caa=answer_of(_caa, replies, host),
    )


def _exists(replies: DnsReplies, host: str) -> bool:
    """Whether one of the address queries finds the name: some servers deny it for AAAA alone (RFC 4074 §4.2)."""
    from dns.rcode import NXDOMAIN

    messages = [answer_of(replies.message, host, rdtype) for rdtype in ("A", "AAAA")]
    if any(each.seen is not None and each.seen.rcode() != NXDOMAIN for each in messages):
        return True
    return any(each.value is None for each in messages)  # raises NotSeen when one is missing


def _texts(replies: DnsReplies, name: str, rdtype: str) -> tuple[str, ...]:
    return tuple(sorted(str(record) for record in replies.records(name, rdtype)))


def _caa(replies: DnsReplies, host: str) -> Caa:
    """The relevant set: the first found while climbing from the name to its top-level domain (RFC 8659 §3)."""
    labels = host.split(".")
    if len(labels) > MAX_LABELS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    for depth in range(len(labels)):
        name = ".".join(labels[depth:])
        records = replies.records(name, "CAA")
        if records:
            return Caa(at=name, records=tuple(sorted(map(_caa_record, records), key=CaaRecord.canonical)))
    return Caa()


def _caa_record(record: dns.rdata.Rdata) -> CaaRecord:
    from dns.rdtypes.ANY.CAA import CAA

    assert isinstance(record, CAA)  # noqa: S101  (the queried type)
    value = record.value[:MAX_VALUE_BYTES].decode("ascii", "backslashreplace")
    return CaaRecord(critical=bool(record.flags & 128), tag=record.tag.decode("ascii").lower(), value=value)


# --- Zone -----------------------------------------------------------------------------------------------------------


def _parse_zone(output: ScanOutput, context: ParseContext) -> Zone:
    from inspector_dns.dnssec import validate

    name = context.subject.host or ""
    replies = DnsReplies(output)
    chain = answer_of(validate, replies, name, context.dnssec_anchors, context.seen_at)
    return _zone(replies, name, chain)


@probe(
    "zone",
    kind=Zone,
    schemes={DNS},
    subject_kind=SubjectKind.ZONE,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=120, infrastructure_questions=DNS_QUESTIONS),
    parse=_parse_zone,
    parse_in_worker=True,
    discovers={NS},
)
async def zone(target: Target, network: Network, *, name_server_port: int = 53) -> ScanOutput:
    """Query a zone's SOA, NS and DNSKEY records, and the DS and DNSKEY records of the chain of trust.

    ``name_server_port`` is the port on which the discovered name servers are then queried.
    """
    output = await collect_replies(network, partial(_query_zone, name=target.host), dnssec=True)
    servers = _zone(DnsReplies(output), target.host, _NOT_VALIDATED).servers
    port = "" if name_server_port == NS.port else f":{name_server_port}"
    found = tuple(
        Discovered(uri=f"ns://{server.name}{port}/{target.host}", why="name server of the zone", infrastructure=True)
        for server in servers.seen or ()
    )
    return output.model_copy(update={"discovered": found})


_NOT_VALIDATED: Final = Answer[TrustChain](unseen=Cause.NOT_SELECTED)


def _query_zone(replies: DnsReplies, name: str) -> None:
    """All queries that the observation and the chain of trust from the root down need."""
    from inspector_dns.dnssec import ancestors

    _zone(replies, name, _NOT_VALIDATED)
    for ancestor in answer_of(ancestors, name).seen or ():
        answer_of(replies.message, ancestor, "DNSKEY")
        if ancestor != ".":
            answer_of(replies.message, ancestor, "DS")


def _zone(replies: DnsReplies, name: str, chain: Answer[TrustChain]) -> Zone:
    return Zone(
        name=name,
        soa=answer_of(_soa, replies, name),
        servers=answer_of(_servers, replies, name),
        ds=answer_of(_ds, replies, name),
        keys=answer_of(_keys, replies, name),
        chain=chain,
    )


def _of_type(kind: type[T], records: tuple[Any, ...]) -> list[T]:
    return [record for record in records if isinstance(record, kind)]


def _soa(replies: DnsReplies, name: str) -> Soa | None:
    from dns.rdtypes.ANY.SOA import SOA

    if replies.aliases(name, "SOA"):
        return None
    found = _of_type(SOA, replies.records(name, "SOA"))
    return Soa(primary=dns_name_text(found[0].mname), serial=found[0].serial) if found else None


def _servers(replies: DnsReplies, name: str) -> tuple[ZoneServer, ...]:
    import dns.rdtypes.ANY.NS

    records = _of_type(dns.rdtypes.ANY.NS.NS, replies.records(name, "NS"))
    servers = sorted({dns_name_text(record.target) for record in records})
    if len(servers) > MAX_SERVERS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return tuple(
        ZoneServer(
            name=server,
            aliases=answer_of(replies.aliases, server, "A"),
            ipv4=answer_of(_texts, replies, server, "A"),
            ipv6=answer_of(_texts, replies, server, "AAAA"),
        )
        for server in servers
    )


def _ds(replies: DnsReplies, name: str) -> tuple[DelegationSigner, ...]:
    from dns.rdtypes.ANY.DS import DS

    return tuple(
        DelegationSigner(key_tag=each.key_tag, algorithm=each.algorithm, digest_type=each.digest_type)
        for each in sorted(_of_type(DS, replies.records(name, "DS")))
    )


def _keys(replies: DnsReplies, name: str) -> tuple[ZoneKey, ...]:
    from dns.dnssec import key_id
    from dns.rdtypes.ANY.DNSKEY import DNSKEY

    return tuple(
        ZoneKey(key_tag=key_id(each), algorithm=each.algorithm, flags=each.flags)
        for each in sorted(_of_type(DNSKEY, replies.records(name, "DNSKEY")))
    )


# --- Name servers ---------------------------------------------------------------------------------------------------


def _parse_name_server(output: ScanOutput, context: ParseContext) -> NameServer:
    return NameServer(
        zone=_zone_of(context.subject.uri),
        server=context.subject.host or "",
        address=context.subject.address or "",
        udp=answer_of(_server_reply, output, "udp"),
        tcp=answer_of(_server_reply, output, "tcp"),
    )


@probe(
    "name-server",
    kind=NameServer,
    schemes={NS},
    subject_kind=SubjectKind.URL,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(connections=2, seconds=30),
    parse=_parse_name_server,
)
async def name_server(target: Target, network: Network, *, answer_seconds: int = 5) -> ScanOutput:
    """Query one name server at one address for the SOA record of a zone, over UDP and over TCP."""
    zone_name = _zone_of(target.uri)
    if not zone_name:
        raise ScanFailure(Cause.AMBIGUOUS, "no zone is named; declare dns:ZONE, or ns://SERVER/ZONE")

    async def reply(transport: str) -> Raw | Gap:
        tcp, seconds = transport == "tcp", float(answer_seconds)
        try:
            message = await network.query(
                zone_name, "SOA", server=target.address, port=target.port, tcp=tcp, timeout=seconds
            )
        except ScanFailure as failure:
            return Gap(question=transport, cause=failure.cause, detail=failure.message)
        return raw_dns_message(transport, message)

    replies = await asyncio.gather(reply("udp"), reply("tcp"))
    question = Raw(name="question", data=f"{zone_name} SOA".encode(), media_type="text/plain")
    return ScanOutput(
        raw=(question, *(each for each in replies if isinstance(each, Raw))),
        gaps=tuple(each for each in replies if isinstance(each, Gap)),
    )


def _zone_of(uri: str) -> str:
    return urlsplit(uri).path.strip("/")


def _server_reply(output: ScanOutput, transport: str) -> ServerReply | None:
    from dns.flags import AA
    from dns.rcode import to_text
    from dns.rdtypes.ANY.SOA import SOA

    wire = output.named(transport)
    if wire is None:
        cause = next((gap.cause for gap in output.gaps if gap.question == transport), Cause.NOT_SELECTED)
        if cause is Cause.REFUSED:
            return None
        raise NotSeen(cause)
    message = parse_dns_message(wire)
    found = [record for rrset in message.answer for record in rrset if isinstance(record, SOA)]
    return ServerReply(
        rcode=to_text(message.rcode()),
        authoritative=bool(message.flags & AA),
        serial=found[0].serial if found else None,
    )
