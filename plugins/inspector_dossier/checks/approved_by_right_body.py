"""approved-by-right-body: the level is approved by the body that has the authority for it."""

from __future__ import annotations

from inspector import Body, Cause, Declared, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dossier.stated import approval_of, not_stated


@check("approved-by-right-body", title="Level is approved by the competent body", about=SubjectKind.SYSTEM)
def approved_by_right_body(
    declared: Declared, *, approvers: tuple[Body, ...] = (Body.OWNER,), unclear: tuple[Body, ...] = ()
) -> Verdict:
    """An approval by a body without the authority for this level does not count as one.

    Only the declaration is assessed. ``approvers`` have the authority; whether ``unclear`` ones may act for them
    is to be clarified in the dossier.

    Remediation: have the dossier approved by the competent body, then declare it: ``approval: {by: owner, body: …}``.
    """
    approval = approval_of(declared)
    if isinstance(approval, Verdict):
        return approval
    if approval.by is None:
        return not_stated("who approved the level is not stated", "approval/by")
    values = {"measured": approval.by, "threshold": approvers}
    if approval.by in approvers:
        return passed("approved by {measured}", **values, facts="approval/by")
    if approval.by in unclear:
        return inconclusive(
            "approved by {measured}; the text names {threshold}", **values, cause=Cause.AMBIGUOUS, facts="approval/by"
        )
    return failed("approved by {measured}; the competent body is {threshold}", **values, facts="approval/by")
