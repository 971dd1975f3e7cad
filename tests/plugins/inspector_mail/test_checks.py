"""Each check on what was recorded: fast and pure."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause, Check, checks_in
from inspector_mail import checks
from tests.plugins.inspector_dns.cases import GOOD, Case, cases

HERE = Path(__file__).parent
CASES = cases(HERE, checks_in(checks))
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@EACH
def test_verdict(case: Case) -> None:
    """The check says of the recorded facts what its case file says, and fills every placeholder."""
    verdict = case.evaluate(case.facts())
    told = verdict.model_dump(mode="json")
    assert {key: told[key] for key in case.expected} == case.expected
    assert all("{" + name + "}" in verdict.message.id or name == "threshold" for name in verdict.message.values)


@pytest.mark.parametrize("check", checks_in(checks), ids=lambda check: check.id)
def test_every_check_has_cases_of_every_kind(check: Check) -> None:
    """Every check has cases in which it passes, fails and cannot tell."""
    assert {"pass", "fail", "inconclusive"} <= {c.expected["outcome"] for c in CASES.values() if c.check is check}


@EACH
@given(cause=st.sampled_from(Cause))
def test_what_is_unseen_never_makes_a_verdict_good(case: Case, cause: Cause) -> None:
    """Turning any single answer into unseen never turns a verdict into pass or not applicable."""
    before = case.evaluate(case.facts()).outcome
    for facts in case.variants(cause):
        after = case.evaluate(facts).outcome
        assert after not in GOOD or after is before


def test_every_recording_is_used() -> None:
    """No recorded observation lies about unused."""
    used = {name for case in CASES.values() for name in case.files.values()} - {None}
    assert {file.stem for file in (HERE / "recorded").glob("*.json")} == used
