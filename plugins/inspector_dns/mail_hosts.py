"""The probe of the hosts that the MX records of a zone name: their addresses, and the names of these."""

from __future__ import annotations

from functools import partial
from typing import Final

from inspector import (
    DNS_QUESTIONS,
    Answer,
    Cause,
    Cost,
    DnsReplies,
    Intrusiveness,
    Network,
    NotSeen,
    ParseContext,
    ScanOutput,
    SubjectKind,
    Target,
    answer_of,
    collect_replies,
    dns_name_text,
    probe,
)
from inspector_dns.observations import MailHost, MailHosts
from inspector_dns.probes import DNS

#: Limits: hosts in the MX records, addresses of one, names of one address.
MAX_HOSTS: Final = 16
MAX_ADDRESSES: Final = 8
MAX_NAMES: Final = 4


def _parse_mail_hosts(output: ScanOutput, context: ParseContext) -> MailHosts:
    return _observation(DnsReplies(output), zone=context.subject.host or "")


@probe(
    "mail-hosts",
    kind=MailHosts,
    schemes={DNS},
    subject_kind=SubjectKind.ZONE,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=60, infrastructure_questions=DNS_QUESTIONS),
    parse=_parse_mail_hosts,
)
async def mail_hosts(target: Target, network: Network) -> ScanOutput:
    """Query the MX records of a zone, the addresses of the hosts in them, and the names of these addresses.

    Resolvers are asked not to validate: whether the zone does is judged elsewhere.
    """
    return await collect_replies(network, partial(_observation, zone=target.host), dnssec=True)


def _observation(replies: DnsReplies, zone: str) -> MailHosts:
    return MailHosts(zone=zone, hosts=answer_of(_hosts, replies, zone))


def _hosts(replies: DnsReplies, zone: str) -> tuple[MailHost, ...]:
    names = sorted({host for _, host in replies.exchangers(zone)} - {"."})
    if len(names) > MAX_HOSTS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return tuple(_host(replies, name) for name in names)


def _host(replies: DnsReplies, name: str) -> MailHost:
    addresses = answer_of(_addresses, replies, name)
    reverse = {address: answer_of(_reverse, replies, address) for address in addresses.seen or ()}
    unseen = addresses.unseen or next((each.unseen for each in reverse.values() if each.unseen), None)
    return MailHost(
        name=name,
        addresses=addresses,
        unnamed=_those(unseen, [address for address, each in reverse.items() if each.seen is None]),
        unconfirmed=_those(unseen, [address for address, each in reverse.items() if each.seen is False]),
    )


def _those(unseen: Cause | None, addresses: list[str]) -> Answer[tuple[str, ...]]:
    return Answer(unseen=unseen) if unseen else Answer(seen=tuple(sorted(addresses)))


def _addresses(replies: DnsReplies, name: str) -> tuple[str, ...]:
    found = replies.addresses(name)
    if len(found) > MAX_ADDRESSES:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return found


def _reverse(replies: DnsReplies, address: str) -> bool | None:
    """Whether a name of the address leads back to it; None: it has no name."""
    from dns.rdtypes.ANY.PTR import PTR
    from dns.reversename import from_address

    pointers = replies.records(dns_name_text(from_address(address)), "PTR")
    names = sorted({dns_name_text(each.target) for each in pointers if isinstance(each, PTR)})
    if not names:
        return None
    rdtype = "AAAA" if ":" in address else "A"
    back = [answer_of(replies.records, name, rdtype) for name in names[:MAX_NAMES]]
    if any(address in map(str, each.seen or ()) for each in back):
        return True
    unseen = next((each.unseen for each in back if each.unseen), None)
    if unseen or len(names) > MAX_NAMES:
        raise NotSeen(unseen or Cause.PROTOCOL_ERROR)
    return False
