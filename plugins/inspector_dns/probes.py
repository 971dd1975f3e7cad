"""The probes of names, zones and name servers, which query resolvers and name servers only, never a target."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
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
    ApexSignature,
    Caa,
    CaaRecord,
    ChildSigner,
    DelegationSigner,
    Denial,
    NameRecords,
    NameServer,
    ServerReply,
    ServiceBinding,
    SigningKey,
    Soa,
    TrustChain,
    Zone,
    ZoneKey,
    ZoneServer,
)

if TYPE_CHECKING:
    from datetime import datetime

    import dns.message
    import dns.rdata
    import dns.rdatatype
    import dns.rrset
    from dns.rdtypes.ANY.RRSIG import RRSIG
    from dns.rdtypes.ANY.SOA import SOA
    from dns.rdtypes.svcbbase import SVCBBase

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
#: Records of one type at the apex of a zone; HTTPS records of a name.
MAX_RECORDS: Final = 64
MAX_BINDINGS: Final = 8


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
    """Query the A, AAAA, CAA and HTTPS records of a host name, and whether the name exists that it is an alias of."""
    return await collect_replies(network, partial(_names, host=target.host))


def _names(replies: DnsReplies, host: str) -> NameRecords:
    return NameRecords(
        host=host,
        exists=answer_of(_exists, replies, host),
        aliases=answer_of(replies.aliases, host, "A"),
        ipv4=answer_of(_texts, replies, host, "A"),
        ipv6=answer_of(_texts, replies, host, "AAAA"),
        caa=answer_of(_caa, replies, host),
        missing=answer_of(_missing, replies, host),
        https=answer_of(_https, replies, host),
    )


def _exists(replies: DnsReplies, host: str) -> bool:
    """Whether one of the address queries finds the name: some servers deny it for AAAA alone (RFC 4074 §4.2)."""
    from dns.rcode import NXDOMAIN

    messages = [answer_of(replies.message, host, rdtype) for rdtype in ("A", "AAAA")]
    if any(each.seen is not None and each.seen.rcode() != NXDOMAIN for each in messages):
        return True
    return any(each.value is None for each in messages)  # raises NotSeen when one is missing


def _missing(replies: DnsReplies, host: str) -> str | None:
    """The highest name that does not exist, of the last target of an alias and the names above it (RFC 8020)."""
    from dns.rcode import NXDOMAIN

    if _exists(replies, host):
        return None
    aliases = replies.aliases(host, "A")
    if not aliases:
        return None
    labels = aliases[-1].split(".")
    if len(labels) > MAX_LABELS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    for depth in range(len(labels) - 1, 0, -1):
        name = ".".join(labels[depth:])
        if replies.message(name, "A").rcode() == NXDOMAIN:
            return name
    return aliases[-1]


def _https(replies: DnsReplies, host: str) -> tuple[ServiceBinding, ...]:
    from dns.rdtypes.svcbbase import SVCBBase

    owner = (host, *replies.aliases(host, "HTTPS"))[-1]
    found = _of_type(SVCBBase, replies.records(host, "HTTPS"))
    if len(found) > MAX_BINDINGS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return tuple(_binding(replies, owner, each) for each in sorted(found, key=lambda each: each.priority))


def _binding(replies: DnsReplies, owner: str, record: SVCBBase) -> ServiceBinding:
    from dns.name import root
    from dns.rdtypes.svcbbase import ALPNParam, IPv4HintParam, IPv6HintParam

    target = owner if record.target == root and record.priority else dns_name_text(record.target)
    params = list(record.params.values())
    hinted = [each.addresses for each in params if isinstance(each, IPv4HintParam | IPv6HintParam)]
    alpn = next((each.ids for each in params if isinstance(each, ALPNParam)), ())
    return ServiceBinding(
        priority=record.priority,
        target=target,
        alpn=tuple(each.decode("ascii", "backslashreplace") for each in alpn),
        hints=tuple(sorted({address for each in hinted for address in each})),
        addresses=answer_of(replies.addresses, target),
    )


def _texts(replies: DnsReplies, name: str, rdtype: str) -> tuple[str, ...]:
    return tuple(sorted(str(record) for record in replies.records(name, rdtype)))


def _caa(replies: DnsReplies, host: str) -> Caa:
    """The relevant record set (RFC 8659 §3)."""
    at, records = replies.closest(host, "CAA")
    return Caa(at=at, records=tuple(sorted(map(_caa_record, records), key=CaaRecord.canonical)))


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
    judged = answer_of(validate, replies, name, context.dnssec_anchors, context.seen_at)
    chain, denial = judged.seen or (None, None)
    return _zone(
        replies,
        name,
        at=context.seen_at,
        chain=Answer(unseen=judged.unseen) if chain is None else Answer(seen=chain),
        denial=denial or Answer(unseen=judged.unseen),
    )


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
    """Query a zone's SOA, NS, DNSKEY, CDS and CDNSKEY records, the DS and DNSKEY records of the chain of trust, and the
    A records of a name that nobody made; where that is not denied altogether, its AAAA records, too.

    ``name_server_port`` is the port on which the discovered name servers are then queried.
    """
    output = await collect_replies(network, partial(_query_zone, name=target.host), dnssec=True)
    servers = _zone(DnsReplies(output), target.host).servers
    port = "" if name_server_port == NS.port else f":{name_server_port}"
    found = tuple(
        Discovered(uri=f"ns://{server.name}{port}/{target.host}", why="name server of the zone", infrastructure=True)
        for server in servers.seen or ()
    )
    return output.model_copy(update={"discovered": found})


_NOT_VALIDATED: Final = Answer[TrustChain](unseen=Cause.NOT_SELECTED)
_NO_DENIAL: Final = Answer[Denial | None](unseen=Cause.NOT_SELECTED)


def _query_zone(replies: DnsReplies, name: str) -> None:
    """All queries that the observation and the chain of trust from the root down need."""
    from inspector_dns.dnssec import ancestors

    _zone(replies, name)
    for ancestor in answer_of(ancestors, name).seen or ():
        answer_of(replies.message, ancestor, "DNSKEY")
        if ancestor != ".":
            answer_of(replies.message, ancestor, "DS")


def _zone(
    replies: DnsReplies,
    name: str,
    *,
    at: datetime | None = None,
    chain: Answer[TrustChain] = _NOT_VALIDATED,
    denial: Answer[Denial | None] = _NO_DENIAL,
) -> Zone:
    return Zone(
        name=name,
        soa=answer_of(_soa, replies, name),
        servers=answer_of(_servers, replies, name),
        ds=answer_of(_ds, replies, name),
        keys=answer_of(_keys, replies, name, "DNSKEY"),
        signatures=answer_of(_signatures, replies, name, at),
        child_ds=answer_of(_child_ds, replies, name),
        child_keys=answer_of(_keys, replies, name, "CDNSKEY"),
        wildcard=answer_of(_wildcard, replies, name),
        denial=denial,
        chain=chain,
    )


def _of_type(kind: type[T], records: tuple[Any, ...]) -> list[T]:
    return [record for record in records if isinstance(record, kind)]


def _soa(replies: DnsReplies, name: str) -> Soa | None:
    from dns.rdtypes.ANY.SOA import SOA

    if replies.aliases(name, "SOA"):
        return None
    found = _of_type(SOA, replies.records(name, "SOA"))
    return _soa_of(found[0]) if found else None


def _soa_of(record: SOA) -> Soa:
    return Soa(
        primary=dns_name_text(record.mname),
        serial=record.serial,
        refresh=record.refresh,
        retry=record.retry,
        expire=record.expire,
        minimum=record.minimum,
    )


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


def _keys(replies: DnsReplies, name: str, rdtype: str) -> tuple[ZoneKey, ...]:
    from dns.dnssec import key_id
    from dns.rdtypes.ANY.CDNSKEY import CDNSKEY
    from dns.rdtypes.ANY.DNSKEY import DNSKEY

    from inspector_dns.dnssec import key_bits

    found = sorted(each for each in replies.records(name, rdtype) if isinstance(each, DNSKEY | CDNSKEY))
    if len(found) > MAX_RECORDS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return tuple(
        ZoneKey(key_tag=key_id(each), algorithm=each.algorithm, flags=each.flags, bits=key_bits(each)) for each in found
    )


def _child_ds(replies: DnsReplies, name: str) -> tuple[ChildSigner, ...]:
    from dns.rdtypes.ANY.CDS import CDS
    from dns.rdtypes.ANY.DNSKEY import DNSKEY

    from inspector_dns.dnssec import child_signers

    signers = _of_type(CDS, replies.records(name, "CDS"))
    return child_signers(name, signers, _of_type(DNSKEY, replies.records(name, "DNSKEY"))) if signers else ()


def _signatures(replies: DnsReplies, name: str, at: datetime | None) -> tuple[ApexSignature, ...]:
    """The signatures of the SOA, NS and DNSKEY records, in this order, by the place of their keys in ``_keys``."""
    import dns.rdatatype

    places = {key.key_tag: place for place, key in enumerate(_keys(replies, name, "DNSKEY"))}
    found = []
    for rdtype in ("SOA", "NS", "DNSKEY"):
        message = replies.message(name, rdtype)
        signatures = _rrsigs(message, name, dns.rdatatype.from_text(rdtype))
        if len(signatures) > MAX_RECORDS:
            raise NotSeen(Cause.PROTOCOL_ERROR)
        for each in sorted(signatures, key=lambda each: (places.get(each.key_tag, MAX_RECORDS), each.expiration)):
            left = each.expiration - int(at.timestamp()) if at else 0
            found.append(
                ApexSignature(
                    covers=rdtype,
                    key_tag=each.key_tag,
                    algorithm=each.algorithm,
                    remaining_hours=left // 3600,
                    valid_hours=(each.expiration - each.inception) // 3600,
                )
            )
    return tuple(found)


def _rrsigs(message: dns.message.Message, name: str, covers: dns.rdatatype.RdataType) -> list[RRSIG]:
    import dns.name
    import dns.rdataclass
    import dns.rdatatype
    from dns.rdtypes.ANY.RRSIG import RRSIG

    owner = dns.name.from_text(name)
    rrset = message.get_rrset(message.answer, owner, dns.rdataclass.IN, dns.rdatatype.RRSIG, covers)
    return _of_type(RRSIG, tuple(rrset or ()))


def _wildcard(replies: DnsReplies, name: str) -> bool:
    """Whether a name that nobody made has an address or an alias; NXDOMAIN is for all types (RFC 8020 §2)."""
    from dns.rcode import NXDOMAIN

    from inspector_dns.dnssec import nonexistent

    missing = nonexistent(name)
    if replies.aliases(missing, "A") or replies.records(missing, "A"):
        return True
    return replies.message(missing, "A").rcode() != NXDOMAIN and bool(replies.records(missing, "AAAA"))


# --- Name servers ---------------------------------------------------------------------------------------------------


def _parse_name_server(output: ScanOutput, context: ParseContext) -> NameServer:
    zone_name = zone_of(context.subject.uri)
    return NameServer(
        zone=zone_name,
        server=context.subject.host or "",
        address=context.subject.address or "",
        udp=answer_of(_server_reply, output, "udp"),
        tcp=answer_of(_server_reply, output, "tcp"),
        edns=answer_of(_edns, output),
        name_servers=answer_of(_served, output, zone_name, "NS"),
        mail_servers=answer_of(_served, output, zone_name, "MX"),
        spf=answer_of(_spf, output, zone_name),
        ttl=answer_of(_ttl, output, zone_name),
        cookies=answer_of(_cookies, output),
        recursion=answer_of(_recursion, output),
        signers=answer_of(_signers, output, zone_name),
        keys=answer_of(_server_keys, output, zone_name),
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """A question to a name server: the name of its reply among the raw data, the type, and the transport."""

    label: str
    rdtype: str
    tcp: bool = False
    edns: bool = False
    cookie: bool = False
    recursion: bool = False


_FIRST: Final = (_Question("udp", "SOA"), _Question("tcp", "SOA", tcp=True))
#: Asked of a server that is authoritative.
_FURTHER: Final = (
    _Question("NS", "NS", edns=True),
    _Question("MX", "MX"),
    _Question("TXT", "TXT"),
    _Question("cookie", "SOA", cookie=True),
)
#: Asked of a server that signs its NS records.
_KEYS: Final = _Question("DNSKEY", "DNSKEY")
#: Asked of a server that says that it answers recursive queries: for the top-level domain of the zone, and where it
#: serves that itself, for the root.
_RECURSION: Final = _Question("recursion", "SOA", recursion=True)
_RECURSION_TO_ROOT: Final = _Question("recursion to the root", "SOA", recursion=True)


@probe(
    "name-server",
    kind=NameServer,
    schemes={NS},
    subject_kind=SubjectKind.URL,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(connections=len(_FIRST) + len(_FURTHER) + 3, seconds=60),
    parse=_parse_name_server,
)
async def name_server(target: Target, network: Network, *, answer_seconds: int = 5) -> ScanOutput:
    """Query one name server at one address for the SOA record of a zone, over UDP and over TCP.

    One that is authoritative over UDP is then queried for the NS (with EDNS), MX and TXT records of the zone, and for
    the SOA record with a client cookie; where the NS records are signed, for the DNSKEY records, too. One that says
    that it answers recursive queries gets one: for the SOA record of the zone's top-level domain, and where it serves
    that itself, another one for the SOA record of the root.
    """
    zone_name = zone_of(target.uri)
    if not zone_name:
        raise ScanFailure(Cause.AMBIGUOUS, "no zone is named; declare dns:ZONE, or ns://SERVER/ZONE")

    asked_for = {_RECURSION: zone_name.rpartition(".")[2], _RECURSION_TO_ROOT: "."}

    async def reply(question: _Question) -> Raw | Gap:
        try:
            message = await network.query(
                asked_for.get(question, zone_name),
                question.rdtype,
                server=target.address,
                port=target.port,
                tcp=question.tcp,
                dnssec=question.edns,
                recursion=question.recursion,
                cookie=question.cookie,
                timeout=float(answer_seconds),
            )
        except ScanFailure as failure:
            return Gap(question=question.label, cause=failure.cause, detail=failure.message)
        return raw_dns_message(question.label, message)

    replies = list(await asyncio.gather(*map(reply, _FIRST)))
    over_udp = answer_of(_server_reply, _output(replies), "udp").seen
    further: tuple[_Question, ...] = ()
    if over_udp is not None:
        further = (*_FURTHER * over_udp.is_authoritative, *(_RECURSION,) * over_udp.recursive)
    replies += await asyncio.gather(*map(reply, further))
    if answer_of(_signers, _output(replies), zone_name).seen:
        replies.append(await reply(_KEYS))
    if answer_of(_serves_top_level, _output(replies)).seen:
        replies.append(await reply(_RECURSION_TO_ROOT))
    asked = Raw(name="question", data=f"{zone_name} SOA".encode(), media_type="text/plain")
    return _output([asked, *replies])


def _output(replies: Iterable[Raw | Gap]) -> ScanOutput:
    replies = tuple(replies)
    return ScanOutput(
        raw=tuple(each for each in replies if isinstance(each, Raw)),
        gaps=tuple(each for each in replies if isinstance(each, Gap)),
    )


def zone_of(uri: str) -> str:
    return urlsplit(uri).path.strip("/")


def _message(output: ScanOutput, label: str) -> dns.message.Message:
    """The message stored under this name; raises NotSeen."""
    wire = output.named(label)
    if wire is None:
        raise NotSeen(next((gap.cause for gap in output.gaps if gap.question == label), Cause.NOT_SELECTED))
    return parse_dns_message(wire)


def _server_reply(output: ScanOutput, transport: str) -> ServerReply | None:
    from dns.flags import AA, RA
    from dns.rcode import to_text
    from dns.rdtypes.ANY.SOA import SOA

    try:
        message = _message(output, transport)
    except NotSeen as unseen:
        if unseen.cause is Cause.REFUSED:
            return None
        raise
    found = _of_type(SOA, tuple(record for rrset in message.answer for record in rrset))
    return ServerReply(
        rcode=to_text(message.rcode()),
        authoritative=bool(message.flags & AA),
        recursive=bool(message.flags & RA),
        serial=found[0].serial if found else None,
    )


def _edns(output: ScanOutput) -> bool:
    return _message(output, "NS").edns >= 0


def _ttl(output: ScanOutput, zone_name: str) -> int:
    """The TTL of the NS records at the apex; raises NotSeen."""
    rrset = _apex_set(output, zone_name, "NS")
    if rrset is None:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return rrset.ttl


def _signers(output: ScanOutput, zone_name: str) -> tuple[SigningKey, ...]:
    """The keys that sign the NS records at the apex in an authoritative response; raises NotSeen."""
    from dns.rdatatype import NS as NAME_SERVERS

    if _apex_set(output, zone_name, "NS") is None:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    found = _rrsigs(_message(output, "NS"), zone_name, NAME_SERVERS)
    if len(found) > MAX_RECORDS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return _signing_keys((each.key_tag, each.algorithm) for each in found)


def _server_keys(output: ScanOutput, zone_name: str) -> tuple[SigningKey, ...]:
    """The DNSKEY records of the apex; empty where the NS records have no signature. Raises NotSeen."""
    from dns.dnssec import key_id
    from dns.rdtypes.ANY.DNSKEY import DNSKEY

    if not _signers(output, zone_name):
        return ()
    found = _of_type(DNSKEY, _apex(output, zone_name, "DNSKEY"))
    return _signing_keys((key_id(each), each.algorithm) for each in found)


def _signing_keys(keys: Iterable[tuple[int, int]]) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(key_tag=tag, algorithm=algorithm) for tag, algorithm in sorted(set(keys)))


def _cookies(output: ScanOutput) -> bool:
    """Whether the response to a client cookie has a server cookie (RFC 7873 §5.2)."""
    import dns.edns

    options = _message(output, "cookie").options
    return any(isinstance(each, dns.edns.CookieOption) and bool(each.server) for each in options)


def _serves_top_level(output: ScanOutput) -> bool:
    """Whether the answer to the recursive query is the server's own."""
    from dns.flags import AA

    return bool(_message(output, _RECURSION.label).flags & AA)


