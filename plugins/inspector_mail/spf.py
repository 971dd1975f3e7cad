"""Parses and evaluates SPF records (RFC 7208). Pure, with bounded work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from inspector import Cause, DnsReplies, NotSeen, answer_of
from inspector_mail.addresses import Addresses, network_range, networks_of, united
from inspector_mail.macros import EXPANSION, MACRO, domain_name, expand
from inspector_mail.observations import SenderFamily, Spf, SpfEvaluation, SpfFamily, SpfFault, SpfResult

#: Limits of RFC 7208 §4.6.4.
LOOKUPS: Final = 10
VOID_LOOKUPS: Final = 2
EXCHANGERS: Final = 10
#: Own limits: terms of one record, and characters of one term (RFC 7208 §3.4 recommends records below 450 bytes).
MAX_TERMS: Final = 500
MAX_CHARACTERS: Final = 512
#: Limits on what is stored of SPF records: their number, and characters of each.
MAX_RECORDS: Final = 8
MAX_RECORD_CHARACTERS: Final = 1024
#: What is stored of the networks that pass, and of the terms that are open; characters of a stored term.
MAX_NETWORKS: Final = 32
MAX_STORED_TERMS: Final = 32
MAX_TERM_CHARACTERS: Final = 100

_QUALIFIERS: Final = {
    "+": SpfResult.PASS,
    "?": SpfResult.NEUTRAL,
    "~": SpfResult.SOFTFAIL,
    "-": SpfResult.FAIL,
}

_LABEL = r"(?![0-9]+\.?\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{MACRO}|[!-$&-~])*(?:\.{_LABEL}\.?|{EXPANSION})", re.IGNORECASE)
_MACRO_STRING = re.compile(rf"(?:{MACRO}|[!-$&-~])*", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
_MECHANISM = re.compile(r"([+?~-]?)([a-z][a-z0-9]*)(?::(.*?))?((?:/[0-9]+)?(?://[0-9]+)?)", re.IGNORECASE)
_CIDR = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?")


class Permerror(Exception):
    """Evaluation ends in permerror: ``fault`` of the record at ``at``, or of its ``term``."""

    def __init__(self, fault: SpfFault, at: str, term: str | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.at = at
        self.term = term


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism, or the modifier ``redirect``.

    ``network`` is the range of addresses of ip4 and ip6; ``ipv4_prefix`` and ``ipv6_prefix`` are the prefix lengths of
    ``a`` and ``mx`` (RFC 7208 §5.6).
    """

    text: str
    name: str
    qualifier: SpfResult = SpfResult.PASS
    domain: str | None = None
    network: tuple[int, int] | None = None
    ipv4_prefix: int = 32
    ipv6_prefix: int = 128


def is_record(text: bytes) -> bool:
    """Whether a TXT record is an SPF record (RFC 7208 §4.5)."""
    return text[:6].lower() == b"v=spf1" and text[6:7] in (b"", b" ")


def terms(record: bytes, at: str) -> tuple[Term, ...]:
    """The terms of a record in order, without modifiers other than ``redirect``; raises Permerror."""
    try:
        parts = record.decode("ascii").split(" ")[1:]
    except UnicodeDecodeError:
        raise Permerror(SpfFault.SYNTAX, at) from None
    if len(parts) > MAX_TERMS or any(len(part) > MAX_CHARACTERS for part in parts):
        raise Permerror(SpfFault.SYNTAX, at)
    found: list[Term] = []
    modifiers: set[str] = set()
    for part in filter(None, parts):
        modifier = _MODIFIER.fullmatch(part)
        if modifier is None:
            found.append(_mechanism(part, at))
            continue
        name, value = modifier[1].lower(), modifier[2]
        known = name in {"redirect", "exp"}
        if not (_DOMAIN if known else _MACRO_STRING).fullmatch(value) or (known and name in modifiers):
            raise Permerror(SpfFault.SYNTAX, at, part)
        modifiers.add(name)
        if name == "redirect":
            found.append(Term(part, name, domain=value))
    return tuple(found)


