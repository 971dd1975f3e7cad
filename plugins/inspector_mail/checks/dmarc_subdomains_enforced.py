"""dmarc-subdomains-enforced: the DMARC policy of subdomains is no weaker than required."""

from typing import Literal

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain, Policy


@check("dmarc-subdomains-enforced", title="DMARC policy covers subdomains", references=("RFC 9989 §4.7",))
def dmarc_subdomains_enforced(mail: MailDomain, *, policy: Literal["quarantine", "reject"] = "quarantine") -> Verdict:
    """With a weaker policy for subdomains (``sp``), or for those that do not exist (``np``), attackers send as any name
    below the domain, which readers take for the domain itself.

    Remediation: remove ``sp`` and ``np``, so that the policy ``p`` holds below the domain as well, or set them to the
    same value.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    dmarc = mail.dmarc.value
    if dmarc.policy is None:
        return not_applicable("no DMARC policy applies: {measured}", measured=dmarc.fault or "")
    if dmarc.policy.rank < Policy(policy).rank:
        message = "the policy of the domain itself is {measured}, less than {threshold}"
        return not_applicable(message, measured=dmarc.policy, threshold=policy)
    for tag, found in (("sp", dmarc.subdomains), ("np", dmarc.absent_subdomains)):
        if found is not None and found.rank < Policy(policy).rank:
            message = "the record at {at} sets {tag} to {measured}, at least {threshold} is required"
            return failed(message, at=dmarc.at or "", tag=tag, measured=found, threshold=policy, facts="dmarc")
    return passed(
        "the policy of subdomains is {measured}", measured=dmarc.subdomains or "", threshold=policy, facts="dmarc"
    )
