"""Whether a domain asks receivers to act on forged mail."""

from typing import Literal

from inspector import Verdict, check, failed, passed
from inspector_mail.observations import MailDomain, Policy


@check("dmarc-enforced", title="The DMARC policy asks receivers to act on forged mail", references=("RFC 9989 §4.7",))
def dmarc_enforced(mail: MailDomain, *, policy: Literal["quarantine", "reject"] = "quarantine") -> Verdict:
    """A policy of none, or one in test mode, only watches forged mail pass.

    Remediation: once the reports show that all own mail passes, set ``p=quarantine`` and then ``p=reject``, and remove
    ``t=y``.
    """
    dmarc = mail.dmarc.value
    if dmarc.policy is None:
        return failed("no DMARC policy: {measured}", measured=dmarc.fault or "", threshold=policy, facts="dmarc")
    if dmarc.policy.rank < Policy(policy).rank:
        message = "the policy is {measured}, at least {threshold} is needed"
        return failed(message, measured=dmarc.policy, threshold=policy, facts="dmarc")
    if dmarc.testing:
        message = "the policy {measured} is in test mode (t=y)"
        return failed(message, measured=dmarc.policy, threshold=policy, facts="dmarc")
    return passed("the policy is {measured}", measured=dmarc.policy, threshold=policy, facts="dmarc")