def _mechanism(part: str, at: str) -> Term:
    match = _MECHANISM.fullmatch(part)
    if match is None:
        raise Permerror(SpfFault.SYNTAX, at, part)
    sign, name, domain, cidr = match[1], match[2].lower(), match[3], match[4]
    qualifier = _QUALIFIERS[sign or "+"]
    if name in {"ip4", "ip6"}:
        return Term(part, name, qualifier, network=_network(name, part, at))
    prefixes = _prefixes(cidr)
    fits = {
        "all": domain is None and not cidr,
        "include": domain is not None and not cidr,
        "exists": domain is not None and not cidr,
        "ptr": not cidr,
        "a": True,
        "mx": True,
    }
    if prefixes is None or not fits.get(name, False) or (domain is not None and not _DOMAIN.fullmatch(domain)):
        raise Permerror(SpfFault.SYNTAX, at, part)
    return Term(part, name, qualifier, domain, None, *prefixes)


def _prefixes(text: str) -> tuple[int, int] | None:
    """The prefix lengths for IPv4 and IPv6 addresses of a dual-cidr-length; None when it is invalid."""
    match = _CIDR.fullmatch(text)
    if match is None:
        return None
    ipv4, ipv6 = int(match[1] or 32), int(match[2] or 128)
    return (ipv4, ipv6) if ipv4 <= 32 and ipv6 <= 128 else None


def _network(name: str, part: str, at: str) -> tuple[int, int]:
    """The range of addresses of an ip4 or ip6 mechanism; raises Permerror when its network is invalid."""
    text, _, length = part.partition(":")[2].partition("/")
    kind: type[IPv4Address | IPv6Address] = IPv4Address if name == "ip4" else IPv6Address
    try:
        address = kind(text)
    except ValueError:
        raise Permerror(SpfFault.SYNTAX, at, part) from None
    length = length if "/" in part else str(address.max_prefixlen)
    if not re.fullmatch(r"0|[1-9][0-9]{0,2}", length) or int(length) > address.max_prefixlen or "%" in text:
        raise Permerror(SpfFault.SYNTAX, at, part)
    return network_range(address, int(length))


def published(replies: DnsReplies, domain: str) -> tuple[bytes, ...]:
    """The SPF records at a domain; raises NotSeen."""
    return tuple(sorted(filter(is_record, replies.texts(domain))))


@dataclass(frozen=True, slots=True)
class Family:
    """The senders of one address family: ``rdtype`` is the type of their address records, ``macro`` is ``%{v}``.

    ``example`` is ``%{i}`` of an address for documentation, from which no mail comes. ``unicast`` is the range of
    addresses that senders may have. A result is that of *other senders* when at least ``others`` addresses get it,
    which is more than one organisation has.
    """

    name: SenderFamily
    version: int
    rdtype: str
    network: str
    macro: str
    example: str
    unicast: tuple[int, int]
    others: int

    @property
    def bits(self) -> int:
        """The bits of an address."""
        return 32 if self.version == 4 else 128


#: 2001:db8::9 as ``%{i}`` gives it (RFC 7208 §7.3).
_IPV6_EXAMPLE: Final = ".".join("20010db8000000000000000000000009")
#: 1.0.0.0 to 223.255.255.255; sixteen /8 networks. 2000::/3; one /12 network, as IANA allocates to a registry.
IPV4: Final = Family("IPv4", 4, "A", "ip4", "in-addr", "203.0.113.9", (1 << 24, 224 << 24), 1 << 28)
IPV6: Final = Family("IPv6", 6, "AAAA", "ip6", "ip6", _IPV6_EXAMPLE, (1 << 125, 1 << 126), 1 << 116)

