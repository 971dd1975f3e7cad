"""The exit code says what a pipeline needs: clean, failing, or not seen."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.cli.baseline import load_baseline
from inspector.cli.exit_code import CLEAN, FAILING, UNSEEN, Threshold, exit_code, worst
from inspector.compare.baseline import Baseline, KnownFailure
from inspector.model.base import Cause, canonical
from inspector.model.errors import UsageError
from inspector.model.finding import CommonCause, Finding, Force, Obligation, Severity
from inspector.model.verdict import Message, Outcome


def finding(outcome: Outcome, obligation: str = "must", severity: str = "high", **update: object) -> Finding:
    made = Finding(
        id="f" * 32,
        system="s",
        subject="system:",
        requirement="r",
        check="c",
        outcome=outcome,
        obligation=Obligation(obligation),
        force=Force.BINDING,
        severity=Severity(severity),
        message=Message(id="m"),
    )
    return made.model_copy(update=update)


def passed_before() -> dict[str, object]:
    return finding(Outcome.PASS, id="1" * 32).model_dump(mode="json")


def baseline_of(ids: Iterable[str]) -> Baseline:
    known = {"system": "s", "requirement": "r", "subject": "system:", "severity": Severity.HIGH}
    return Baseline(tuple(KnownFailure(id=each, **known) for each in sorted(ids)))


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.PASS, CLEAN),
        (Outcome.FAIL, FAILING),
        (Outcome.NOT_APPLICABLE, CLEAN),
        (Outcome.INCONCLUSIVE, UNSEEN),
        (Outcome.NOT_OBSERVABLE, CLEAN),
        (Outcome.ERROR, UNSEEN),
    ],
)
def test_each_outcome_has_its_code(outcome: Outcome, code: int) -> None:
    """A failure is 1; what could not be seen is 3; the rest is clean."""
    assert exit_code([finding(outcome)], Threshold()) == code


def test_what_was_left_out_by_choice_does_not_count() -> None:
    """What --within left out is neither failing nor unseen; elsewhere a question never asked counts as not seen."""
    left_out = finding(Outcome.INCONCLUSIVE, cause=Cause.NOT_SELECTED)
    assert exit_code([left_out], Threshold(), within=True) == CLEAN
    assert exit_code([left_out], Threshold()) == UNSEEN


def test_what_is_not_stated_does_not_count() -> None:
    """What a declaration may leave out, and does, is neither failing nor unseen; the verdict itself stays."""
    assert exit_code([finding(Outcome.INCONCLUSIVE, cause=Cause.NOT_STATED)], Threshold()) == CLEAN


def test_a_failure_outweighs_what_was_not_seen() -> None:
    """1 wins over 3."""
    assert exit_code([finding(Outcome.INCONCLUSIVE), finding(Outcome.FAIL)], Threshold()) == FAILING


def test_recommendations_count_only_by_severity() -> None:
    """A *should* does not fail the default gate, and does fail one by severity."""
    should = finding(Outcome.FAIL, obligation="should", severity="medium")
    assert exit_code([should], Threshold()) == CLEAN
    assert exit_code([should], Threshold("high")) == CLEAN
    assert exit_code([should], Threshold("medium")) == FAILING


@pytest.mark.parametrize("update", [{"excused": True}, {"not_yet_due": True}])
def test_excused_and_not_yet_due_failures_do_not_count(update: dict[str, object]) -> None:
    """Only an accepted statement or a due date keeps a failure out."""
    assert exit_code([finding(Outcome.FAIL, **update)], Threshold()) == CLEAN


def test_a_baseline_hides_what_failed_before(tmp_path: Path) -> None:
    """Failures of the baseline do not fail again; a new one does, and what passed in it."""
    path = tmp_path / "findings.json"
    path.write_bytes(canonical([finding(Outcome.FAIL).model_dump(mode="json"), passed_before()]))
    known = load_baseline(path)
    assert exit_code([finding(Outcome.FAIL)], Threshold(), known) == CLEAN
    assert exit_code([finding(Outcome.FAIL, id="0" * 32)], Threshold(), known) == FAILING
    assert exit_code([finding(Outcome.FAIL, id="1" * 32)], Threshold(), known) == FAILING


def test_what_within_left_out_does_not_count() -> None:
    """Not selected for lack of time is no reason for 3; any other cause is, and so is this one without a bound."""
    late = finding(Outcome.INCONCLUSIVE, cause=Cause.NOT_SELECTED)
    assert exit_code([late], Threshold(), within=True) == CLEAN
    assert exit_code([late], Threshold()) == UNSEEN
    assert exit_code([finding(Outcome.INCONCLUSIVE, cause=Cause.TIMEOUT)], Threshold(), within=True) == UNSEEN


@pytest.mark.parametrize(
    ("codes", "together"),
    [
        ([], CLEAN),
        ([CLEAN, CLEAN], CLEAN),
        ([CLEAN, UNSEEN], UNSEEN),
        ([UNSEEN, FAILING, CLEAN], FAILING),
    ],
)
def test_several_systems_have_the_gravest_code(codes: list[int], together: int) -> None:
    """A failure of one outweighs what was not seen of another."""
    assert worst(codes) == together


def test_a_wrong_threshold_is_misuse() -> None:
    """The remedy lists what may be written."""
    with pytest.raises(UsageError, match="write one of must"):
        Threshold("sometimes")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "5",
        '{"findings": []}',
        '{"form": "inspector-baseline/2", "failures": []}',
        '{"form": "inspector-baseline/1", "failures": 1}',
        '{"form": "inspector-baseline/1", "failures": [{"id": "x"}]}',
        '[{"outcome": "fail", "id": 5}]',
        "[" * 100_000,
    ],
)
def test_a_wrong_baseline_is_misuse(tmp_path: Path, text: str) -> None:
    """A file that is neither a baseline nor findings is refused, and the remedy says what to give."""
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="no findings can be read") as refused:
        load_baseline(path)
    assert "baseline create" in str(refused.value)


# --- Any findings -----------------------------------------------------------------------------------------------------

GRAVITY = (CLEAN, UNSEEN, FAILING)
THRESHOLDS = st.sampled_from(["must", *(each.value for each in Severity)])


@st.composite
def any_finding(draw: st.DrawFn) -> Finding:
    """A finding of any outcome, strength and cause."""
    outcome = draw(st.sampled_from(Outcome))
    caused = outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)
    return finding(
        outcome,
        draw(st.sampled_from(Obligation)),
        draw(st.sampled_from(Severity)),
        id=draw(st.sampled_from("abc")),
        excused=draw(st.booleans()),
        not_yet_due=draw(st.booleans()),
        cause=draw(st.sampled_from(Cause)) if caused else None,
    )


FINDINGS = st.lists(any_finding(), max_size=8)
BASELINES = st.frozensets(st.sampled_from("abc"))


@given(found=FINDINGS, text=THRESHOLDS, baseline=BASELINES, within=st.booleans())
def test_the_code_is_that_of_the_gravest_finding_that_counts(
    found: list[Finding], text: str, baseline: frozenset[str], within: bool
) -> None:
    """A failure at the threshold that nothing excuses is 1; else what was not seen there is 3; else 0."""
    counted = [each for each in found if Threshold(text).reached(each)]
    fails = any(
        each.outcome is Outcome.FAIL and not (each.excused or each.not_yet_due or each.id in baseline)
        for each in counted
    )
    unseen = any(
        each.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)
        and each.cause is not Cause.NOT_STATED
        and not (within and each.cause is Cause.NOT_SELECTED)
        for each in counted
    )
    expected = FAILING if fails else UNSEEN if unseen else CLEAN
    assert exit_code(found, Threshold(text), baseline_of(baseline), within=within) == expected


@given(found=FINDINGS, more=FINDINGS, text=THRESHOLDS, baseline=BASELINES, within=st.booleans())
def test_more_findings_never_make_it_better(
    found: list[Finding], more: list[Finding], text: str, baseline: frozenset[str], within: bool
) -> None:
    """The code grows with the findings, shrinks with the baseline and --within, and does not depend on the order."""
    known = baseline_of(baseline)
    code = exit_code(found, Threshold(text), known, within=within)
    both = exit_code([*found, *more], Threshold(text), known, within=within)
    assert both == exit_code([*more, *reversed(found)], Threshold(text), known, within=within)
    assert both == worst([code, exit_code(more, Threshold(text), known, within=within)])
    assert GRAVITY.index(both) >= GRAVITY.index(code)
    assert GRAVITY.index(exit_code(found, Threshold(text))) >= GRAVITY.index(code)


@given(found=FINDINGS, lower=st.sampled_from(Severity), higher=st.sampled_from(Severity))
def test_a_lower_threshold_never_makes_it_better(found: list[Finding], lower: Severity, higher: Severity) -> None:
    """What counts at a severity counts at every lower one."""
    low, high = sorted((lower, higher), key=lambda each: each.rank)
    codes = [GRAVITY.index(exit_code(found, Threshold(each.value))) for each in (low, high)]
    assert codes[0] >= codes[1]


@given(found=FINDINGS, text=THRESHOLDS)
def test_a_common_cause_changes_no_code(found: list[Finding], text: str) -> None:
    """A requirement that could not be seen counts, also where it follows from a cause that the report tells once."""
    shared = CommonCause(subject="https://h", cause=Cause.TIMEOUT)
    following = [
        each.model_copy(update={"follows_from": shared}) if each.outcome is Outcome.INCONCLUSIVE else each
        for each in found
    ]
    assert exit_code(following, Threshold(text)) == exit_code(found, Threshold(text))
