"""spf-rejects-others: senders that the SPF record does not name get *fail* or *softfail*."""

from typing import Final

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_mail.observations import MailDomain, SpfResult

#: The results for a sender that is not, or probably not, authorised.
REJECTING: Final = (SpfResult.FAIL, SpfResult.SOFTFAIL)


@check(
    "spf-rejects-others",
    title="SPF ends in -all or ~all",
    references=("RFC 7208 §2.6, §5",),
)
def spf_rejects_others(mail: MailDomain) -> Verdict:
    """An SPF record that ends in ``?all`` or ``+all``, or one of whose terms matches every sender, as ``a/0`` does,
    does not stop spoofed mail any better than no record.

    Remediation: end the record with ``-all``, or with ``~all`` while the list of sending servers is incomplete, and
    name only the addresses of the domain's own mail servers.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    evaluation = mail.spf.value.evaluation.value
    if evaluation.fault:
        return failed("SPF evaluation fails: {measured}", measured=evaluation.fault, facts="spf")
    result = evaluation.result or SpfResult.NEUTRAL
    if result in REJECTING:
        if mail.spf.value.open_terms:
            return passed(
                "senders that SPF does not list get the result {measured}; whom {open_terms} match was not computed",
                measured=result,
                threshold=REJECTING,
                open_terms=mail.spf.value.open_terms,
                facts="spf",
            )
        return passed(
            "senders that SPF does not list get the result {measured}",
            measured=result,
            threshold=REJECTING,
            facts="spf",
        )
    if evaluation.senders:
        return failed(
            "senders over {senders} that SPF does not list get the result {measured}; it must be one of {threshold}",
            senders=evaluation.senders,
            measured=result,
            threshold=REJECTING,
            facts="spf",
        )
    return failed(
        "senders that SPF does not list get the result {measured}; it must be one of {threshold}",
        measured=result,
        threshold=REJECTING,
        facts="spf",
    )
