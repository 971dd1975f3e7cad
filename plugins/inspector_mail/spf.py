"""Parses and evaluates SPF records (RFC 7208). Pure, with bounded work."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inspector import Cause, DnsReplies, NotSeen, answer_of
from inspector_mail.observations import SpfEvaluation, SpfFault, SpfResult

#: Limits of RFC 7208 §4.6.4.
LOOKUPS: Final = 10
VOID_LOOKUPS: Final = 2
EXCHANGERS: Final = 10
#: Own limits: terms of one record, and characters of one term (RFC 7208 §3.4 recommends records below 450 bytes).
MAX_TERMS: Final = 500
MAX_CHARACTERS: Final = 512

_QUALIFIERS: Final = {
    "+": SpfResult.PASS,
    "?": SpfResult.NEUTRAL,
    "~": SpfResult.SOFTFAIL,
    "-": SpfResult.FAIL,
}

_MACRO = r"%\{[slodiphcrtv][0-9]*r?[-.+,/_=]*\}|%%|%_|%-"
_EXPANSION = r"%\{[slodiphcrtv][0-9]*r?[-.+,/_=]*\}"
_LABEL = r"(?![0-9]+\.?\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_MACRO}|[!-$&-~])*(?:\.{_LABEL}\.?|{_EXPANSION})", re.IGNORECASE)
_MACRO_STRING = re.compile(rf"(?:{_MACRO}|[!-$&-~])*", re.IGNORECASE)
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
    """One mechanism, or the modifier ``redirect``. ``matches_all``: an ip4 or ip6 network of all addresses."""

    text: str
    name: str
    qualifier: SpfResult = SpfResult.PASS
    domain: str | None = None
    matches_all: bool = False


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
        return Term(part, name, qualifier, matches_all=_is_all_addresses(name, part, at))
    fits = {
        "all": domain is None and not cidr,
        "include": domain is not None and not cidr,
        "exists": domain is not None and not cidr,
        "ptr": not cidr,
        "a": _is_dual_cidr(cidr),
        "mx": _is_dual_cidr(cidr),
    }
    if not fits.get(name, False) or (domain is not None and not _DOMAIN.fullmatch(domain)):
        raise Permerror(SpfFault.SYNTAX, at, part)
    return Term(part, name, qualifier, domain)


def _is_dual_cidr(text: str) -> bool:
    match = _CIDR.fullmatch(text)
    return match is not None and int(match[1] or 0) <= 32 and int(match[2] or 0) <= 128


def _is_all_addresses(name: str, part: str, at: str) -> bool:
    """Whether an ip4 or ip6 mechanism matches all addresses; raises Permerror when its network is invalid."""
    address, _, length = part.partition(":")[2].partition("/")
    kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address] = (
        ipaddress.IPv4Address if name == "ip4" else ipaddress.IPv6Address
    )
    try:
        longest = kind(address).max_prefixlen
    except ValueError:
        raise Permerror(SpfFault.SYNTAX, at, part) from None
    length = length if "/" in part else str(longest)
    if not re.fullmatch(r"0|[1-9][0-9]{0,2}", length) or int(length) > longest or "%" in address:
        raise Permerror(SpfFault.SYNTAX, at, part)
    return length == "0"


def published(replies: DnsReplies, domain: str) -> tuple[bytes, ...]:
    """The SPF records at a domain; raises NotSeen."""
    from dns.rdtypes.ANY.TXT import TXT

    found = [b"".join(each.strings) for each in replies.records(domain, "TXT") if isinstance(each, TXT)]
    return tuple(sorted(text for text in found if is_record(text)))


def evaluate(replies: DnsReplies, domain: str) -> SpfEvaluation:
    """Evaluate the domain's record for a sender that only ``all`` matches; raises NotSeen."""
    run = _Evaluation(replies, domain)
    try:
        result = run.record(domain)
    except Permerror as error:
        term = error.term and error.term[:100]
        return SpfEvaluation(
            fault=error.fault, at=error.at, term=term, lookups=run.lookups, void_lookups=run.void_lookups
        )
    return SpfEvaluation(result=result, lookups=run.lookups, void_lookups=run.void_lookups)


