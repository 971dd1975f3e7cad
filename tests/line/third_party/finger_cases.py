"""The plugin's own tests, written with ``inspector.testing``."""

from pathlib import Path

import pytest

from inspector import Cause
from inspector.testing import (
    Case,
    assert_cases_complete,
    assert_translated,
    assert_unseen_never_good,
    assert_verdict,
    cases,
)

HERE = Path(__file__).parent


@pytest.mark.parametrize("case", cases("inspector_finger", HERE), ids=str)
def test_case(case: Case) -> None:
    """The verdict is that of the case, and stays so or becomes inconclusive when an answer is unseen."""
    assert_verdict(case)
    assert_unseen_never_good(case, Cause.TIMEOUT)


def test_nothing_is_missing() -> None:
    """Every check has its cases, and every text its translation."""
    assert_cases_complete("inspector_finger", HERE)
    assert_translated("inspector_finger")