#: What the senders of a record get: sets of addresses that are disjoint.
Outcomes = list[tuple[SpfResult, Addresses]]


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """The evaluation for one family: its result, which senders pass, and the own terms without any address."""

    evaluation: SpfEvaluation
    family: SpfFamily
    void_terms: tuple[str, ...]


def evaluate(replies: DnsReplies, domain: str) -> Spf:
    """The evaluation of the domain's record for all senders; raises NotSeen when the domain was not seen.

    Senders over IPv4 and over IPv6 have other addresses looked up, so that each family may have its own fault.
    """
    records = published(replies, domain)
    texts = [record[:MAX_RECORD_CHARACTERS].decode("ascii", "backslashreplace") for record in records[:MAX_RECORDS]]
    four, six = (answer_of(_evaluate, replies, domain, family) for family in (IPV4, IPV6))

    def ineffective() -> tuple[str, ...]:
        void = [term for term in four.value.void_terms if term in six.value.void_terms]
        return _stored((*void, *_without_effect(records[0], domain))) if len(records) == 1 else ()

    return Spf(
        records=tuple(texts),
        evaluation=answer_of(_weakest, [each.seen for each in (four, six) if each.seen], four.unseen or six.unseen),
        ipv4=answer_of(lambda: four.value.family),
        ipv6=answer_of(lambda: six.value.family),
        ineffective=answer_of(ineffective),
    )


def _weakest(families: list[_Evaluated], unseen: Cause | None) -> SpfEvaluation:
    """The evaluation of the family with the fault or the weaker result; raises NotSeen."""
    seen = [each.evaluation for each in families]
    fault = next((evaluation for evaluation in seen if evaluation.fault), None)
    if fault is None and unseen is not None:
        raise NotSeen(unseen)
    order = list(SpfResult)
    weakest = fault or min(seen, key=lambda evaluation: order.index(evaluation.result or SpfResult.NEUTRAL))
    same = unseen is None and len({(each.fault, each.at, each.term, each.result) for each in seen}) == 1
    return weakest.model_copy(
        update={
            "senders": None if same else weakest.senders,
            "lookups": max(each.lookups for each in seen),
            "void_lookups": max(each.void_lookups for each in seen),
        }
    )


def _without_effect(record: bytes, domain: str) -> list[str]:
    """The terms of a record that are never reached: mechanisms after ``all``, and ``redirect`` beside it (§5.1)."""
    try:
        found = terms(record, domain)
    except Permerror:
        return []
    last = next((place for place, term in enumerate(found) if term.name == "all"), len(found))
    return [
        term.text for place, term in enumerate(found) if place > last or (term.name == "redirect" and last < len(found))
    ]


def _stored(found: Iterable[str]) -> tuple[str, ...]:
    """The different terms of some, bounded."""
    return tuple(dict.fromkeys(term[:MAX_TERM_CHARACTERS] for term in found))[:MAX_STORED_TERMS]


def _evaluate(replies: DnsReplies, domain: str, family: Family) -> _Evaluated:
    run = Evaluation(replies, domain, family)
    fault, passing = None, Addresses([])
    try:
        outcomes = run.record(domain, Addresses(list(family.unicast)))
    except Permerror as error:
        fault = error.fault
        found = SpfEvaluation(fault=fault, at=error.at, term=error.term and error.term[:MAX_TERM_CHARACTERS])
    else:
        sizes = {kind: sum(part.size for result, part in outcomes if result is kind) for kind in SpfResult}
        found = SpfEvaluation(result=next(kind for kind in SpfResult if sizes[kind] >= family.others))
        passing = united(part for result, part in outcomes if result is SpfResult.PASS)
    networks = sorted(networks_of(passing, family.version), key=lambda each: each.prefixlen)
    counts = {"lookups": run.lookups, "void_lookups": run.void_lookups}
    return _Evaluated(
        evaluation=found.model_copy(update={"senders": family.name, **counts}),
        family=SpfFamily(
            fault=fault,
            networks=tuple(map(str, networks[:MAX_NETWORKS])),
            network_count=len(networks),
            together=family.bits - (passing.size - 1).bit_length() if passing.size else None,
            open_terms=_stored(run.open_terms),
            **counts,
        ),
        void_terms=_stored(run.void_terms),
    )


