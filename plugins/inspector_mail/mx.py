"""Reads the MX records of a domain, with the addresses of their hosts (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

from typing import Final

from inspector import Cause, DnsReplies, NotSeen, answer_of
from inspector_mail.observations import MxHost

#: The most MX records of a domain.
MAX_HOSTS: Final = 24


def hosts(replies: DnsReplies, domain: str) -> tuple[MxHost, ...]:
    """The MX records of a domain, lowest preference first; raises NotSeen."""
    found = replies.exchangers(domain)
    if len(found) > MAX_HOSTS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
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
    return () if host == "." else replies.addresses(host)
