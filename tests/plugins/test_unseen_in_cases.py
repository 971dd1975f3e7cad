"""What is not seen never makes a verdict good: for every check of every plugin, on its cases."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import Cause
from inspector.testing import Case, assert_unseen_never_good
from tests.plugins.builtin import all_cases


@cache
def cases_of(check: str) -> list[Case]:
    """The cases of a check."""
    return [each for each in all_cases() if each.check.id == check]


# By check and not by case: Hypothesis keeps the settings of each parameter as the parent of the next one's, and a
# thousand of them are too deep for Python's limit of recursion.
@pytest.mark.parametrize("check", sorted({each.check.id for each in all_cases()}))
@given(cause=st.sampled_from(Cause))
@settings(max_examples=2, deadline=None)
def test_no_case_turns_good_when_an_answer_is_unseen(check: str, cause: Cause) -> None:
    """Turning any single answer into unseen never turns a verdict into pass or not applicable."""
    for case in cases_of(check):
        assert_unseen_never_good(case, cause)
