"""spf-limits-senders: no sender of the Internet at large gets *pass* from the SPF record."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain, SpfResult


@check("spf-limits-senders", title="SPF does not authorise every sender", references=("RFC 7208 §5.1, §11.4",))
def spf_limits_senders(mail: MailDomain) -> Verdict:
    """An SPF record with ``+all``, or one of whose terms matches every sender, as ``a/0`` does, confirms to receivers
    that mail of any server comes from the domain. That is worse than no record: spoofed mail passes SPF, and with
    it DMARC.

    Remediation: replace ``+all`` (or ``all``) by ``-all``, or by ``~all`` while the list of sending servers is
    incomplete, and name only the addresses of the domain's own mail servers.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    evaluation = mail.spf.value.evaluation.value
    if evaluation.fault:
        return not_applicable("no SPF record that authorises a sender: {measured}", measured=evaluation.fault)
    if evaluation.result is not SpfResult.PASS:
        return passed(
            "senders that SPF does not list get the result {measured}",
            measured=evaluation.result or SpfResult.NEUTRAL,
            facts="spf",
        )
    if evaluation.senders:
        return failed(
            "authorises every sender over {senders}: those that SPF does not list get the result {measured}, too",
            senders=evaluation.senders,
            measured=evaluation.result,
            facts="spf",
        )
    return failed(
        "authorises every sender: those that SPF does not list get the result {measured}, too",
        measured=evaluation.result,
        facts="spf",
    )
