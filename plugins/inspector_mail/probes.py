"""The scan of a mail domain. It asks resolvers only; no target gets a packet."""

from __future__ import annotations

from functools import partial
from typing import Final

from inspector import (
    Answer,
    Cost,
    Form,
    Intrusiveness,
    Network,
    ParseContext,
    ScanOutput,
    Scheme,
    SubjectKind,
    Target,
    probe,
)
from inspector.network.dns_lookup import Replies, answered, ask, text
from inspector_mail import dmarc, spf
from inspector_mail.observations import Dmarc, Exchanger, MailDomain, Spf

MAIL: Final = Scheme("mail", Form.NAME)
#: Bounds of what is kept of hostile records: how many, and characters of each.
RECORDS: Final = 8
RECORD: Final = 1024


def _read(output: ScanOutput, context: ParseContext) -> MailDomain:
    return _mail(Replies(output), context.subject.host or "")


@probe(
    "mail",
    kind=MailDomain,
    schemes={MAIL},
    subject_kind=SubjectKind.MAIL,
    intrusiveness=Intrusiveness.PASSIVE,
    infrastructure=True,
    cost=Cost(seconds=120),
    parse=_read,
)
async def mail(target: Target, network: Network) -> ScanOutput:
    """Ask for a domain's exchangers, its SPF record with all that it includes, and its DMARC record."""
    return await ask(network, partial(_mail, domain=target.host))


def _mail(replies: Replies, domain: str) -> MailDomain:
    exists = answered(_exists, replies, domain)
    return MailDomain(
        domain=domain,
        exists=exists,
        exchangers=answered(_exchangers, replies, domain),
        spf=answered(_spf, replies, domain),
        dmarc=answered(_dmarc, replies, domain, exists),
    )


def _exists(replies: Replies, domain: str) -> bool:
    answers = [answered(replies.records, domain, rdtype) for rdtype in ("MX", "A", "AAAA")]
    return any(answer.seen for answer in answers) or any(answer.value for answer in answers)


def _exchangers(replies: Replies, domain: str) -> tuple[Exchanger, ...]:
    from dns.rdtypes.ANY.MX import MX

    records = [record for record in replies.records(domain, "MX") if isinstance(record, MX)]
    found = {(record.preference, text(record.exchange)) for record in records}
    return tuple(Exchanger(preference=preference, host=host) for preference, host in sorted(found))


def _spf(replies: Replies, domain: str) -> Spf:
    records = spf.published(replies, domain)
    texts = [record[:RECORD].decode("ascii", "backslashreplace") for record in records[:RECORDS]]
    return Spf(records=tuple(texts), evaluation=answered(spf.evaluate, replies, domain))


def _dmarc(replies: Replies, domain: str, exists: Answer[bool]) -> Dmarc:
    found = [dmarc.discover(replies, domain, exists=guess) for guess in (True, False)]
    return found[0] if found[0] == found[1] else found[not exists.value]
