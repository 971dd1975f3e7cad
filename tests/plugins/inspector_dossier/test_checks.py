"""The checks on the documents: what is declared decides, and what is not declared decides nothing."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause, Check, Declared, Outcome, Verdict
from inspector.model.declared import Approval, ApprovalStatus, Facts, PlanStatus, Stage
from inspector_dossier.checks.approval_in_place import approval_in_place
from inspector_dossier.checks.level_fits_facts import level_fits_facts
from inspector_dossier.checks.plan_carried_out import plan_carried_out

APPROVED = Approval(status=ApprovalStatus.APPROVED, decision="12/QĐ-UBND", date=date(2026, 9, 1))
RUNNING = Declared(stage=Stage.OPERATING)


def judged(check: Check, declared: Declared, **options: Any) -> Verdict:
    """The verdict as the engine asks for it, options validated."""
    return check.evaluate([declared], options)


@pytest.mark.parametrize("status", [each for each in ApprovalStatus if each is not ApprovalStatus.APPROVED])
def test_running_without_approval_fails(status: ApprovalStatus) -> None:
    """A running system whose dossier is not approved fails, and the state of the dossier is what was measured."""
    verdict = judged(approval_in_place, RUNNING.model_copy(update={"approval": Approval(status=status)}))
    assert (verdict.outcome, verdict.measured) == (Outcome.FAIL, status.value)


def test_running_with_approval_passes() -> None:
    """A running system with number and date of its approval passes."""
    verdict = judged(approval_in_place, RUNNING.model_copy(update={"approval": APPROVED}))
    assert verdict.outcome is Outcome.PASS
    assert verdict.message.values == {"decision": "12/QĐ-UBND"}


@pytest.mark.parametrize("lost", ["decision", "date"])
def test_approval_that_cannot_be_found_decides_nothing(lost: str) -> None:
    """Approved, but without number or date: nobody could look the decision up."""
    approval = APPROVED.model_copy(update={lost: None})
    assert judged(approval_in_place, RUNNING.model_copy(update={"approval": approval})).cause is Cause.AMBIGUOUS


def test_approval_of_which_nothing_is_said_decides_nothing() -> None:
    """Silence about the approval is no fail and no pass."""
    assert judged(approval_in_place, RUNNING).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("check", [approval_in_place, plan_carried_out], ids=lambda check: check.id)
@pytest.mark.parametrize("stage", [Stage.DESIGN, Stage.BUILD, Stage.RETIRED])
def test_systems_that_do_not_run_are_not_judged(check: Check, stage: Stage) -> None:
    """Before operation, and after it, approval and plan are no question yet, or no longer."""
    declared = Declared(stage=stage, approval=Approval(status=ApprovalStatus.NONE), plan=PlanStatus.NOT_STARTED)
    assert judged(check, declared).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("check", [approval_in_place, plan_carried_out], ids=lambda check: check.id)
def test_upgrades_may_run_or_not(check: Check) -> None:
    """Whether a system runs while it is upgraded is not declared, so a shortcoming decides nothing."""
    declared = Declared(stage=Stage.UPGRADE, approval=Approval(status=ApprovalStatus.DRAFTING), plan=PlanStatus.PARTIAL)
    assert judged(check, declared).outcome is Outcome.INCONCLUSIVE
    done = Declared(stage=Stage.UPGRADE, approval=APPROVED, plan=PlanStatus.FULL)
    assert judged(check, done).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        (PlanStatus.NOT_STARTED, Outcome.FAIL),
        (PlanStatus.PARTIAL, Outcome.FAIL),
        (PlanStatus.FULL, Outcome.PASS),
        (None, Outcome.INCONCLUSIVE),
    ],
)
def test_plan_of_a_running_system(plan: PlanStatus | None, outcome: Outcome) -> None:
    """Only a plan declared as carried out in full passes; silence decides nothing."""
    assert judged(plan_carried_out, RUNNING.model_copy(update={"plan": plan})).outcome is outcome


SIGNS = [
    {"level": 2, "when": {"information": "personal"}},
    {"level": 3, "when": {"basic_data_subjects": 100000}},
    {"level": 3, "when": {"conditional_business": True}},
    {"level": 3, "when": {"users": 10000, "internal_only": False}},
    {"level": 4, "when": {"nationwide": True, "always_on": True}},
]
PLAIN = Facts(
    information=("public",),
    basic_data_subjects=0,
    conditional_business=False,
    users=20,
    internal_only=True,
    nationwide=False,
    always_on=False,
)


def fits(level: int, **facts: Any) -> Verdict:
    """The verdict for facts that differ from those of a plain internal system."""
    declared = Declared(facts=PLAIN.model_copy(update=facts))
    return judged(level_fits_facts, declared, level=level, signs=SIGNS)


@pytest.mark.parametrize(
    ("level", "facts", "implied"),
    [
        (1, {"information": ("public", "personal")}, 2),
        (2, {"basic_data_subjects": 100000}, 3),
        (2, {"conditional_business": True}, 3),
        (1, {"users": 10000, "internal_only": False}, 3),
        (3, {"nationwide": True, "always_on": True}, 4),
        (1, {"basic_data_subjects": 100000, "nationwide": True, "always_on": True}, 4),
    ],
)
def test_a_fact_at_its_threshold_calls_for_the_higher_level(level: int, facts: dict[str, Any], implied: int) -> None:
    """From the threshold on the check fails, with the highest level that is called for."""
    verdict = fits(level, **facts)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.message.values["implied"] == implied


@pytest.mark.parametrize(
    ("level", "facts"),
    [
        (1, {}),
        (2, {"basic_data_subjects": 99999}),
        (3, {"basic_data_subjects": 100000}),
        (2, {"users": 10000}),
        (3, {"nationwide": True}),
        (5, {"nationwide": True, "always_on": True}),
    ],
)
def test_below_the_threshold_the_level_fits(level: int, facts: dict[str, Any]) -> None:
    """Below a threshold, at the level itself and above it the check passes."""
    assert fits(level, **facts).outcome is Outcome.PASS


def test_the_message_names_fact_and_threshold() -> None:
    """Who reads the failure learns which declared fact crosses which threshold."""
    verdict = fits(2, users=12000, internal_only=False)
    assert verdict.measured == ("users=12000", "internal_only=false")
    assert verdict.threshold == ("users≥10000", "internal_only=false")


def test_absent_facts_decide_nothing() -> None:
    """A fact that could call for a higher level and is not declared keeps the check from passing, and is named."""
    verdict = fits(2, basic_data_subjects=None, nationwide=None)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.message.values["missing"] == ("basic_data_subjects",)


def test_a_fact_that_another_one_makes_idle_is_not_asked_for() -> None:
    """Users of an internal system do not matter, so their number need not be declared."""
    assert fits(2, users=None).outcome is Outcome.PASS


def test_a_misspelt_fact_is_refused() -> None:
    """A criterion about an unknown fact is an error of the profile."""
    with pytest.raises(ValueError, match="not a fact of a declaration"):
        level_fits_facts.validate({"level": 1, "signs": [{"level": 2, "when": {"user": 5}}]})


@given(
    st.fixed_dictionaries(
        {
            "basic_data_subjects": st.integers(0, 200_000),
            "users": st.integers(0, 20_000),
            "internal_only": st.booleans(),
            "conditional_business": st.booleans(),
            "nationwide": st.booleans(),
            "always_on": st.booleans(),
        }
    ),
    st.sets(st.sampled_from(["basic_data_subjects", "users", "internal_only", "conditional_business", "nationwide"])),
    st.integers(1, 5),
)
def test_forgetting_a_fact_never_improves_the_verdict(facts: dict[str, Any], lost: set[str], level: int) -> None:
    """What fails or is inconclusive never becomes a pass because a fact is left out."""
    before, after = fits(level, **facts), fits(level, **facts | dict.fromkeys(lost))
    assert after.outcome is not Outcome.PASS or before.outcome is Outcome.PASS
