"""What is not seen never makes a verdict good: for every check of every plugin, on its cases."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import Cause
from inspector.testing import Case, assert_unseen_never_good
from tests.plugins.builtin import all_cases

CASES: defaultdict[str, list[Case]] = defaultdict(list)
for each in all_cases():
    CASES[each.check.id].append(each)


# By check and not by case: Hypothesis keeps the settings of each parameter as the parent of the next one's, and a
# thousand of them are too deep for Python's limit of recursion.
@pytest.mark.parametrize("check", sorted(CASES))
@given(cause=st.sampled_from(Cause))
@settings(max_examples=2, deadline=None)
def test_no_case_turns_good_when_an_answer_is_unseen(check: str, cause: Cause) -> None:
    """Turning any single answer into unseen never turns a verdict into pass or not applicable."""
    for case in CASES[check]:
        assert_unseen_never_good(case, cause)
