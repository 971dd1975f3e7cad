"""Parses DMARC records and finds the one that applies to a domain (RFC 9989). Pure, with bounded work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from inspector import DnsReplies, answer_of
from inspector_mail.observations import Dmarc, DmarcFault, Policy

#: Characters of a record that are stored in the observation.
MAX_CHARACTERS: Final = 1024
#: Queries of a tree walk (RFC 9989 §4.10): a longer name is shortened to seven labels after the first query.
MAX_QUERIES: Final = 8

_VERSION = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
#: What shows that a record without the version at its beginning is meant to be a DMARC record.
_RESEMBLES = re.compile(r"\bv\s*=\s*DMARC1|\bp\s*=\s*(?:none|quarantine|reject)\b", re.IGNORECASE)
_TAG = re.compile(r"[ \t]*([a-z]+)[ \t]*=[ \t]*([\t -:<-~]*)", re.IGNORECASE)
_REPORT_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-+\--~]+", re.IGNORECASE)
#: The tags of RFC 9989 §4.7.
_TAGS = frozenset({"v", "p", "sp", "np", "adkim", "aspf", "fo", "rua", "ruf", "psd", "t"})
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
    )


def _requests_reports(tags: dict[str, str]) -> bool:
    return any(_REPORT_URI.fullmatch(uri.strip(" \t")) for uri in tags.get("rua", "").split(","))


def targets(domain: str) -> tuple[str, ...]:
    """The domains that the tree walk queries, in order (RFC 9989 §4.10)."""
    labels = domain.split(".")
    first = max(1, len(labels) - MAX_QUERIES + 1)
    return (domain, *(".".join(labels[depth:]) for depth in range(first, len(labels))))


def discover(replies: DnsReplies, domain: str, *, exists: bool) -> Dmarc:
    """The policy that applies to ``domain``; raises NotSeen when a required reply is missing.

    ``exists``: the domain has MX or address records; an inherited policy may be another one for domains that do not.
    """
    own = published(replies, domain)
    if len(own) == 1:
        record = parse(own[0])
        return _found(record, domain, record.policy)
    for target in targets(domain)[1:]:
        answer_of(published, replies, target)  # makes all of them pending at once
    walked = tuple(_walk(replies, domain))
    if not walked:
        return _without_record(replies, domain, several=bool(own))
    at, record = _organisational(walked, domain)
    inherited = record.subdomains if exists else record.absent_subdomains or record.subdomains
    return _found(record, at, record.policy and (inherited or record.policy))


def _without_record(replies: DnsReplies, domain: str, *, several: bool) -> Dmarc:
    """Why no record applies; a record that receivers ignore for its version is shown."""
    if several:
        return Dmarc(fault=DmarcFault.SEVERAL, at=domain)
    ignored = next(filter(_RESEMBLES.search, _texts(replies, domain)), None)
    if ignored is None:
        return Dmarc(fault=DmarcFault.MISSING)
    return Dmarc(fault=DmarcFault.VERSION, at=domain, record=ignored[:MAX_CHARACTERS])


def _walk(replies: DnsReplies, domain: str) -> Iterator[tuple[str, Record]]:
    """The records above the domain, from the longest name to the shortest."""
    for target in targets(domain)[1:]:
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
    labels = domain.split(".")
    below = ".".join(labels[len(labels) - at.count(".") - 2 :])
    return next((found for found in walked if found[0] == below), (at, record))


def _found(record: Record, at: str, policy: Policy | None) -> Dmarc:
    return Dmarc(
        fault=None if policy else DmarcFault.INVALID,
        at=at,
        record=record.text[:MAX_CHARACTERS],
        policy=policy,
        testing=record.testing,
    )


def published(replies: DnsReplies, domain: str) -> tuple[str, ...]:
    """The DMARC records published for a domain; raises NotSeen."""
    return tuple(text for text in _texts(replies, domain) if is_record(text))


def _texts(replies: DnsReplies, domain: str) -> list[str]:
    """The TXT records at the place of DMARC records."""
    from dns.rdtypes.ANY.TXT import TXT

    found = [b"".join(each.strings) for each in replies.records(f"_dmarc.{domain}", "TXT") if isinstance(each, TXT)]
    return sorted(text.decode("ascii", "backslashreplace") for text in found)
