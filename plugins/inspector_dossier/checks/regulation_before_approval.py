"""regulation-before-approval: the security regulation was issued before the level was approved."""

from __future__ import annotations

from inspector import Declared, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import approval_of, not_stated


@check("regulation-before-approval", title="Regulation is issued before the approval", about=SubjectKind.SYSTEM)
def regulation_before_approval(declared: Declared) -> Verdict:
    """The internal security regulation must be in force before the level is approved.

    Only the two declared days are compared, not what the regulation says.

    Remediation: issue the regulation, have the level approved again on it, and declare both:
    ``regulation: {number: 7/QD-ABC, date: 2026-08-25, by: …}``.
    """
    approval, regulation = approval_of(declared), declared.regulation
    if isinstance(approval, Verdict):
        return approval
    if regulation is None or regulation.date is None or approval.date is None:
        return not_stated("the day of the regulation or of the approval is not stated", "regulation/date")
    days = {"measured": str(regulation.date), "threshold": str(approval.date)}
    if regulation.date > approval.date:
        return failed("issued on {measured}, after the approval of {threshold}", **days, facts="regulation/date")
    return passed("issued on {measured}, approved on {threshold}", **days, facts="regulation/date")
