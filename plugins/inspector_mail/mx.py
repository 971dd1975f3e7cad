"""Reads the MX records of a domain, with the addresses of their hosts (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

from typing import Final

from inspector import Cause, DnsReplies, NotSeen, answer_of, dns_name_text
from inspector_mail.observations import MxHost

#: The most MX records of a domain.
MAX_HOSTS: Final = 24


def hosts(replies: DnsReplies, domain: str) -> tuple[MxHost, ...]:
    """The MX records of a domain, lowest preference first; raises NotSeen."""
    from dns.rdtypes.ANY.MX import MX

    records = [each for each in replies.records(domain, "MX") if isinstance(each, MX)]
    if len(records) > MAX_HOSTS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    found = sorted({(each.preference, dns_name_text(each.exchange)) for each in records})
    for _, host in found:
        answer_of(_addresses, replies, host)  # makes all of them pending at once
    return tuple(_host(replies, host, preference) for preference, host in found)


def _host(replies: DnsReplies, host: str, preference: int) -> MxHost:
    return MxHost(
        host=host,
        preference=preference,
        alias=answer_of(lambda: host != "." and bool(replies.aliases(host, "A"))),
        addresses=answer_of(_addresses, replies, host),
    )


def _addresses(replies: DnsReplies, host: str) -> tuple[str, ...]:
    if host == ".":
        return ()
    answers = [answer_of(replies.records, host, rdtype) for rdtype in ("A", "AAAA")]
    return tuple(sorted(str(each) for answer in answers for each in answer.value))
