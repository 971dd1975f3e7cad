"""risk-assessed: the risks of the system are assessed, and again after a change."""

from __future__ import annotations

from inspector import Declared, SubjectKind, Verdict, check, failed, passed
from inspector_dossier.stated import not_stated


@check("risk-assessed", title="Risks are assessed, and again after changes", about=SubjectKind.SYSTEM)
def risk_assessed(declared: Declared) -> Verdict:
    """Risks are assessed when the level is determined first, and again when the system changes.

    Only the declared days are compared, not how the risks were assessed.

    Remediation: assess the risks and keep the record; then declare the day in ``risk_assessed: 2026-09-01``.
    """
    assessed = declared.risk_assessed
    if assessed is None:
        return not_stated("when the risks were assessed is not stated", "risk_assessed")
    if assessed == "never":
        return failed("the declaration says that the risks were never assessed", facts="risk_assessed")
    changed = max((each.date for each in declared.changes or ()), default=None)
    if changed is not None and changed > assessed:
        return failed(
            "the risks were last assessed on {measured}, the system changed on {threshold}",
            measured=str(assessed),
            threshold=str(changed),
            facts=("risk_assessed", "changes"),
        )
    return passed("the risks were assessed on {measured}", measured=str(assessed), facts="risk_assessed")
