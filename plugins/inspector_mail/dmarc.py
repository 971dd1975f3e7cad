"""Parses DMARC records and finds the one that applies to a domain (RFC 9989). Pure, with bounded work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inspector import Answer, Cause, DnsReplies, answer_of
from inspector_mail.macros import domain_name
from inspector_mail.observations import Dmarc, DmarcFault, Policy, ReportAddress, ReportFault

#: Characters of a record that are stored in the observation.
MAX_CHARACTERS: Final = 1024
#: Queries of a tree walk (RFC 9989 §4.10): a longer name is shortened to seven labels after the first query.
MAX_QUERIES: Final = 8

_VERSION = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
#: What shows that a record without the version at its beginning is meant to be a DMARC record.
_RESEMBLES = re.compile(r"\bv\s*=\s*DMARC1|\bp\s*=\s*(?:none|quarantine|reject)\b", re.IGNORECASE)
_TAG = re.compile(r"[ \t]*([a-z]+)[ \t]*=[ \t]*([\t -:<-~]*)", re.IGNORECASE)
_MAILBOX = re.compile(
    r"mailto:[!#$%&'*+/0-9=?A-Z^_`a-z{|}~.-]+@([a-z0-9_-]+(?:\.[a-z0-9_-]+)+)\.?(?:\?.*)?", re.IGNORECASE
)
#: A size limit, which RFC 7489 §6.2 allowed behind the URI.
_SIZE = re.compile(r"![0-9]+[kmgt]?\Z", re.IGNORECASE)
_REPORT_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-+\--~]+", re.IGNORECASE)
#: The tags of RFC 9989 §4.7, with the values that those have whose values are words.
_VALUES = {
    "v": None,
    "p": frozenset(Policy),
    "sp": frozenset(Policy),
    "np": frozenset(Policy),
    "adkim": frozenset({"r", "s"}),
    "aspf": frozenset({"r", "s"}),
    "fo": frozenset({"0", "1", "d", "s"}),
    "rua": None,
    "ruf": None,
    "psd": frozenset({"y", "n", "u"}),
    "t": frozenset({"y", "n"}),
}
_TAGS = frozenset(_VALUES)
#: Tags of RFC 7489 that RFC 9989 removed (Appendix C).
_OBSOLETE = frozenset({"pct", "rf", "ri"})
#: What is stored of a record's parts, and how many addresses of reports are looked at; of more, one is unseen.
MAX_PARTS: Final = 16
MAX_PART_CHARACTERS: Final = 200
MAX_REPORT_ADDRESSES: Final = 10
_POLICIES = {policy.value: policy for policy in Policy}


@dataclass(frozen=True, slots=True)
class Record:
    """One DMARC record. ``policy`` is None when it has no valid one; ``psd`` is y, n or u (RFC 9989 §4.7)."""

    text: str
    policy: Policy | None
    subdomains: Policy | None
    absent_subdomains: Policy | None
    psd: str
    testing: bool
    strict: tuple[str, ...]
    obsolete: tuple[str, ...]
    ignored: tuple[str, ...]
    reports: tuple[tuple[str, str], ...]


def is_record(text: str) -> bool:
    """Whether a TXT record is a DMARC record: it begins with the exact version tag (RFC 9989 §4.7)."""
    return _VERSION.match(text) is not None


def parse(text: str) -> Record:
    """Parse a record; invalid tags are ignored in favour of their defaults (RFC 9989 §4.7, §4.10.1).

    A record in which one of its tags stands twice has no valid policy (RFC 6376 §3.2).
    """
    found = [(tag[1].lower(), tag[2].strip(" \t")) for part in text.split(";") if (tag := _TAG.fullmatch(part))]
    tags = dict(found)
    counts = Counter(name for name, _ in found)
    if any(counts[name] > 1 for name in _TAGS):
        tags = {"p": "", "rua": tags.get("rua", "") if counts["rua"] == 1 else ""}
    policies = {name: _POLICIES.get(tags[name].lower()) for name in ("p", "sp", "np") if name in tags}
    valid = None not in policies.values()
    policy = policies.get("p") if valid else None
    if policy is None and (valid or _requests_reports(tags)):
        policy = Policy.NONE
    psd = tags.get("psd", "u").lower()
    return Record(
        text=text,
        policy=policy,
        subdomains=policies.get("sp") if valid else None,
        absent_subdomains=policies.get("np") if valid else None,
        psd=psd if psd in {"y", "n"} else "u",
        testing=tags.get("t", "n").lower() == "y",
        strict=tuple(name for tag, name in _STRICT.items() if tags.get(tag, "r").lower() == "s"),
        obsolete=tuple(sorted(_OBSOLETE & tags.keys())),
        ignored=tuple(part[:MAX_PART_CHARACTERS] for part in _ignored(text))[:MAX_PARTS],
        reports=tuple(_report_uris(tags))[: MAX_REPORT_ADDRESSES + 1],
    )


_STRICT = {"adkim": "dkim", "aspf": "spf"}


def _ignored(text: str) -> Iterator[str]:
    """The parts of a record that receivers ignore (§4.7): what is no tag, unknown and repeated tags, wrong values."""
    parts = [(part, _TAG.fullmatch(part)) for part in text.split(";") if part.strip()]
    counts = Counter(tag[1].lower() for _, tag in parts if tag)
    for part, tag in parts:
        name = tag[1].lower() if tag else ""
        if tag is None or (name not in _VALUES and name not in _OBSOLETE) or (name in _TAGS and counts[name] > 1):
            yield part.strip()
            continue
        values = _VALUES.get(name)
        given = [each.strip(" \t").lower() for each in tag[2].split(":" if name == "fo" else "\n")]
        if values is not None and not values.issuperset(given):
            yield part.strip()


def _report_uris(tags: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name in ("rua", "ruf"):
        for uri in tags.get(name, "").split(",") if name in tags else ():
            yield name, uri.strip(" \t")


def _requests_reports(tags: dict[str, str]) -> bool:
    return any(_REPORT_URI.fullmatch(uri.strip(" \t")) for uri in tags.get("rua", "").split(","))


def targets(domain: str) -> tuple[str, ...]:
    """The domains that the tree walk queries, in order (RFC 9989 §4.10)."""
    labels = domain.split(".")
    first = max(1, len(labels) - MAX_QUERIES + 1)
    return (domain, *(".".join(labels[depth:]) for depth in range(first, len(labels))))


def discover(replies: DnsReplies, domain: str, *, exists: bool) -> Dmarc:
    """The policy that applies to ``domain``; raises NotSeen when a required reply is missing.

    ``exists``: the domain exists (RFC 8020); an inherited policy may be another one for domains that do not.
    """
    own = published(replies, domain)
    if len(own) == 1:
        record = parse(own[0])
        return _found(replies, record, domain, record.policy)
    for target in targets(domain)[1:]:
        answer_of(published, replies, target)  # makes all of them pending at once
    walked = tuple(_walk(replies, domain))
    if not walked:
        return _without_record(replies, domain, several=bool(own))
    at, record = _organisational(walked, domain)
    inherited = record.subdomains if exists else record.absent_subdomains or record.subdomains
    return _found(replies, record, at, record.policy and (inherited or record.policy))


def _without_record(replies: DnsReplies, domain: str, *, several: bool) -> Dmarc:
    """Why no record applies; a record that receivers ignore for its version is shown."""
    if several:
        return Dmarc(fault=DmarcFault.SEVERAL, at=domain)
    ignored = next(filter(_RESEMBLES.search, _texts(replies, domain)), None)
    if ignored is None:
        return Dmarc(fault=DmarcFault.MISSING)
    return Dmarc(fault=DmarcFault.VERSION, at=domain, record=ignored[:MAX_CHARACTERS])


def _walk(replies: DnsReplies, domain: str, *, above: int = 1) -> Iterator[tuple[str, Record]]:
    """The records above the domain, from the longest name to the shortest; with ``above=0`` its own, too."""
    for target in targets(domain)[above:]:
        found = published(replies, target)
        if len(found) == 1:
            record = parse(found[0])
            yield target, record
            if record.psd != "u":
                return


def _organisational(walked: tuple[tuple[str, Record], ...], domain: str) -> tuple[str, Record]:
    """The organisational domain's record, or its public suffix's when it has none (RFC 9989 §4.10.1, §4.10.2)."""
    at, record = walked[-1]
    if record.psd != "y":
        return at, record
    below = _below(at, domain)
    return next((found for found in walked if found[0] == below), (at, record))


def _below(at: str, domain: str) -> str:
    """The name one label below ``at`` on the way to ``domain``."""
    labels = domain.split(".")
    return ".".join(labels[len(labels) - at.count(".") - 2 :])


def organisational_domain(replies: DnsReplies, domain: str) -> str:
    """The organisational domain of a domain (RFC 9989 §4.10.2); raises NotSeen."""
    for target in targets(domain):
        answer_of(published, replies, target)  # makes all of them pending at once
    walked = tuple(_walk(replies, domain, above=0))
    if not walked:
        return domain
    at, record = walked[-1]
    return _below(at, domain) if record.psd == "y" and at != domain else at


def aligned(replies: DnsReplies, author: str, authenticated: str, *, strict: bool = False) -> bool:
    """Whether an authenticated domain aligns with the author's domain (RFC 9989 §4.4); raises NotSeen."""
    if strict or author == authenticated:
        return author == authenticated
    return organisational_domain(replies, author) == organisational_domain(replies, authenticated)


