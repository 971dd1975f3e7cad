"""approval-in-place: the level of a system in operation is approved."""

from __future__ import annotations

from datetime import date

from inspector import (
    ApprovalStatus,
    Cause,
    Declared,
    Stage,
    SubjectKind,
    Verdict,
    check,
    failed,
    inconclusive,
    not_applicable,
    passed,
)


@check("approval-in-place", title="Security level is approved", about=SubjectKind.SYSTEM)
def approval_in_place(declared: Declared, *, approval_first_from: date | None = None) -> Verdict:
    """The level of a system is appraised and approved, also where the system was in operation already.

    Only the declaration is assessed; the decision itself must be verified in the dossier. A system that went into
    operation on ``approval_first_from`` or later had to be approved before.

    Remediation: have the level proposal dossier appraised and approved; then declare the decision in ``approval``:
    ``{status: approved, decision: 12/QD-UBND, date: 2026-03-01}``.
    """
    if declared.stage not in (Stage.OPERATING, Stage.UPGRADE):
        return not_applicable("the system is not in operation: {stage}", stage=declared.stage, facts="stage")
    approval = declared.approval
    if approval is None:
        return inconclusive("the approval is not declared", cause=Cause.AMBIGUOUS, facts="approval")
    if approval.status is not ApprovalStatus.APPROVED:
        if declared.stage is Stage.UPGRADE:
            return inconclusive(
                "not declared whether the system is in operation during the upgrade",
                cause=Cause.AMBIGUOUS,
                facts="stage",
            )
        return failed(
            "in operation without an approved level; the proposal is {measured}",
            measured=approval.status,
            facts="approval",
        )
    if not approval.decision or approval.date is None:
        return inconclusive(
            "declared as approved, but without the number or date of the decision",
            cause=Cause.AMBIGUOUS,
            facts="approval",
        )
    begun = declared.in_operation_from
    if begun is not None and approval_first_from is not None and approval_first_from <= begun < approval.date:
        return failed(
            "in operation since {measured}, approved on {threshold} only",
            measured=str(begun),
            threshold=str(approval.date),
            facts=("approval", "in_operation_from"),
        )
    return passed("approved by decision {decision}", decision=approval.decision, facts="approval")
