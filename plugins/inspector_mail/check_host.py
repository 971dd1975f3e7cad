"""The SPF result for one message: the function ``check_host()`` of RFC 7208 §4. Pure, with bounded work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from inspector import DnsReplies, NotSeen, answer_of, dns_name_text
from inspector_mail.addresses import Addresses
from inspector_mail.macros import domain_name
from inspector_mail.observations import SpfFault
from inspector_mail.spf import IPV4, IPV6, Evaluation, Permerror, Term

#: Names of the reverse DNS of a sender that are looked up (RFC 7208 §4.6.4).
REVERSE_NAMES: Final = 10
_VALIDATED_NAME = re.compile(r"%\{p", re.IGNORECASE)


class SenderResult(StrEnum):
    """The results of RFC 7208 §2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a message: the address of the client, the name it says in HELO, and the mailbox of MAIL FROM.

    ``mail_from`` is empty for a bounce; then the name of HELO is the identity (RFC 7208 §2.4).
    """

    address: IPv4Address | IPv6Address
    helo: str
    mail_from: str = ""

    @property
    def client(self) -> IPv4Address | IPv6Address:
        """The address; an IPv4-mapped one is an IPv4 address (§5)."""
        return (isinstance(self.address, IPv6Address) and self.address.ipv4_mapped) or self.address

    @property
    def domain(self) -> str:
        """The domain whose record is evaluated (§2.3, §2.4)."""
        return self.mail_from.rpartition("@")[2] or self.helo

    @property
    def local(self) -> str:
        """The local part; postmaster where there is none (§4.3)."""
        return self.mail_from.rpartition("@")[0] or "postmaster"


def check_host(replies: DnsReplies, sender: Sender) -> SenderResult:
    """The result for this sender; raises NotSeen while replies are pending."""
    domain = domain_name(sender.domain)
    if domain is None or "." not in domain:
        return SenderResult.NONE  # §4.3
    number = int(sender.client)
    try:
        outcomes = _OneSender(replies, sender).record(domain, Addresses([number, number + 1]))
    except Permerror as error:
        missing = error.fault is SpfFault.MISSING and error.at == domain
        return SenderResult.NONE if missing else SenderResult.PERMERROR
    except NotSeen:
        if replies.pending:
            raise
        return SenderResult.TEMPERROR
    return SenderResult(next(result for result, part in outcomes if part).value)


class _OneSender(Evaluation):
    """The evaluation for one message, in which every macro is known and ``ptr`` is looked up."""

    def __init__(self, replies: DnsReplies, sender: Sender) -> None:
        self._client = sender.client
        super().__init__(replies, sender.domain, IPV4 if self._client.version == 4 else IPV6)
        written = str(self._client) if self._client.version == 4 else ".".join(self._client.exploded.replace(":", ""))
        own = {"i": written, "l": sender.local, "s": f"{sender.local}@{sender.domain}", "h": sender.helo}
        self._values |= own

    def _matching_ptr(self, term: Term, domain: str, senders: Addresses) -> Addresses:
        """Take the sender where a validated name of it is the target, or below it (RFC 7208 §5.5)."""
        target = self._target(term, domain)
        names = self._validated_names()
        matches = target is not None and any(f".{name}".endswith(f".{target}") for name in names)
        return senders.take_all() if matches else Addresses([])

    def _known(self, text: str, domain: str) -> Mapping[str, str]:
        known = super()._known(text, domain)
        return {**known, "p": self._validated_name(domain)} if _VALIDATED_NAME.search(text) else known

    def _validated_name(self, domain: str) -> str:
        """The value of ``%{p}``: the domain itself, else a name below it, else any validated name (RFC 7208 §7.3)."""
        names = self._validated_names()
        below = [name for name in names if f".{name}".endswith(f".{domain}")]
        return domain if domain in below else next(iter([*below, *names]), "unknown")

    def _validated_names(self) -> list[str]:
        """The names of the sender's reverse DNS that have its address; lookups that fail give none (RFC 7208 §5.5)."""
        from dns.rdtypes.ANY.PTR import PTR

        found = answer_of(self._replies.records, self._client.reverse_pointer, "PTR")
        self._raise_pending()
        names = [dns_name_text(each.target) for each in found.seen or () if isinstance(each, PTR)][:REVERSE_NAMES]
        answers = [(name, answer_of(self._addresses, name)) for name in names]
        self._raise_pending()
        return [name for name, addresses in answers if self._client in (addresses.seen or ())]

    def _raise_pending(self) -> None:
        for question in self._replies.pending:
            self._replies.message(question.name, question.rdtype)
