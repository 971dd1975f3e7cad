"""spf-terms-effective: every term of the domain's SPF record has an effect."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain


@check("spf-terms-effective", title="SPF terms have an effect", references=("RFC 7208 §5.1, §5.3, §5.4, §6.1",))
def spf_terms_effective(mail: MailDomain) -> Verdict:
    """A term after ``all`` is never reached, ``redirect`` beside ``all`` is ignored, and ``a`` or ``mx`` without any
    address matches nobody while it uses up lookups: the record does not say what its author meant.

    Remediation: remove the term, or move it before ``all``.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    spf = mail.spf.value
    fault = spf.evaluation.value.fault
    if fault:
        return not_applicable("no SPF record that authorises a sender: {measured}", measured=fault)
    if spf.ineffective.value:
        return failed("terms without effect: {measured}", measured=spf.ineffective.value, facts="spf")
    return passed("every term of the SPF record has an effect", facts="spf")
