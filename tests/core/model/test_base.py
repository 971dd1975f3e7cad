"""Values on disk: one canonical form, and answers that cannot be mistaken for absence."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inspector.model.base import Answer, Cause, Model, NotSeen, Quantity, Timestamp, Value, canonical

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


class Holder(Model):
    value: Value


@given(JSON)
def test_canonical_bytes_survive_a_round_trip(value: object) -> None:
    """Reading canonical bytes and writing them again gives the same bytes."""
    assert canonical(json.loads(canonical(value))) == canonical(value)


def test_canonical_form_refuses_what_json_cannot_say() -> None:
    """A number that is none has no canonical form."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))


@pytest.mark.parametrize(
    "value",
    [
        True,
        3,
        "TLSv1.0",
        "2026-11-21T00:00:00Z",
        Quantity(value=3, unit="day"),
        ("a", "b"),
        Timestamp(at=datetime.now(UTC)),
    ],
)
def test_a_value_keeps_its_type_through_json(value: Value) -> None:
    """Every kind of measured value comes back as itself, a text that scans like a date included."""
    again = Holder.parse(Holder(value=value).canonical())
    assert again.value == value
    assert type(again.value) is type(value)


def test_an_unseen_answer_has_no_value() -> None:
    """Reading a value that was not seen raises, with the cause."""
    answer: Answer[int] = Answer(unseen=Cause.TIMEOUT)
    assert not answer.is_seen
    with pytest.raises(NotSeen) as caught:
        _ = answer.value
    assert caught.value.cause is Cause.TIMEOUT


def test_an_absent_value_is_seen() -> None:
    """None is a value: the question was answered, with *absent*."""
    answer: Answer[str | None] = Answer(seen=None)
    assert answer.is_seen
    assert answer.value is None


def test_an_answer_is_not_both() -> None:
    """An answer with a value and a cause is refused."""
    with pytest.raises(ValidationError, match="not both"):
        Answer[int](seen=1, unseen=Cause.RESET)


def test_models_are_closed_and_frozen() -> None:
    """Unknown fields are refused and known ones cannot be changed."""
    with pytest.raises(ValidationError, match="extra"):
        Quantity.model_validate({"value": 1, "unit": "bit", "colour": "red"})
    quantity = Quantity(value=1, unit="bit")
    with pytest.raises(ValidationError, match="frozen"):
        quantity.value = 2  # type: ignore[misc]


def test_canonical_bytes_do_not_depend_on_the_hash_seed() -> None:
    """Two interpreters with different hash seeds write the same bytes."""
    program = (
        "from inspector import failed\n"
        "from inspector.model.verdict import Outcome\n"
        "print(failed('x {measured}', measured=sorted({'b','a','c'}), threshold=Outcome.PASS).canonical().hex())"
    )
    result = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(result) == 1
