"""approval-in-place: the level proposal of a running system is approved."""

from __future__ import annotations

from inspector import Cause, Declared, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector.model.declared import ApprovalStatus, Stage


@check("approval-in-place", title="The system runs with an approved level", about=SubjectKind.SYSTEM)
def approval_in_place(declared: Declared) -> Verdict:
    """A system goes into operation only after its level has been appraised and approved.

    Judged on the declaration alone: the decision itself has to be seen on document.

    Remediation: have the level proposal dossier appraised and approved, then declare number and date of the decision.
    """
    if declared.stage not in (Stage.OPERATING, Stage.UPGRADE):
        return not_applicable("the system does not run: {stage}", stage=declared.stage, facts="stage")
    approval = declared.approval
    if approval is None:
        return inconclusive("nothing is declared about the approval", cause=Cause.AMBIGUOUS, facts="approval")
    if approval.status is not ApprovalStatus.APPROVED:
        if declared.stage is Stage.UPGRADE:
            return inconclusive(
                "not declared whether the system runs while it is upgraded", cause=Cause.AMBIGUOUS, facts="stage"
            )
        return failed(
            "the system runs, but its level proposal stands at: {measured}", measured=approval.status, facts="approval"
        )
    if not approval.decision or approval.date is None:
        return inconclusive(
            "declared as approved, but without number or date of the decision", cause=Cause.AMBIGUOUS, facts="approval"
        )
    return passed("approved by decision {decision}", decision=approval.decision, facts="approval")
