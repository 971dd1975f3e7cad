"""SPF records: their terms, and what evaluating them comes to (RFC 7208). Pure; all work is bounded."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inspector import Cause, NotSeen
from inspector.network.dns_lookup import Replies, answered
from inspector_mail.observations import Qualifier, SpfEvaluation, SpfFault

#: Bounds of RFC 7208 §4.6.4.
LOOKUPS: Final = 10
VOIDS: Final = 2
EXCHANGERS: Final = 10
#: Our own: terms of one record and characters of one term; the 450 bytes that the standard advises hold far fewer.
TERMS: Final = 500
TERM: Final = 512

_QUALIFIERS: Final = {
    "+": Qualifier.PASS,
    "?": Qualifier.NEUTRAL,
    "~": Qualifier.SOFTFAIL,
    "-": Qualifier.FAIL,
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
    """The record cannot be evaluated: ``fault`` in the record at ``at``, in ``term`` where it is a term's."""

    def __init__(self, fault: SpfFault, at: str, term: str | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.at = at
        self.term = term


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism, or the modifier ``redirect``. ``everyone``: an ip4 or ip6 network that holds all addresses."""

    text: str
    name: str
    qualifier: Qualifier = Qualifier.PASS
    domain: str | None = None
    everyone: bool = False


def is_record(text: bytes) -> bool:
    """Whether a TXT record is an SPF record (RFC 7208 §4.5)."""
    return text[:6].lower() == b"v=spf1" and text[6:7] in (b"", b" ")


def terms(record: bytes, at: str) -> tuple[Term, ...]:
    """The terms of a record in their order, without modifiers that decide nothing; raises Permerror."""
    try:
        words = record.decode("ascii").split(" ")[1:]
    except UnicodeDecodeError:
        raise Permerror(SpfFault.SYNTAX, at) from None
    if len(words) > TERMS or any(len(word) > TERM for word in words):
        raise Permerror(SpfFault.SYNTAX, at)
    found: list[Term] = []
    modifiers: set[str] = set()
    for word in filter(None, words):
        modifier = _MODIFIER.fullmatch(word)
        if modifier is None:
            found.append(_mechanism(word, at))
            continue
        name, value = modifier[1].lower(), modifier[2]
        known = name in {"redirect", "exp"}
        if not (_DOMAIN if known else _MACRO_STRING).fullmatch(value) or (known and name in modifiers):
            raise Permerror(SpfFault.SYNTAX, at, word)
        modifiers.add(name)
        if name == "redirect":
            found.append(Term(word, name, domain=value))
    return tuple(found)


def _mechanism(word: str, at: str) -> Term:
    match = _MECHANISM.fullmatch(word)
    if match is None:
        raise Permerror(SpfFault.SYNTAX, at, word)
    sign, name, domain, cidr = match[1], match[2].lower(), match[3], match[4]
    qualifier = _QUALIFIERS[sign or "+"]
    if name in {"ip4", "ip6"}:
        return Term(word, name, qualifier, everyone=_is_everyone(name, word, at))
    fits = {
        "all": domain is None and not cidr,
        "include": domain is not None and not cidr,
        "exists": domain is not None and not cidr,
        "ptr": not cidr,
        "a": _is_dual_cidr(cidr),
        "mx": _is_dual_cidr(cidr),
    }
    if not fits.get(name, False) or (domain is not None and not _DOMAIN.fullmatch(domain)):
        raise Permerror(SpfFault.SYNTAX, at, word)
    return Term(word, name, qualifier, domain)


def _is_dual_cidr(text: str) -> bool:
    match = _CIDR.fullmatch(text)
    return match is not None and int(match[1] or 0) <= 32 and int(match[2] or 0) <= 128


def _is_everyone(name: str, word: str, at: str) -> bool:
    """Whether the network of an ip4 or ip6 mechanism holds all addresses; raises Permerror when it is none."""
    address, _, length = word.partition(":")[2].partition("/")
    kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address] = (
        ipaddress.IPv4Address if name == "ip4" else ipaddress.IPv6Address
    )
    try:
        longest = kind(address).max_prefixlen
    except ValueError:
        raise Permerror(SpfFault.SYNTAX, at, word) from None
    length = length if "/" in word else str(longest)
    if not re.fullmatch(r"0|[1-9][0-9]{0,2}", length) or int(length) > longest or "%" in address:
        raise Permerror(SpfFault.SYNTAX, at, word)
    return length == "0"


def published(replies: Replies, domain: str) -> tuple[bytes, ...]:
    """The SPF records at a domain; raises NotSeen."""
    from dns.rdtypes.ANY.TXT import TXT

    found = [b"".join(each.strings) for each in replies.records(domain, "TXT") if isinstance(each, TXT)]
    return tuple(sorted(text for text in found if is_record(text)))


def evaluate(replies: Replies, domain: str) -> SpfEvaluation:
    """What evaluating the domain's record comes to for a sender that no term names; raises NotSeen."""
    run = _Run(replies, domain)
    try:
        otherwise = run.record(domain)
    except Permerror as error:
        return SpfEvaluation(
            fault=error.fault, at=error.at, term=error.term and error.term[:100], lookups=run.lookups, voids=run.voids
        )
    return SpfEvaluation(otherwise=otherwise, lookups=run.lookups, voids=run.voids)


class _Run:
    """One evaluation for a sender that matches nothing but ``all``: the way that needs the most lookups."""

    def __init__(self, replies: Replies, sender: str) -> None:
        self._replies = replies
        self._sender = sender
        self.lookups = 0
        self.voids = 0

    def record(self, domain: str) -> Qualifier:
        """What becomes of the sender by the record at ``domain``."""
        records = published(self._replies, domain)
        if len(records) != 1:
            raise Permerror(SpfFault.SEVERAL if records else SpfFault.MISSING, domain)
        return self._walk(terms(records[0], domain), domain)

    def _walk(self, found: tuple[Term, ...], domain: str) -> Qualifier:
        for name, rdtype in self._questions(found, domain):
            answered(self._replies.message, name, rdtype)  # noted as open all at once
        for term in found:
            if term.name == "all" or (term.everyone and term.qualifier is Qualifier.PASS):
                return term.qualifier
            if term.name in {"include", "a", "mx", "ptr", "exists"}:
                self._count(term, domain)
                if term.name == "include" and self._includes_everyone(term, domain):
                    return term.qualifier
        redirect = next((term for term in found if term.name == "redirect"), None)
        if redirect is None:
            return Qualifier.NEUTRAL
        self._count(redirect, domain)
        target = self._target(redirect, domain)
        if target is None:
            raise NotSeen(Cause.AMBIGUOUS)  # it depends on the sender
        return self.record(target)

    def _includes_everyone(self, term: Term, domain: str) -> bool:
        target = self._target(term, domain)
        return target is not None and self.record(target) is Qualifier.PASS

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
            self.voids += 1
            if self.voids > VOIDS:
                raise Permerror(SpfFault.VOIDS, domain, term.text)

    def _questions(self, found: tuple[Term, ...], domain: str) -> Iterator[tuple[str, str]]:
        kinds = {"a": ("A", "AAAA"), "mx": ("MX",), "exists": ("A",), "include": ("TXT",)}
        for term in found[: LOOKUPS * 2]:
            if term.name == "all":
                return
            target = self._target(term, domain)
            for rdtype in kinds.get(term.name, ()) if target else ():
                yield target or domain, rdtype

    def _target(self, term: Term, domain: str) -> str | None:
        """The domain that a term names; None when it depends on the message (RFC 7208 §7)."""
        if term.domain is None:
            return domain
        plain = re.sub(r"%\{d\}", lambda _: domain, term.domain, flags=re.IGNORECASE)
        plain = re.sub(r"%\{o\}", lambda _: self._sender, plain, flags=re.IGNORECASE)
        return None if "%" in plain else _name(plain)


def _name(text: str) -> str | None:
    """A domain name as questions write it; None when it cannot be one (then nothing is there to look up)."""
    name = text.rstrip(".").lower()
    labels = name.split(".")
    fits = len(name) <= 253 and all(0 < len(label) <= 63 for label in labels)
    return name if fits and "\\" not in name else None
