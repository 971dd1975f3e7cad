"""dmarc-published: a valid DMARC record applies to the domain."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_mail.observations import MailDomain


@check("dmarc-published", title="DMARC record is published", references=("RFC 9989 §4.7, §4.10",))
def dmarc_published(mail: MailDomain) -> Verdict:
    """Without DMARC receivers have no policy for mail with a spoofed From address.

    Remediation: publish one TXT record, at first with reporting only:
    ``_dmarc.example.vn. TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.vn"``.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    dmarc = mail.dmarc.value
    if dmarc.fault and dmarc.record:
        message = "no DMARC policy applies: {measured}; the record at {at} is {record}"
        return failed(message, measured=dmarc.fault, at=dmarc.at or "", record=dmarc.record, facts="dmarc")
    if dmarc.fault:
        return failed("no DMARC policy applies: {measured}", measured=dmarc.fault, facts="dmarc")
    return passed("DMARC record at {at}: {measured}", at=dmarc.at or "", measured=dmarc.record or "", facts="dmarc")
