"""Whether a DMARC policy applies to a domain."""

from inspector import Verdict, check, failed, passed
from inspector_mail.observations import MailDomain


@check("dmarc-published", title="A valid DMARC policy applies to the domain", references=("RFC 9989 §4.7, §4.10",))
def dmarc_published(mail: MailDomain) -> Verdict:
    """Without DMARC receivers do not know what to do with mail that forges the visible sender.

    Remediation: publish one TXT record at ``_dmarc`` below the domain, first for example
    ``v=DMARC1; p=none; rua=mailto:dmarc@example.vn``.
    """
    dmarc = mail.dmarc.value
    if dmarc.fault:
        return failed("no DMARC policy: {measured}", measured=dmarc.fault, facts="dmarc")
    return passed(
        "the DMARC record at {at} applies: {measured}", at=dmarc.at or "", measured=dmarc.record or "", facts="dmarc"
    )
