"""appraisal-favourable: a favourable appraisal came before the approval."""

from __future__ import annotations

from inspector import Declared, Opinion, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import approval_of, not_stated


@check("appraisal-favourable", title="Appraisal is favourable and precedes the approval", about=SubjectKind.SYSTEM)
def appraisal_favourable(declared: Declared) -> Verdict:
    """From level 3 on the opinion of the appraising body is part of the file on which the level is approved.

    Only the declaration is assessed; the opinion itself must be verified in the dossier.

    Remediation: obtain the opinion of the appraising body and have the level approved again on it, then declare
    ``appraisal: {by: specialised-unit, opinion: suitable, date: 2026-09-01}``.
    """
    approval, appraisal = approval_of(declared), declared.appraisal
    if isinstance(approval, Verdict):
        return approval
    if appraisal is None or appraisal.opinion is None:
        return not_stated("the opinion of the appraisal is not stated", "appraisal")
    if appraisal.opinion is not Opinion.SUITABLE:
        return failed("approved although the appraisal says {measured}", measured=appraisal.opinion, facts="appraisal")
    if appraisal.date is None or approval.date is None:
        return not_stated("the day of the appraisal or of the approval is not stated", "appraisal/date")
    days = {"measured": str(appraisal.date), "threshold": str(approval.date)}
    if appraisal.date > approval.date:
        return failed("appraised on {measured}, after the approval of {threshold}", **days, facts="appraisal/date")
    return passed("appraised on {measured}, approved on {threshold}", **days, facts="appraisal/date")
