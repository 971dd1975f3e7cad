"""Whether a domain's SPF record says no to strangers."""

from typing import Final

from inspector import Verdict, check, failed, passed
from inspector_mail.observations import MailDomain, Qualifier

#: The results that tell a receiver that the sender is not, or probably not, allowed.
REJECTING: Final = (Qualifier.FAIL, Qualifier.SOFTFAIL)


@check(
    "spf-rejects-others",
    title="SPF says that all other senders are not allowed",
    references=("RFC 7208 §2.6, §5.1",),
)
def spf_rejects_others(mail: MailDomain) -> Verdict:
    """A record that ends neutral, or passes everybody, protects the domain's name no better than none.

    Remediation: end the record in ``-all``, or in ``~all`` while the list of senders is still being completed.
    """
    evaluation = mail.spf.value.evaluation.value
    if evaluation.fault:
        return failed("SPF cannot be evaluated: {measured}", measured=evaluation.fault, facts="spf")
    otherwise = evaluation.otherwise or Qualifier.NEUTRAL
    if otherwise in REJECTING:
        return passed("other senders: {measured}", measured=otherwise, threshold=REJECTING, facts="spf")
    return failed(
        "other senders: {measured}, instead of {threshold}", measured=otherwise, threshold=REJECTING, facts="spf"
    )
