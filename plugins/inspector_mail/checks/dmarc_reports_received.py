"""dmarc-reports-received: aggregate reports are requested, and reporters may send them."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain


@check("dmarc-reports-received", title="DMARC reports arrive", references=("RFC 9989 §4.7", "RFC 9990 §4"))
def dmarc_reports_received(mail: MailDomain) -> Verdict:
    """Aggregate reports show who sends mail in the domain's name; without them neither spoofing nor the loss of
    legitimate mail is noticed. Reports go to another organisation only where that publishes a record which allows it.

    Remediation: publish ``rua=mailto:dmarc@example.vn``; where the address belongs to another organisation, that must
    publish ``example.vn._report._dmarc.reports.example. TXT "v=DMARC1"``.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    dmarc = mail.dmarc.value
    if dmarc.policy is None:
        return not_applicable("no DMARC policy applies: {measured}", measured=dmarc.fault or "")
    if not any(address.tag == "rua" for address in dmarc.reports):
        return failed(
            "the DMARC record at {measured} requests no aggregate reports", measured=dmarc.at or "", facts="dmarc"
        )
    for address in dmarc.reports:
        if address.fault.seen is not None:
            message = "no reports arrive at {uri} ({tag}): {measured}"
            return failed(message, uri=address.uri, tag=address.tag, measured=address.fault.seen, facts="dmarc")
    for address in dmarc.reports:
        if address.fault.unseen is not None:
            message = "whether reports may be sent to {measured} was not seen"
            return inconclusive(message, measured=address.uri, cause=address.fault.unseen)
    return passed("reports are sent to {measured}", measured=[each.uri for each in dmarc.reports], facts="dmarc")
