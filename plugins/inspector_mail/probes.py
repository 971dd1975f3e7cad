"""The probes of mail domains, which query resolvers only, never a target."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from inspector import (
    DNS_QUESTIONS,
    Answer,
    Cause,
    Cost,
    DnsReplies,
    Intrusiveness,
    Model,
    Network,
    NotSeen,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    UriForm,
    answer_of,
    collect_replies,
    probe,
)
from inspector_mail import dmarc, mx, spf
from inspector_mail.bimi import bimi_of
from inspector_mail.observations import Dkim, DkimKey, DkimSelector, Dmarc, MailDomain

MAIL: Final = Scheme("mail", UriForm.NAME)


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
    """Query a domain's MX records, its SPF record with those it includes, and the DMARC record that applies."""
    return await collect_replies(network, partial(_mail, domain=target.host))


def _mail(replies: DnsReplies, domain: str) -> MailDomain:
    return MailDomain(
        domain=domain,
        exists=answer_of(_exists, replies, domain),
        mx=answer_of(mx.hosts, replies, domain),
        spf=answer_of(spf.evaluate, replies, domain),
        dmarc=answer_of(_dmarc, replies, domain),
        bimi=answer_of(lambda: bimi_of(replies.texts(f"default._bimi.{domain}"))),
    )


def _exists(replies: DnsReplies, domain: str) -> bool:
    from dns.rcode import NXDOMAIN

    return replies.message(domain, "TXT").rcode() != NXDOMAIN


def _dmarc(replies: DnsReplies, domain: str) -> Dmarc:
    """The policy that applies; the one for a domain that does not exist is for NXDOMAIN alone (RFC 9989 §3.2)."""
    existing, absent = (dmarc.discover(replies, domain, exists=exists) for exists in (True, False))
    return existing if existing == absent or _exists(replies, domain) else absent


# --- DKIM -------------------------------------------------------------------------------------------------------------

_SELECTORS: Final = "selectors.json"
#: A selector that nobody uses: a zone that answers for it answers for all.
_UNUSED: Final = "inspector-no-such-selector"
#: The most declared selectors that are asked for; further ones are unseen.
MAX_SELECTORS: Final = 32


class _Selectors(Model):
    """The selectors that are declared for the domain."""

    declared: tuple[str, ...]


def _parse_dkim(output: ScanOutput, context: ParseContext) -> Dkim:
    stored = output.named(_SELECTORS)
    if stored is None:
        raise ScanFailure(Cause.PROTOCOL_ERROR, "the declared selectors were not stored")
    return _dkim(DnsReplies(output), context.subject.host or "", _Selectors.parse(stored).declared)


@probe(
    "dkim",
    kind=Dkim,
    schemes={MAIL},
    subject_kind=SubjectKind.MAIL,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=60, infrastructure_questions=DNS_QUESTIONS),
    parse=_parse_dkim,
)
async def dkim(target: Target, network: Network) -> ScanOutput:
    """Query the DKIM keys of a domain at its declared selectors; where none is declared, at some that are common."""
    declared = target.declared.selectors
    output = await collect_replies(network, partial(_dkim, domain=target.host, declared=declared))
    stored = Raw(name=_SELECTORS, data=_Selectors(declared=declared).canonical(), media_type="application/json")
    return output.model_copy(update={"raw": (*output.raw, stored)})


def _dkim(replies: DnsReplies, domain: str, declared: Sequence[str]) -> Dkim:
    from inspector_mail.dkim import COMMON, key_of

    def key(selector: str) -> DkimKey:
        if selector in declared[MAX_SELECTORS:]:
            raise NotSeen(Cause.ABORTED)
        return key_of(replies.texts(f"{selector}._domainkey.{domain}"))

    def unused_has_records() -> bool:
        return bool(replies.texts(f"{_UNUSED}._domainkey.{domain}"))

    others = () if declared else COMMON  # declared ones are all that is judged
    return Dkim(
        domain=domain,
        any_selector=Answer(unseen=Cause.NOT_SELECTED) if declared else answer_of(unused_has_records),
        selectors=tuple(
            DkimSelector(selector=each, declared=each in declared, key=answer_of(key, each))
            for each in (*declared, *others)
        ),
    )