def _found(replies: DnsReplies, record: Record, at: str, policy: Policy | None) -> Dmarc:
    below = record.policy and (record.subdomains or record.policy)
    return Dmarc(
        fault=None if policy else DmarcFault.INVALID,
        at=at,
        record=record.text[:MAX_CHARACTERS],
        policy=policy,
        subdomains=below,
        absent_subdomains=record.policy and (record.absent_subdomains or below),
        testing=record.testing,
        strict=record.strict,
        obsolete=record.obsolete,
        ignored=record.ignored,
        reports=tuple(
            _report_address(replies, at, tag, uri, looked_at=place < MAX_REPORT_ADDRESSES)
            for place, (tag, uri) in enumerate(record.reports)
        ),
    )


def _report_address(replies: DnsReplies, at: str, tag: str, uri: str, *, looked_at: bool) -> ReportAddress:
    fault = answer_of(_report_fault, replies, at, uri) if looked_at else Answer(unseen=Cause.ABORTED)
    return ReportAddress(tag=tag, uri=uri[:MAX_PART_CHARACTERS], fault=fault)


def _report_fault(replies: DnsReplies, at: str, uri: str) -> ReportFault | None:
    """Why no reports about ``at`` are sent to a URI (RFC 9989 §4.7, RFC 9990 §4); raises NotSeen."""
    plain = _SIZE.sub("", uri)
    if not _REPORT_URI.fullmatch(plain):
        return ReportFault.SYNTAX
    if not plain.lower().startswith("mailto:"):
        return ReportFault.SCHEME
    mailbox = _MAILBOX.fullmatch(plain)
    if mailbox is None:
        return ReportFault.ADDRESS
    host = domain_name(mailbox[1])
    if host is None:
        return ReportFault.ADDRESS
    if aligned(replies, at, host):
        return None
    place = domain_name(f"{at}._report._dmarc.{host}")
    texts = _texts_at(replies, place) if place is not None and place.endswith(host) else []
    return None if any(map(is_record, texts)) else ReportFault.UNAUTHORISED


def published(replies: DnsReplies, domain: str) -> tuple[str, ...]:
    """The DMARC records published for a domain; raises NotSeen."""
    return tuple(text for text in _texts(replies, domain) if is_record(text))


def _texts(replies: DnsReplies, domain: str) -> list[str]:
    """The TXT records at the place of DMARC records."""
    return _texts_at(replies, f"_dmarc.{domain}")


def _texts_at(replies: DnsReplies, name: str) -> list[str]:
    return sorted(text.decode("ascii", "backslashreplace") for text in replies.texts(name))
