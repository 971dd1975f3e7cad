"""dmarc-tags-current: receivers use every tag of the DMARC record."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain


@check("dmarc-tags-current", title="DMARC record has no ignored tags", references=("RFC 9989 §4.7, Appendix C",))
def dmarc_tags_current(mail: MailDomain) -> Verdict:
    """Receivers ignore a tag that they do not know and a value that is not allowed, so that the record means something
    else than its author wrote. RFC 9989 removed ``pct``, ``rf`` and ``ri``: older receivers apply the policy to only
    part of the mail with ``pct``, newer ones to all of it.

    Remediation: remove these tags or correct their values; in place of ``pct`` use ``t=y`` during tests.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    dmarc = mail.dmarc.value
    if dmarc.record is None or dmarc.policy is None:
        return not_applicable("no DMARC policy applies: {measured}", measured=dmarc.fault or "")
    if dmarc.ignored:
        return failed("receivers ignore parts of the DMARC record: {measured}", measured=dmarc.ignored, facts="dmarc")
    if dmarc.obsolete:
        return failed("the DMARC record has obsolete tags: {measured}", measured=dmarc.obsolete, facts="dmarc")
    return passed("receivers use every tag of the DMARC record", facts="dmarc")
