"""appraiser-apart: those who appraise the dossier do not operate the system."""

from __future__ import annotations

from inspector import Declared, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import approval_of, not_stated


@check("appraiser-apart", title="Appraiser is independent of the operator", about=SubjectKind.SYSTEM)
def appraiser_apart(declared: Declared) -> Verdict:
    """Who operates a system does not appraise the dossier of the same system.

    Remediation: have another unit or an independent council appraise the dossier, then declare
    ``appraisal: {independent: true}``.
    """
    approval = approval_of(declared)
    if isinstance(approval, Verdict):
        return approval
    independent = declared.appraisal.independent if declared.appraisal else None
    if independent is None:
        return not_stated("whether the appraiser is independent of the operator is not stated", "appraisal/independent")
    if independent:
        return passed("declared as appraised by others than the operator", facts="appraisal/independent")
    return failed("declared as appraised by the operator itself", facts="appraisal/independent")
