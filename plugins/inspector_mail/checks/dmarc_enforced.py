"""dmarc-enforced: the DMARC policy that receivers apply is quarantine or reject."""

from typing import Literal

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_mail.observations import MailDomain, Policy


@check("dmarc-enforced", title="DMARC policy is enforced", references=("RFC 9989 §4.7",))
def dmarc_enforced(mail: MailDomain, *, policy: Literal["quarantine", "reject"] = "quarantine") -> Verdict:
    """With the policy none receivers deliver spoofed mail as usual; in test mode they apply the next weaker policy.

    Remediation: when the aggregate reports show that all legitimate mail passes, set ``p=quarantine``, later
    ``p=reject``, and remove ``t=y``.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    dmarc = mail.dmarc.value
    if dmarc.policy is None:
        return failed(
            "no DMARC policy applies: {measured}", measured=dmarc.fault or "", threshold=policy, facts="dmarc"
        )
    applied = dmarc.applied or dmarc.policy
    enforced = applied.rank >= Policy(policy).rank
    if dmarc.testing:
        message = "the policy {published} is in test mode (t=y), which makes it {measured}; {threshold} is required"
        judge = passed if enforced else failed
        return judge(message, published=dmarc.policy, measured=applied, threshold=policy, facts="dmarc")
    if not enforced:
        message = "the policy is {measured}, at least {threshold} is required"
        return failed(message, measured=applied, threshold=policy, facts="dmarc")
    return passed("the policy is {measured}", measured=applied, threshold=policy, facts="dmarc")
