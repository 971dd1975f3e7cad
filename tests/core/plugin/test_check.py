"""A check's signature is its wiring, and the engine never lets a hole read as a pass."""

from typing import ClassVar

import pytest

from inspector import (
    Answer,
    Cause,
    Declared,
    Every,
    Observation,
    Outcome,
    Subject,
    SubjectKind,
    SubjectResult,
    Verdict,
    check,
    failed,
    not_applicable,
    passed,
)
from inspector.model.errors import PluginError


class Colour(Observation):
    kind: ClassVar[str] = "colour/1"
    name: Answer[str]


def subject(address: str = "127.0.0.1") -> Subject:
    return Subject(kind=SubjectKind.ADDRESS, uri="tcp://a:1", host="a", port=1, address=address)


def colour(name: str) -> Colour:
    return Colour(name=Answer(seen=name))


@check("is-blue", title="It is blue")
def is_blue(seen: Colour, *, shade: str = "blue") -> Verdict:
    """Blue is calm.

    Remediation: paint it
    ``blue``.
    """
    if seen.name.value == "void":
        return not_applicable("no colour")
    if seen.name.value != shade:
        return failed("it is {measured}, not {threshold}", measured=seen.name.value, threshold=shade)
    return passed("it is {measured}", measured=seen.name.value)


@check("all-blue", title="All are blue", about=SubjectKind.HOST)
def all_blue(seen: Every[Colour]) -> Verdict:
    """Blue is calm.

    Remediation: paint them.
    """
    wrong = [each.name.value for each in seen if each.name.value != "blue"]
    return failed("some are {measured}", measured=wrong) if wrong else passed("all are blue")


def test_the_docstring_is_split() -> None:
    """Description and remediation are one line each."""
    assert is_blue.description == "Blue is calm."
    assert is_blue.remediation == "paint it `blue`."


def test_a_check_judges_what_was_seen() -> None:
    """Pass, fail and not-applicable come from the function, with measured value and threshold."""
    assert is_blue.evaluate([SubjectResult(subject(), colour("blue"))], {}).outcome is Outcome.PASS
    verdict = is_blue.evaluate([SubjectResult(subject(), colour("red"))], {"shade": "green"})
    assert (verdict.outcome, verdict.measured, verdict.threshold) == (Outcome.FAIL, "red", "green")
    assert is_blue.evaluate([SubjectResult(subject(), colour("void"))], {}).outcome is Outcome.NOT_APPLICABLE


def test_a_missing_observation_is_inconclusive() -> None:
    """The function is not called; the cause is told."""
    verdict = is_blue.evaluate([SubjectResult(subject(), None, Cause.RESET)], {})
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RESET)


def test_an_unseen_answer_is_inconclusive() -> None:
    """A function that reads what nobody saw ends inconclusive, with that answer's cause."""
    verdict = is_blue.evaluate([SubjectResult(subject(), Colour(name=Answer(unseen=Cause.TIMEOUT)))], {})
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.TIMEOUT)


def test_a_pass_over_a_hole_is_inconclusive() -> None:
    """The hole is named."""
    every = Every(
        [SubjectResult(subject("127.0.0.1"), colour("blue")), SubjectResult(subject("127.0.0.2"), None, Cause.TIMEOUT)]
    )
    verdict = all_blue.evaluate([every], {})
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.TIMEOUT)
    assert verdict.message.values["missing"] == ("127.0.0.2",)


def test_a_fail_may_rest_on_part() -> None:
    """A failure that was seen stands, whatever else was not."""
    every = Every(
        [SubjectResult(subject("127.0.0.1"), colour("red")), SubjectResult(subject("127.0.0.2"), None, Cause.TIMEOUT)]
    )
    assert all_blue.evaluate([every], {}).outcome is Outcome.FAIL


def test_nothing_at_all_is_inconclusive() -> None:
    """Every of nothing is not a pass."""
    assert all_blue.evaluate([Every([])], {}).outcome is Outcome.INCONCLUSIVE


def test_options_are_typed_and_closed() -> None:
    """A wrong option is an error when the plan is made, not a surprise later."""
    with pytest.raises(ValueError, match="shado"):
        is_blue.validate({"shado": "blue"})


def test_a_check_states_its_claim_as_a_slug() -> None:
    """Other ids are refused."""
    with pytest.raises(PluginError, match="slug"):

        @check("Not A Slug", title="x")
        def _wrong(seen: Colour) -> Verdict:
            """D.

            Remediation: r.
            """
            return passed("x")


def test_a_check_needs_a_remediation() -> None:
    """A docstring without one is refused."""
    with pytest.raises(PluginError, match="remediation"):

        @check("no-words", title="x")
        def _wrong(seen: Colour) -> Verdict:
            """Nothing."""
            return passed("x")


def test_every_needs_a_subject() -> None:
    """Every[...] without about= is refused."""
    with pytest.raises(PluginError, match="about="):

        @check("whose", title="x")
        def _wrong(seen: Every[Colour]) -> Verdict:
            """D.

            Remediation: r.
            """
            return passed("x")


def test_a_strange_parameter_is_refused() -> None:
    """Positional parameters are observations or Declared."""
    with pytest.raises(PluginError, match="number"):

        @check("strange", title="x")
        def _wrong(number: int, declared: Declared) -> Verdict:
            """D.

            Remediation: r.
            """
            return passed("x")
