"""bimi-record-valid: the BIMI record can be used by receivers."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain, Policy


@check(
    "bimi-record-valid",
    title="BIMI record is valid",
    references=("draft-brand-indicators-for-message-identification §4",),
)
def bimi_record_valid(mail: MailDomain) -> Verdict:
    """Receivers show the logo of a BIMI record only where the record is valid and the DMARC policy is enforced.

    Remediation: publish ``default._bimi.example.vn. TXT "v=BIMI1; l=https://example.vn/logo.svg; a="`` once DMARC is
    enforced, or remove the record.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    bimi = mail.bimi.value
    if bimi.record is None:
        return not_applicable("the domain publishes no BIMI record")
    if bimi.fault is not None:
        return failed("receivers ignore the BIMI record: {measured}", measured=bimi.fault, facts="bimi")
    applied = mail.dmarc.value.applied
    if applied is None or applied is Policy.NONE:
        measured = applied or mail.dmarc.value.fault or ""
        return failed("receivers show no logo: the DMARC policy is {measured}", measured=measured, facts="dmarc")
    return passed("BIMI record: {measured}", measured=bimi.record, facts="bimi")
