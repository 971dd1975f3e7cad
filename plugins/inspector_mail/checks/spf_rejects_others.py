"""spf-rejects-others: the SPF record ends in ``-all`` or ``~all``."""

from typing import Final

from inspector import Verdict, check, failed, passed
from inspector_mail.observations import MailDomain, SpfResult

#: The results for a sender that is not, or probably not, authorised.
REJECTING: Final = (SpfResult.FAIL, SpfResult.SOFTFAIL)


@check(
    "spf-rejects-others",
    title="SPF ends in -all or ~all",
    references=("RFC 7208 §2.6, §5.1",),
)
def spf_rejects_others(mail: MailDomain) -> Verdict:
    """An SPF record that ends in ``?all`` or ``+all`` does not stop spoofed mail any better than no record.

    Remediation: end the record with ``-all``, or with ``~all`` while the list of sending servers is incomplete.
    """
    evaluation = mail.spf.value.evaluation.value
    if evaluation.fault:
        return failed("SPF evaluation fails: {measured}", measured=evaluation.fault, facts="spf")
    result = evaluation.result or SpfResult.NEUTRAL
    if result in REJECTING:
        return passed("result for other senders: {measured}", measured=result, threshold=REJECTING, facts="spf")
    return failed(
        "result for other senders: {measured}, required is one of {threshold}",
        measured=result,
        threshold=REJECTING,
        facts="spf",
    )
