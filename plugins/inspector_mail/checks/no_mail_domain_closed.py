"""no-mail-domain-closed: a domain that sends or receives no mail says so in every record."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain, Policy, SpfResult


@check(
    "no-mail-domain-closed",
    title="A domain without mail is closed to spoofing",
    references=("RFC 7505 §4.2", "RFC 7208 §10.1", "RFC 9989 §4.7"),
)
def no_mail_domain_closed(mail: MailDomain) -> Verdict:
    """A domain that sends no mail loses nothing by the strictest records, and is a favourite of spoofers without them.
    It is recognised by a null MX, or by an SPF record that authorises nobody; then SPF must end in ``-all``, DMARC must
    reject, and without MX records a null MX must be there.

    Remediation: publish ``example.vn. MX 0 .``, ``example.vn. TXT "v=spf1 -all"`` and
    ``_dmarc.example.vn. TXT "v=DMARC1; p=reject"``.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    null_mx, spf, dmarc = mail.accepts_no_mail, mail.spf.value, mail.dmarc.value
    evaluation = spf.evaluation.value
    closed = evaluation.fault is None and spf.authorises_nobody and evaluation.result is SpfResult.FAIL
    if not null_mx and not closed:
        return not_applicable("the domain sends mail, or nothing says that it does not")
    if not closed:
        found = evaluation.fault or "it authorises senders, or does not end in -all"
        return failed(
            "the domain has a null MX; its SPF record must be {threshold}: {measured}",
            measured=found,
            threshold="v=spf1 -all",
            facts="spf",
        )
    if dmarc.applied is not Policy.REJECT:
        message = "the domain sends no mail; its DMARC policy must be {threshold}, not {measured}"
        measured = dmarc.applied or dmarc.fault or ""
        return failed(message, measured=measured, threshold=Policy.REJECT, facts="dmarc")
    if not mail.mx.value:
        message = "the domain sends no mail and has no MX records; it must have a null MX: {threshold}"
        return failed(message, threshold="MX 0 .", facts="mx")
    return passed("the records say that the domain sends no mail", facts=("spf", "dmarc", "mx"))
