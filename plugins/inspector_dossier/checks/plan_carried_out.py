"""plan-carried-out: the security plan of a system in operation is fully implemented."""

from __future__ import annotations

from inspector import (
    Cause,
    Declared,
    PlanStatus,
    Stage,
    SubjectKind,
    Verdict,
    check,
    failed,
    inconclusive,
    not_applicable,
    passed,
)


@check("plan-carried-out", title="Security plan is fully implemented", about=SubjectKind.SYSTEM)
def plan_carried_out(declared: Declared) -> Verdict:
    """New, extended and upgraded systems carry out the approved plan before operation; running ones keep to it.

    Only the declaration is assessed, not whether each measure is effective.

    Remediation: implement the remaining measures of the plan; then declare ``plan: full`` and the status of each
    measure in ``measures``.
    """
    if declared.stage not in (Stage.OPERATING, Stage.UPGRADE):
        return not_applicable("the system is not in operation: {stage}", stage=declared.stage, facts="stage")
    if declared.plan is None:
        return inconclusive("the status of the plan is not declared", cause=Cause.AMBIGUOUS, facts="plan")
    if declared.plan is PlanStatus.FULL:
        return passed("the declaration says that the plan is fully implemented", facts="plan")
    if declared.stage is Stage.UPGRADE:
        return inconclusive(
            "not declared whether the system is in operation during the upgrade", cause=Cause.AMBIGUOUS, facts="stage"
        )
    return failed("in operation, but the security plan is {measured}", measured=declared.plan, facts="plan")
