"""Whether receivers can learn who may send a domain's mail."""

from inspector import Verdict, check, failed, passed
from inspector_mail.observations import MailDomain, SpfEvaluation


@check("spf-published", title="One SPF record is published, and receivers can evaluate it", references=("RFC 7208",))
def spf_published(mail: MailDomain) -> Verdict:
    """Without a sound SPF record receivers cannot tell the domain's mail servers from anybody else's.

    Remediation: publish one TXT record that begins with ``v=spf1``, names the servers that send and ends in ``-all``;
    for a domain that sends no mail ``v=spf1 -all``.
    """
    evaluation = mail.spf.value.evaluation.value
    if evaluation.fault:
        return _faulty(evaluation)
    return passed(
        "one SPF record, which takes {measured} of {threshold} DNS lookups",
        measured=evaluation.lookups,
        threshold=10,
        facts="spf",
    )


def _faulty(evaluation: SpfEvaluation) -> Verdict:
    if evaluation.term:
        return failed(
            "SPF at {at}: {measured} ({term})",
            at=evaluation.at or "",
            measured=evaluation.fault or "",
            term=evaluation.term,
            facts="spf",
        )
    return failed("SPF at {at}: {measured}", at=evaluation.at or "", measured=evaluation.fault or "", facts="spf")
