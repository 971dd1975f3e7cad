"""A check's signature names its inputs, and a missing observation never gives a pass."""

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


def test_a_check_assesses_what_was_seen() -> None:
    """Pass, fail and not-applicable come from the function, with measured value and threshold."""
    assert is_blue.evaluate([SubjectResult(subject(), colour("blue"))], {}).outcome is Outcome.PASS
    verdict = is_blue.evaluate([SubjectResult(subject(), colour("red"))], {"shade": "green"})
    assert (verdict.outcome, verdict.measured, verdict.threshold) == (Outcome.FAIL, "red", "green")
    assert is_blue.evaluate([SubjectResult(subject(), colour("void"))], {}).outcome is Outcome.NOT_APPLICABLE


def test_a_missing_observation_is_inconclusive() -> None:
    """The function is not called; the verdict has the cause."""
    verdict = is_blue.evaluate([SubjectResult(subject(), None, Cause.RESET)], {})
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RESET)


def test_an_unseen_answer_is_inconclusive() -> None:
    """A check that reads an unseen answer is inconclusive, with that answer's cause."""
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
    """A seen failure counts, whatever else was not seen."""
    every = Every(
        [SubjectResult(subject("127.0.0.1"), colour("red")), SubjectResult(subject("127.0.0.2"), None, Cause.TIMEOUT)]
    )
    assert all_blue.evaluate([every], {}).outcome is Outcome.FAIL


def test_nothing_at_all_is_inconclusive() -> None:
    """Every of nothing is not a pass."""
    assert all_blue.evaluate([Every([])], {}).outcome is Outcome.INCONCLUSIVE


@check("nothing-red-below", title="t", about=SubjectKind.ZONE)
def nothing_red_below(own: Colour, every: Every[Colour]) -> Verdict:
    """D.

    Remediation: r.
    """
    if own.name.value == "void":
        return not_applicable("no colour")
    return failed("red itself") if own.name.value == "red" else passed("nothing red")


@pytest.mark.parametrize(
    ("name", "outcome"), [("void", Outcome.NOT_APPLICABLE), ("red", Outcome.FAIL), ("blue", Outcome.INCONCLUSIVE)]
)
def test_an_observation_may_decide_where_nothing_is_below_it(name: str, outcome: Outcome) -> None:
    """A single observation can show that the claim is false or about nothing; a pass needs more than nothing."""
    inputs = [SubjectResult(subject("127.0.0.1"), colour(name)), Every([])]
    assert nothing_red_below.evaluate(inputs, {}).outcome is outcome


@check("nothing-red-beside", title="t", about=SubjectKind.ZONE)
def nothing_red_beside(own: Colour, every: Every[Colour]) -> Verdict:
    """D.

    Remediation: r.
    """
    if own.name.value == "void" or not any(each.name.value for each in every):
        return not_applicable("no colour")
    return passed("nothing red")


@pytest.mark.parametrize(("name", "outcome"), [("void", Outcome.NOT_APPLICABLE), ("blue", Outcome.INCONCLUSIVE)])
def test_not_applicable_rests_on_what_the_check_looked_at(name: str, outcome: Outcome) -> None:
    """What is missing below a subject matters only where the check needed to look below it."""
    missing: Every[Colour] = Every([SubjectResult(subject("127.0.0.2"), None, Cause.OUT_OF_SCOPE)])
    inputs = [SubjectResult(subject("127.0.0.1"), colour(name)), missing]
    for _ in range(2):  # looking once leaves no trace for the next evaluation
        assert nothing_red_beside.evaluate(inputs, {}).outcome is outcome


def is_coloured(seen: Colour) -> Verdict | None:
    """Applies to what has a colour."""
    return not_applicable("no colour") if seen.name.value == "void" else None


@check("is-dark", title="It is dark", applies=is_coloured)
def is_dark(seen: Colour, *, shade: str = "black") -> Verdict:
    """Dark is calm.

    Remediation: paint it.
    """
    assert seen.name.value != "void", "called where it does not apply"
    return passed("it is dark") if seen.name.value == shade else failed("it is light")


def test_a_check_is_asked_only_where_it_applies() -> None:
    """Where applies= gives a verdict, that is the verdict; elsewhere the function decides, with its options."""
    assert is_dark.evaluate([SubjectResult(subject(), colour("void"))], {}).message.id == "no colour"
    assert is_dark.evaluate([SubjectResult(subject(), colour("black"))], {}).outcome is Outcome.PASS
    assert is_dark.evaluate([SubjectResult(subject(), colour("black"))], {"shade": "brown"}).outcome is Outcome.FAIL
    assert is_dark.validate({}) == {"shade": "black"}


def test_applicability_that_was_not_seen_is_inconclusive() -> None:
    """Nobody knows whether the claim is about a subject of which the deciding answer was not seen."""
    verdict = is_dark.evaluate([SubjectResult(subject(), Colour(name=Answer(unseen=Cause.RESET)))], {})
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RESET)


def test_applicability_decides_no_claim() -> None:
    """applies= may say that a claim does not apply, not whether it holds."""

    @check("is-fine", title="It is fine", applies=lambda seen: passed("fine"))
    def is_fine(seen: Colour) -> Verdict:
        """All is well.

        Remediation: none.
        """
        return passed("fine")

    with pytest.raises(ValueError, match="applies= returned pass"):
        is_fine.evaluate([SubjectResult(subject(), colour("blue"))], {})


def test_options_are_typed_and_closed() -> None:
    """A wrong option is an error when the plan is made."""
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
