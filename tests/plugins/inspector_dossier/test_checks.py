"""What cases cannot express: refused options, and that forgetting facts never improves a verdict."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Declared, Outcome, Verdict
from inspector.model.declared import Facts
from inspector_dossier.checks.level_fits_facts import level_fits_facts

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
    return level_fits_facts.evaluate([declared], {"level": level, "signs": SIGNS})


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
