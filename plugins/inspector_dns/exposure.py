"""The probe of what a name server tells anybody: the whole zone, and the version of its software. Intrusive."""

from __future__ import annotations

import asyncio
from typing import Final

from inspector import (
    Cause,
    Cost,
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
    parse_dns_message,
    probe,
    raw_dns_message,
)
from inspector_dns.observations import NameServerExposure
from inspector_dns.probes import NS, zone_of

#: The most characters of a version that are kept.
MAX_VERSION: Final = 200


def _parse(output: ScanOutput, context: ParseContext) -> NameServerExposure:
    return NameServerExposure(
        zone=zone_of(context.subject.uri),
        server=context.subject.host or "",
        address=context.subject.address or "",
        transfer=answer_of(_transfer, output),
        version=answer_of(_version, output),
    )


@probe(
    "name-server-exposure",
    kind=NameServerExposure,
    schemes={NS},
    subject_kind=SubjectKind.URL,
    intrusiveness=Intrusiveness.INTRUSIVE,
    infrastructure=True,
    cost=Cost(connections=3, seconds=30),
    parse=_parse,
)
async def name_server_exposure(target: Target, network: Network, *, answer_seconds: int = 5) -> ScanOutput:
    """Ask one name server for a transfer of the zone over TCP, and for the version of its software over UDP.

    Of a transfer one message is read, of which only the first record is kept. A name server is asked that an
    authorisation for intrusive scans covers by its name or its address.
    """
    zone = zone_of(target.uri)
    if not zone:
        raise ScanFailure(Cause.AMBIGUOUS, "no zone is named; declare dns:ZONE, or ns://SERVER/ZONE")

    async def reply(label: str, name: str, rdtype: str, rdclass: str, *, tcp: bool) -> Raw | Gap:
        try:
            message = await network.query(
                name,
                rdtype,
                server=target.address,
                port=target.port,
                tcp=tcp,
                rdclass=rdclass,
                timeout=float(answer_seconds),
            )
        except ScanFailure as failure:
            return Gap(question=label, cause=failure.cause, detail=failure.message)
        if rdtype == "AXFR":
            message.answer = message.answer[:1]
            return Raw(name=label, data=message.to_wire(), media_type="application/dns-message")
        return raw_dns_message(label, message)

    replies = await asyncio.gather(
        reply("transfer", zone, "AXFR", "IN", tcp=True), reply("version", "version.bind", "TXT", "CH", tcp=False)
    )
    return ScanOutput(
        raw=tuple(each for each in replies if isinstance(each, Raw)),
        gaps=tuple(each for each in replies if isinstance(each, Gap)),
    )


def _wire(output: ScanOutput, label: str) -> bytes:
    wire = output.named(label)
    if wire is None:
        raise NotSeen(next((gap.cause for gap in output.gaps if gap.question == label), Cause.NOT_SELECTED))
    return wire


def _transfer(output: ScanOutput) -> bool:
    """Whether the server begins to transfer the zone: a closed port and an error refuse it (RFC 5936 §2.2.1)."""
    from dns.rcode import FORMERR, NOERROR, NOTAUTH, NOTIMP, REFUSED
    from dns.rdatatype import SOA

    try:
        message = parse_dns_message(_wire(output, "transfer"))
    except NotSeen as unseen:
        if unseen.cause in (Cause.REFUSED, Cause.RESET):  # a closed port, or a connection that it ends
            return False
        raise
    if message.rcode() == NOERROR:
        return any(rrset.rdtype == SOA for rrset in message.answer)
    if message.rcode() in (REFUSED, NOTAUTH, NOTIMP, FORMERR):
        return False
    raise NotSeen(Cause.PROTOCOL_ERROR)


def _version(output: ScanOutput) -> str | None:
    """What the server calls its software; None when it does not say."""
    from dns.rdtypes.ANY.TXT import TXT

    try:
        message = parse_dns_message(_wire(output, "version"))
    except NotSeen as unseen:
        if unseen.cause is Cause.REFUSED:
            return None
        raise
    texts = [b"".join(each.strings) for rrset in message.answer for each in rrset if isinstance(each, TXT)]
    text = b" ".join(texts).decode("ascii", "backslashreplace").strip()[:MAX_VERSION]
    return text or None
