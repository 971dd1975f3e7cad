"""The probe of the CAA records of a host, which queries resolvers only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Final

from inspector import (
    DNS_QUESTIONS,
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
    is_address,
    probe,
)
from inspector_tls.enumeration.probe import HTTPS, TLS
from inspector_tls.issuance.observations import IssuancePolicy, RelevantRecords
from inspector_tls.starttls.negotiation import IMPLICIT, SCHEMES

#: The most CAA records of a name, and bytes of a value.
MAX_RECORDS: Final = 64
MAX_VALUE_BYTES: Final = 512
_CRITICAL: Final = 128
#: Properties that authorities know: RFC 8659 §4, RFC 9495, Baseline Requirements appendix A, BIMI's and mail's.
_KNOWN: Final = frozenset({"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"})
#: An issuer domain name with parameters (RFC 8659 §4.2).
_LABEL: Final = r"[a-z0-9](?:-*[a-z0-9])*"
_PARAMETER: Final = rf"{_LABEL}[ \t]*=[ \t]*[\x21-\x3a\x3c-\x7e]*"
_ISSUER: Final = re.compile(
    rf"[ \t]*(?P<issuer>{_LABEL}(?:\.{_LABEL})*)?[ \t]*"
    rf"(?:;[ \t]*(?:{_PARAMETER}(?:[ \t]*;[ \t]*{_PARAMETER})*[ \t]*;?[ \t]*)?)?",
    re.IGNORECASE,
)


def _parse(output: ScanOutput, context: ParseContext) -> IssuancePolicy:
    return _policy(DnsReplies(output), context.subject.host or "")


@probe(
    "issuance-policy",
    kind=IssuancePolicy,
    schemes={HTTPS, TLS, *IMPLICIT, *SCHEMES},
    subject_kind=SubjectKind.HOST,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=60, infrastructure_questions=DNS_QUESTIONS),
    parse=_parse,
)
async def issuance_policy(target: Target, network: Network) -> ScanOutput:
    """Query the CAA records of a host name and of the names above it, up to the first that has any."""
    return await collect_replies(network, partial(_policy, host=target.host))


def _policy(replies: DnsReplies, host: str) -> IssuancePolicy:
    return IssuancePolicy(
        host=host,
        exact=answer_of(_relevant, replies, host),
        wildcard=answer_of(_relevant, replies, host.partition(".")[2]),
    )


def _relevant(replies: DnsReplies, name: str) -> RelevantRecords:
    from dns.rdtypes.ANY.CAA import CAA

    if not name or is_address(name):
        return RelevantRecords()
    at, found = replies.closest(name, "CAA")
    records = [(each.flags, each.tag, each.value) for each in found if isinstance(each, CAA)]
    if len(records) > MAX_RECORDS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    tagged = [(flags, tag.decode("ascii").lower(), value) for flags, tag, value in records]
    return RelevantRecords(
        at=at,
        issue=_issuers(value for _, tag, value in tagged if tag == "issue"),
        issuewild=_issuers(value for _, tag, value in tagged if tag == "issuewild"),
        unknown_critical=tuple(sorted({tag for flags, tag, _ in tagged if flags & _CRITICAL and tag not in _KNOWN})),
    )


def _issuers(values: Iterable[bytes]) -> tuple[str, ...] | None:
    return tuple(sorted({_issuer(value) for value in values})) or None


def _issuer(value: bytes) -> str:
    """The issuer domain name; empty where the value names nobody, also because it is malformed."""
    text = value.decode("ascii", "replace") if len(value) <= MAX_VALUE_BYTES else "?"
    found = _ISSUER.fullmatch(text)
    return (found["issuer"] or "").lower() if found else ""
