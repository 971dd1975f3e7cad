"""spf-published: the domain has one SPF record, and its evaluation ends without error."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_mail.observations import MailDomain, SpfEvaluation


@check("spf-published", title="SPF record is published and valid", references=("RFC 7208",))
def spf_published(mail: MailDomain) -> Verdict:
    """Without a valid SPF record receivers cannot distinguish the domain's mail servers from those of spoofers.

    Remediation: publish one TXT record with the sending servers, e.g.
    ``example.vn. TXT "v=spf1 mx ip4:192.0.2.0/24 -all"``; for a domain that sends no mail ``v=spf1 -all``.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    evaluation = mail.spf.value.evaluation.value
    if evaluation.fault:
        return _invalid(evaluation)
    return passed(
        "one SPF record; it needs {measured} of {threshold} allowed DNS lookups",
        measured=evaluation.lookups,
        threshold=10,
        facts="spf",
    )


def _invalid(evaluation: SpfEvaluation) -> Verdict:
    at, fault, term, senders = evaluation.at or "", evaluation.fault or "", evaluation.term, evaluation.senders
    if term and senders:
        message = "SPF record at {at}, for senders over {senders}: {measured} ({term})"
        return failed(message, at=at, senders=senders, measured=fault, term=term, facts="spf")
    if term:
        return failed("SPF record at {at}: {measured} ({term})", at=at, measured=fault, term=term, facts="spf")
    if senders:
        message = "SPF record at {at}, for senders over {senders}: {measured}"
        return failed(message, at=at, senders=senders, measured=fault, facts="spf")
    return failed("SPF record at {at}: {measured}", at=at, measured=fault, facts="spf")
