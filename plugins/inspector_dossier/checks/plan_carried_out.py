"""plan-carried-out: the security plan of a running system is carried out in full."""

from __future__ import annotations

from inspector import Cause, Declared, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector.model.declared import PlanStatus, Stage


@check(
    "plan-carried-out", title="The security plan of the running system is carried out in full", about=SubjectKind.SYSTEM
)
def plan_carried_out(declared: Declared) -> Verdict:
    """The measures of the approved plan are in place before the system goes into operation.

    Judged on the declaration alone: whether each measure works is another question.

    Remediation: carry out the open measures of the plan and declare the status of each.
    """
    if declared.stage not in (Stage.OPERATING, Stage.UPGRADE):
        return not_applicable("the system does not run: {stage}", stage=declared.stage, facts="stage")
    if declared.plan is None:
        return inconclusive("nothing is declared about the plan", cause=Cause.AMBIGUOUS, facts="plan")
    if declared.plan is PlanStatus.FULL:
        return passed("declared as carried out in full", facts="plan")
    if declared.stage is Stage.UPGRADE:
        return inconclusive(
            "not declared whether the system runs while it is upgraded", cause=Cause.AMBIGUOUS, facts="stage"
        )
    return failed("the system runs, but its plan stands at: {measured}", measured=declared.plan, facts="plan")
