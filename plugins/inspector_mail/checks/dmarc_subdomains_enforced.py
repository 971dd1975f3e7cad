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
    applied = dmarc.applied or dmarc.policy
    if applied.rank < Policy(policy).rank:
        message = "the policy of the domain itself is {measured}, less than {threshold}"
        return not_applicable(message, measured=applied, threshold=policy)
    for tag, published in (("sp", dmarc.subdomains), ("np", dmarc.absent_subdomains)):
        found = dmarc.in_effect(published)
        if published is None or found is None or found.rank >= Policy(policy).rank:
            continue
        at = dmarc.at or ""
        if dmarc.testing:
            message = (
                "the record at {at} sets {tag} to {published}, which the test mode (t=y) makes {measured}; at least"
                " {threshold} is required"
            )
            return failed(message, at=at, tag=tag, published=published, measured=found, threshold=policy, facts="dmarc")
        message = "the record at {at} sets {tag} to {measured}, at least {threshold} is required"
        return failed(message, at=at, tag=tag, measured=found, threshold=policy, facts="dmarc")
    measured = dmarc.in_effect(dmarc.subdomains) or ""
    return passed("the policy of subdomains is {measured}", measured=measured, threshold=policy, facts="dmarc")
