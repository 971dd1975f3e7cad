"""The probe of mail domains, which queries resolvers only, never a target."""

from __future__ import annotations

from functools import partial
from typing import Final

from inspector import (
    DNS_QUESTIONS,
    Cost,
    DnsReplies,
    Intrusiveness,
    Network,
    ParseContext,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    UriForm,
    answer_of,
    collect_replies,
    probe,
)
from inspector_mail import dmarc, spf
from inspector_mail.observations import Dmarc, MailDomain, Spf

MAIL: Final = Scheme("mail", UriForm.NAME)
#: Limits on what is stored of SPF records: their number, and characters of each.
MAX_RECORDS: Final = 8
MAX_CHARACTERS: Final = 1024


def _parse(output: ScanOutput, context: ParseContext) -> MailDomain:
    return _mail(DnsReplies(output), context.subject.host or "")


@probe(
    "mail",
    kind=MailDomain,
    schemes={MAIL},
    subject_kind=SubjectKind.MAIL,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=120, infrastructure_questions=DNS_QUESTIONS),
    parse=_parse,
)
async def mail(target: Target, network: Network) -> ScanOutput:
    """Query a domain's SPF record with those it includes, and the DMARC record that applies."""
    return await collect_replies(network, partial(_mail, domain=target.host))


def _mail(replies: DnsReplies, domain: str) -> MailDomain:
    return MailDomain(
        domain=domain,
        exists=answer_of(_exists, replies, domain),
        spf=answer_of(_spf, replies, domain),
        dmarc=answer_of(_dmarc, replies, domain),
    )


def _exists(replies: DnsReplies, domain: str) -> bool:
    from dns.rcode import NXDOMAIN

    return replies.message(domain, "TXT").rcode() != NXDOMAIN


def _receives_mail(replies: DnsReplies, domain: str) -> bool:
    """Whether the domain has MX or address records (RFC 9989 §4.7, tag ``np``); raises NotSeen."""
    answers = [answer_of(replies.records, domain, rdtype) for rdtype in ("MX", "A", "AAAA")]
    return any(answer.seen for answer in answers) or any(answer.value for answer in answers)


def _spf(replies: DnsReplies, domain: str) -> Spf:
    records = spf.published(replies, domain)
    texts = [record[:MAX_CHARACTERS].decode("ascii", "backslashreplace") for record in records[:MAX_RECORDS]]
    return Spf(records=tuple(texts), evaluation=answer_of(spf.evaluate, replies, domain))


def _dmarc(replies: DnsReplies, domain: str) -> Dmarc:
    """The policy that applies; whether the domain exists is queried only where the policy depends on it."""
    existing, absent = (dmarc.discover(replies, domain, exists=exists) for exists in (True, False))
    return existing if existing == absent or _receives_mail(replies, domain) else absent