class Evaluation:
    """One evaluation of a domain's record for senders of one family, all at once (RFC 7208 §4.6).

    ``ptr`` matches no sender here. An ``exists`` or ``include`` that depends on more of the message than the family and
    the domain (macros such as ``%{i}``) matches all senders where it matches a message that nobody sends, else none.
    Both are among the open terms.
    """

    def __init__(self, replies: DnsReplies, sender: str, family: Family) -> None:
        self._replies = replies
        self._family = family
        self._values = {"o": sender, "v": family.macro}
        local = "no-such-user"
        self._example = {"i": family.example, "l": local, "s": f"{local}@{sender}", "h": "example.org", "p": "unknown"}
        self._domain = sender
        self.lookups = 0
        self.void_lookups = 0
        #: Terms for which it is not known whom they match, and own terms whose lookups find nothing.
        self.open_terms: list[str] = []
        self.void_terms: list[str] = []

    def record(self, domain: str, senders: Addresses) -> Outcomes:
        """What the senders get from the record at ``domain``; takes all of them out of ``senders``."""
        records = published(self._replies, domain)
        if len(records) != 1:
            raise Permerror(SpfFault.SEVERAL if records else SpfFault.MISSING, domain)
        found = terms(records[0], domain)
        for term in found[: LOOKUPS * 2]:
            answer_of(self._prefetch, term, domain)  # makes all queries pending at once
        outcomes: Outcomes = []
        for term in found:
            if term.name != "redirect" and senders:
                outcomes.append((term.qualifier, self._matching(term, domain, senders)))
        redirect = next((term for term in found if term.name == "redirect"), None)
        if not senders:
            return outcomes
        if redirect is None:
            return [*outcomes, (SpfResult.NEUTRAL, senders.take_all())]
        self._count(redirect, domain)
        target = self._record_target(redirect, domain)
        if target is None:
            raise NotSeen(Cause.AMBIGUOUS)  # the target depends on the sender
        return outcomes + self.record(target, senders)

    def _matching(self, term: Term, domain: str, senders: Addresses) -> Addresses:
        """Take the senders that a mechanism matches."""
        if term.name == "all":
            return senders.take_all()
        if term.network:
            return senders.take([term.network] if term.name == self._family.network else ())
        self._count(term, domain)
        if term.name == "ptr":
            return self._matching_ptr(term, domain, senders)
        if self._expanded(term, domain) is None:
            self.open_terms.append(term.text)
            return self._matching_example(term, domain, senders)
        if term.name == "include":
            target = self._record_target(term, domain)
            return self._including(target, senders) if target else Addresses([])
        target = self._target(term, domain)
        if target is None:
            return Addresses([])
        if term.name == "exists":
            exists = bool(self._replies.records(target, "A"))
            self._count_void(term, domain, void=not exists)
            return senders.take_all() if exists else Addresses([])
        return senders.take(self._networks(term, domain, target))

    # ARG002 below: the evaluation of one sender, which derives from this, needs these arguments.
    def _matching_ptr(self, term: Term, domain: str, senders: Addresses) -> Addresses:  # noqa: ARG002
        """Take nobody: the reverse DNS of all senders cannot be looked up."""
        self.open_terms.append(term.text)
        return Addresses([])

    def _including(self, target: str, senders: Addresses) -> Addresses:
        """Take the senders that pass by an included record (RFC 7208 §5.2)."""
        passing = [part for result, part in self.record(target, senders.copy()) if result is SpfResult.PASS]
        return senders.take(each for part in passing for each in part)

    def _matching_example(self, term: Term, domain: str, senders: Addresses) -> Addresses:
        """Take the senders that a mechanism with an unknown macro matches as it matches the example."""
        target = self._example_target(term, domain)
        if term.name == "exists" and target and self._replies.records(target, "A"):
            return senders.take_all()
        if term.name == "include" and target and len(published(self._replies, target)) == 1:
            return self._including(target, senders)
        return Addresses([])

    def _networks(self, term: Term, domain: str, target: str) -> list[tuple[int, int]]:
        """The networks of an ``a`` or ``mx`` mechanism: those of the addresses of the sender's family (RFC 7208 §5)."""
        hosts = self._exchangers(target) if term.name == "mx" else (target,)
        if len(hosts) > EXCHANGERS:
            raise Permerror(SpfFault.EXCHANGERS, domain, term.text)
        addresses = [address for host in hosts for address in self._addresses(host)]
        self._count_void(term, domain, void=not addresses)
        length = term.ipv4_prefix if self._family is IPV4 else term.ipv6_prefix
        return [network_range(address, length) for address in addresses]

    def _exchangers(self, domain: str) -> tuple[str, ...]:
        from dns.rdtypes.ANY.MX import MX

        records = self._replies.records(domain, "MX")
        return tuple(str(each.exchange) for each in records if isinstance(each, MX))

    def _addresses(self, host: str) -> list[IPv4Address | IPv6Address]:
        name = domain_name(host)
        kind = IPv4Address if self._family is IPV4 else IPv6Address
        return [kind(str(each)) for each in self._replies.records(name, self._family.rdtype)] if name else []

    def _count(self, term: Term, domain: str) -> None:
        self.lookups += 1
        if self.lookups > LOOKUPS:
            raise Permerror(SpfFault.LOOKUPS, domain, term.text)

    def _count_void(self, term: Term, domain: str, *, void: bool) -> None:
        """Count terms whose lookups find nothing (RFC 7208 §4.6.4)."""
        self.void_lookups += void
        if void and domain == self._domain and term.name in {"a", "mx"}:
            self.void_terms.append(term.text)
        if self.void_lookups > VOID_LOOKUPS:
            raise Permerror(SpfFault.VOID_LOOKUPS, domain, term.text)

    def _prefetch(self, term: Term, domain: str) -> None:
        """Make the queries of a term pending."""
        target = self._target(term, domain) or self._example_target(term, domain)
        if target is None:
            return
        if term.name in {"include", "exists"}:
            self._replies.message(target, "TXT" if term.name == "include" else "A")
        if term.name in {"a", "mx"} and self._expanded(term, domain):
            hosts = self._exchangers(target) if term.name == "mx" else (target,)
            for host in hosts[:EXCHANGERS]:
                answer_of(self._addresses, host)

    def _expanded(self, term: Term, domain: str) -> str | None:
        """The target of a term; None when a macro makes it depend on the message (RFC 7208 §7.2)."""
        return domain if term.domain is None else expand(term.domain, self._known(term.domain, domain))

    def _known(self, text: str, domain: str) -> Mapping[str, str]:  # noqa: ARG002
        """The values of the macros in a text of the record at ``domain``."""
        return {**self._values, "d": domain}

    def _example_target(self, term: Term, domain: str) -> str | None:
        """The name that a term looks up for the example; None when it cannot exist."""
        expanded = expand(term.domain or domain, {**self._example, **self._values, "d": domain})
        return expanded and domain_name(expanded)

    def _target(self, term: Term, domain: str) -> str | None:
        """The name that a term looks up; None when it depends on the message, or cannot exist."""
        expanded = self._expanded(term, domain)
        return expanded and domain_name(expanded)

    def _record_target(self, term: Term, domain: str) -> str | None:
        """The domain whose record a term includes; None when it depends on the message (RFC 7208 §4.3, §5.2, §6.1)."""
        expanded = self._expanded(term, domain)
        if expanded is None:
            return None
        name = domain_name(expanded)
        if name is None or "." not in name:
            raise Permerror(SpfFault.TARGET, domain, term.text)
        return name