class _Evaluation:
    """One evaluation for a sender that only ``all`` matches, which takes the most lookups."""

    def __init__(self, replies: DnsReplies, sender: str) -> None:
        self._replies = replies
        self._sender = sender
        self.lookups = 0
        self.void_lookups = 0

    def record(self, domain: str) -> SpfResult:
        """The result of the record at ``domain``."""
        records = published(self._replies, domain)
        if len(records) != 1:
            raise Permerror(SpfFault.SEVERAL if records else SpfFault.MISSING, domain)
        return self._walk(terms(records[0], domain), domain)

    def _walk(self, found: tuple[Term, ...], domain: str) -> SpfResult:
        for name, rdtype in self._questions(found, domain):
            answer_of(self._replies.message, name, rdtype)  # makes all of them pending at once
        for term in found:
            if term.name == "all" or (term.matches_all and term.qualifier is SpfResult.PASS):
                return term.qualifier
            if term.name in {"include", "a", "mx", "ptr", "exists"}:
                self._count(term, domain)
                if term.name == "include" and self._includes_all(term, domain):
                    return term.qualifier
        redirect = next((term for term in found if term.name == "redirect"), None)
        if redirect is None:
            return SpfResult.NEUTRAL
        self._count(redirect, domain)
        target = self._target(redirect, domain)
        if target is None:
            raise NotSeen(Cause.AMBIGUOUS)  # the target depends on the sender
        return self.record(target)

    def _includes_all(self, term: Term, domain: str) -> bool:
        target = self._target(term, domain)
        return target is not None and self.record(target) is SpfResult.PASS

    def _count(self, term: Term, domain: str) -> None:
        self.lookups += 1
        if self.lookups > LOOKUPS:
            raise Permerror(SpfFault.LOOKUPS, domain, term.text)
        target = self._target(term, domain)
        if target is None or term.name not in {"a", "mx", "exists"}:
            return
        rdtypes = {"a": ("A", "AAAA"), "mx": ("MX",), "exists": ("A",)}[term.name]
        records = [record for rdtype in rdtypes for record in self._replies.records(target, rdtype)]
        if term.name == "mx" and len(records) > EXCHANGERS:
            raise Permerror(SpfFault.EXCHANGERS, domain, term.text)
        if not records:
            self.void_lookups += 1
            if self.void_lookups > VOID_LOOKUPS:
                raise Permerror(SpfFault.VOID_LOOKUPS, domain, term.text)

    def _questions(self, found: tuple[Term, ...], domain: str) -> Iterator[tuple[str, str]]:
        kinds = {"a": ("A", "AAAA"), "mx": ("MX",), "exists": ("A",), "include": ("TXT",)}
        for term in found[: LOOKUPS * 2]:
            if term.name == "all":
                return
            target = self._target(term, domain)
            for rdtype in kinds.get(term.name, ()) if target else ():
                yield target or domain, rdtype

    def _target(self, term: Term, domain: str) -> str | None:
        """The target domain of a term; None when a macro makes it depend on the message (RFC 7208 §7)."""
        if term.domain is None:
            return domain
        plain = re.sub(r"%\{d\}", lambda _: domain, term.domain, flags=re.IGNORECASE)
        plain = re.sub(r"%\{o\}", lambda _: self._sender, plain, flags=re.IGNORECASE)
        return None if "%" in plain else _name(plain)


def _name(text: str) -> str | None:
    """The domain name as queries write it; None when the text is not a valid domain name."""
    name = text.rstrip(".").lower()
    labels = name.split(".")
    fits = len(name) <= 253 and all(0 < len(label) <= 63 for label in labels)
    return name if fits and "\\" not in name else None