def _recursion(output: ScanOutput) -> bool:
    """Whether the answer to the recursive query comes from another server; without the RA flag none is sent.

    A server that is authoritative for the root, too, or that fails to resolve it, shows neither: NotSeen.
    """
    from dns.flags import AA
    from dns.rcode import NOERROR, NOTAUTH, REFUSED

    over_udp = _server_reply(output, "udp")
    if over_udp is None or not over_udp.recursive:
        return False
    message = _message(output, (_RECURSION_TO_ROOT if _serves_top_level(output) else _RECURSION).label)
    if message.rcode() in (REFUSED, NOTAUTH):
        return False
    if message.rcode() != NOERROR or message.flags & AA:
        raise NotSeen(Cause.AMBIGUOUS)
    return bool(message.answer)


def _served(output: ScanOutput, zone_name: str, rdtype: str) -> tuple[str, ...]:
    return tuple(sorted(_text_of(record) for record in _apex(output, zone_name, rdtype)))


def _text_of(record: dns.rdata.Rdata) -> str:
    """A record of NS or MX in the form of messages: names in lower case, without their final dot."""
    import dns.rdtypes.ANY.NS
    from dns.rdtypes.ANY.MX import MX

    if isinstance(record, MX):
        return f"{record.preference} {dns_name_text(record.exchange)}"
    assert isinstance(record, dns.rdtypes.ANY.NS.NS)  # noqa: S101  (the queried type)
    return dns_name_text(record.target)


def _spf(output: ScanOutput, zone_name: str) -> tuple[str, ...]:
    """The SPF records of the apex (RFC 7208 §4.5), non-ASCII bytes escaped."""
    from dns.rdtypes.ANY.TXT import TXT

    records = _of_type(TXT, _apex(output, zone_name, "TXT"))
    texts = (b"".join(record.strings).decode("ascii", "backslashreplace") for record in records)
    return tuple(sorted(text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")))


def _apex(output: ScanOutput, zone_name: str, rdtype: str) -> tuple[dns.rdata.Rdata, ...]:
    """The records of the zone's apex in an authoritative response; raises NotSeen."""
    return tuple(_apex_set(output, zone_name, rdtype) or ())


def _apex_set(output: ScanOutput, zone_name: str, rdtype: str) -> dns.rrset.RRset | None:
    from dns.flags import AA
    from dns.name import from_text
    from dns.rcode import NOERROR
    from dns.rdataclass import IN
    from dns.rdatatype import from_text as type_of

    message = _message(output, rdtype)
    if message.rcode() != NOERROR or not message.flags & AA:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    rrset = message.get_rrset(message.answer, from_text(zone_name), IN, type_of(rdtype))
    if rrset is not None and len(rrset) > MAX_RECORDS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return rrset
