"""The probe of whether the addresses of a name accept connections, to compare IPv6 with IPv4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inspector import (
    Cause,
    Cost,
    DnsReplies,
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
    probe,
)
from inspector_dns.observations import AddressConnection, ConnectionResult
from inspector_dns.probes import HTTP, HTTPS, TLS

if TYPE_CHECKING:
    import dns.rdata

#: Name servers of the top-level domain that are asked over IPv6, and resolvers' questions for their addresses.
_CONTROLS: Final = 3
_QUESTIONS: Final = 32
_CONTROL_SECONDS: Final = 3.0
_CONNECTION, _CONTROL = "connection", "control"
_ACCEPTED, _ANSWERED = b"accepted", b"answered"
#: What a failure to connect says of the address; any other says nothing.
_RESULTS: Final = {
    Cause.REFUSED: ConnectionResult.REFUSED,
    Cause.RESET: ConnectionResult.REFUSED,
    Cause.TIMEOUT: ConnectionResult.SILENT,
    Cause.NOT_REACHED: ConnectionResult.SILENT,
}


def _parse(output: ScanOutput, _context: ParseContext) -> AddressConnection:
    return AddressConnection(result=answer_of(_result, output), family_works=output.named(_CONTROL) == _ANSWERED)


def _result(output: ScanOutput) -> ConnectionResult:
    said = output.named(_CONNECTION)
    if said is None:
        raise NotSeen(Cause.NOT_SELECTED)
    if said == _ACCEPTED:
        return ConnectionResult.ACCEPTED
    cause = Cause(said.decode("ascii"))
    if cause not in _RESULTS:
        raise NotSeen(cause)
    return _RESULTS[cause]


@probe(
    "address-connection",
    kind=AddressConnection,
    schemes={HTTPS, HTTP, TLS},
    subject_kind=SubjectKind.ADDRESS,
    cost=Cost(connections=1, seconds=60, infrastructure_questions=_QUESTIONS + _CONTROLS),
    parse=_parse,
)
async def address_connection(target: Target, network: Network, *, answer_seconds: int = 5) -> ScanOutput:
    """Connect to the port of a name that has AAAA records, at one of its addresses, and close the connection.

    Where an IPv6 address is silent, name servers of the name's top-level domain are asked over IPv6 whether this
    vantage has it.
    """
    output = await collect_replies(
        network, lambda replies: answer_of(_has_ipv6, replies, target.host), limit=_QUESTIONS
    )
    if not answer_of(_has_ipv6, DnsReplies(output), target.host).seen:
        return output
    said = _ACCEPTED
    try:
        await (await network.connect(timeout=float(answer_seconds))).close()
    except ScanFailure as failure:
        said = failure.cause.value.encode()
    results = {_CONNECTION: said}
    is_silent = said != _ACCEPTED and _RESULTS.get(Cause(said.decode())) is ConnectionResult.SILENT
    if is_silent and ":" in target.address and await _has_answered(network, target.host):
        results[_CONTROL] = _ANSWERED
    raw = tuple(Raw(name=name, data=data, media_type="text/plain") for name, data in results.items())
    return output.model_copy(update={"raw": (*output.raw, *raw)})


def _has_ipv6(replies: DnsReplies, host: str) -> bool:
    return bool(replies.records(host, "AAAA"))


async def _has_answered(network: Network, host: str) -> bool:
    """Whether a name server of the host's top-level domain answers over IPv6."""
    zone = host.rpartition(".")[2]
    output = await collect_replies(network, lambda replies: answer_of(_controls, replies, zone), limit=_QUESTIONS)
    for address in answer_of(_controls, DnsReplies(output), zone).seen or ():
        try:
            await network.query(zone, "SOA", server=address, timeout=_CONTROL_SECONDS)
        except ScanFailure:
            continue
        return True
    return False


def _controls(replies: DnsReplies, zone: str) -> tuple[str, ...]:
    """IPv6 addresses of the first name servers of a zone that have any."""
    import dns.rdtypes.ANY.NS

    records: tuple[dns.rdata.Rdata, ...] = replies.records(zone, "NS")
    names = sorted({dns_name_text(each.target) for each in records if isinstance(each, dns.rdtypes.ANY.NS.NS)})
    found = [answer_of(replies.records, name, "AAAA").seen for name in names[: _QUESTIONS // 2]]
    return tuple(str(each[0]) for each in found if each)[:_CONTROLS]
