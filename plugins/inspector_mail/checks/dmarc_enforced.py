"""dmarc-enforced: the DMARC policy is quarantine or reject, and not in test mode."""

from typing import Literal

from inspector import Verdict, check, failed, passed
from inspector_mail.observations import MailDomain, Policy


@check("dmarc-enforced", title="DMARC policy is enforced", references=("RFC 9989 §4.7",))
def dmarc_enforced(mail: MailDomain, *, policy: Literal["quarantine", "reject"] = "quarantine") -> Verdict:
    """With the policy none, or in test mode, receivers deliver spoofed mail as usual.

    Remediation: when the aggregate reports show that all legitimate mail passes, set ``p=quarantine``, later
    ``p=reject``, and remove ``t=y``.
    """
    dmarc = mail.dmarc.value
    if dmarc.policy is None:
        return failed(
            "no DMARC policy applies: {measured}", measured=dmarc.fault or "", threshold=policy, facts="dmarc"
        )
    if dmarc.policy.rank < Policy(policy).rank:
        message = "the policy is {measured}, at least {threshold} is required"
        return failed(message, measured=dmarc.policy, threshold=policy, facts="dmarc")
    if dmarc.testing:
        message = "the policy {measured} is in test mode (t=y)"
        return failed(message, measured=dmarc.policy, threshold=policy, facts="dmarc")
    return passed("the policy is {measured}", measured=dmarc.policy, threshold=policy, facts="dmarc")
