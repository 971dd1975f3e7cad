"""The rows of a regime are resolved for one system on one day."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from inspector.declare.declaration import System
from inspector.model.declared import Facts
from inspector.model.finding import Force, Obligation, Severity
from inspector.regime.regime import (
    BilingualText,
    Bound,
    Clause,
    Levels,
    Overlay,
    Regime,
    Requirement,
    changes,
    day_of,
    in_transition,
    overlays_of,
    resolve,
)

TEXT = BilingualText(vi="Yêu cầu", en="Requirement")
LEVELS: TypeAdapter[tuple[int, ...]] = TypeAdapter(Levels)


def clause(number: str, levels: Any, force: Force = Force.BINDING) -> Clause:
    return Clause(
        id=f"law-{number}",
        document="Law",
        number=number,
        title=TEXT,
        levels=levels,
        force=force,
        source="s",
        confidence="H",
    )


def row(id_: str, **fields: Any) -> Requirement:
    common: dict[str, Any] = {
        "check": id_,
        "levels": "1-5",
        "force": Force.BASELINE,
        "obligation": Obligation.SHOULD,
        "severity": Severity.LOW,
        "source": "RFC 1",
    }
    return Requirement.model_validate({"id": id_, **common, **fields})


LEGAL = {"force": Force.BINDING, "obligation": Obligation.MUST, "clauses": ("law-1",)}


def overlay(id_: str = "state", **fields: Any) -> Overlay:
    common: dict[str, Any] = {"title": TEXT, "when": {"state_body": True}, "valid_from": date(2020, 1, 1)}
    return Overlay.model_validate({"id": id_, **common, **fields})


def regime(*rows: Requirement, overlays: tuple[Overlay, ...] = (), id_: str = "old") -> Regime:
    return Regime(
        id=id_,
        version="1",
        title=TEXT,
        documents={},
        authority=TEXT,
        term=TEXT,
        valid_from=date(2020, 1, 1),
        clauses=(clause("1", "1-5"), clause("3", 3), clause("4", 4)),
        overlays=overlays,
        requirements=rows,
        last_checked=date(2020, 1, 1),
    )


def system(level: int = 3, **facts: Any) -> System:
    return System(id="s", name="s", owner="o", level=level, facts=Facts(**facts))


DAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("written", "levels"), [(3, (3,)), ("3", (3,)), ("1-5", (1, 2, 3, 4, 5)), ([1, 3], (1, 3)), ([4, 2], (2, 4))]
)
def test_levels_are_written_in_three_ways(written: Any, levels: tuple[int, ...]) -> None:
    """One level, a span and a list are read as the sorted levels."""
    assert LEVELS.validate_python(written) == levels


@pytest.mark.parametrize("written", [0, 6, "1-6", "3-", "5-1", [], [1, 1], "all", [7]])
def test_levels_outside_one_to_five_are_refused(written: Any) -> None:
    """No row applies to a level that does not exist."""
    with pytest.raises(ValidationError):
        LEVELS.validate_python(written)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"obligation": "must"}, "must rests on baseline"),
        ({"check": "not-observable"}, "give it a title"),
        ({"replaces": "other"}, "only a row of an overlay"),
        ({"force": "binding"}, "without a clause"),
        ({"source": ""}, "neither clauses nor source"),
    ],
)
def test_rows_that_claim_too_much_are_refused(fields: dict[str, Any], words: str) -> None:
    """A row names what it rests on, and claims no more than that allows."""
    with pytest.raises(ValidationError, match=words):
        row("a", **fields)


def test_rows_of_the_level_apply() -> None:
    """A system gets the rows of its level, by id, with the clauses of that level alone."""
    resolved = resolve(
        regime(row("b", levels=[3, 4], clauses=("law-1", "law-3", "law-4")), row("a"), row("c", levels="1-2")),
        system(3),
        as_of=DAY,
    )
    assert [each.id for each in resolved] == ["a", "b"]
    assert resolved[1].clauses == ("law-1", "law-3")


def test_overlays_follow_facts_and_dates() -> None:
    """Rows of an overlay apply to systems with its facts, from its first day to its last."""
    state = overlay(valid_from=date(2026, 1, 1), valid_to=date(2026, 12, 31))
    pack = regime(row("a", overlay="state"), overlays=(state,))

    def held(day: date, **facts: Any) -> list[str]:
        return [each.id for each in resolve(pack, system(**facts), as_of=day)]

    assert held(DAY, state_body=True) == ["a"]
    assert held(DAY, state_body=False) == []
    assert held(date(2025, 12, 31), state_body=True) == []
    assert held(date(2027, 1, 1), state_body=True) == []
    assert [each.id for each in overlays_of(pack, system(state_body=True), DAY)] == ["state"]


def test_an_overlay_may_accept_several_values() -> None:
    """A list in an overlay's condition means any of its values; a fact that is a list counts when it holds one."""
    grades = overlay(when={"online_public_service": [3, 4]})
    assert grades.applies(Facts(online_public_service=4), DAY)
    assert not grades.applies(Facts(online_public_service=2), DAY)
    assert not grades.applies(Facts(), DAY)
    assert overlay(when={"information": "personal"}).applies(Facts(information=("public", "personal")), DAY)


def test_an_overlay_names_facts_that_exist() -> None:
    """A misspelt fact is an error, not an overlay that never applies."""
    with pytest.raises(ValidationError, match="not a fact of a declaration"):
        overlay(when={"statebody": True})


def test_an_overlay_row_replaces_the_regimes_own_once_it_is_due() -> None:
    """Before its due date both rows apply; from that day on the overlay's row alone."""
    own, stricter = row("a"), row("x", check="a", overlay="state", replaces="a", due_from=date(2027, 7, 1), **LEGAL)
    pack = regime(own, stricter, overlays=(overlay(),))
    held = system(state_body=True)
    assert [each.id for each in resolve(pack, held, as_of=date(2027, 6, 30))] == ["a", "x"]
    assert [each.id for each in resolve(pack, held, as_of=date(2027, 7, 1))] == ["x"]
    assert [each.id for each in resolve(pack, system(), as_of=date(2027, 7, 1))] == ["a"]


def test_an_unclear_overlay_only_recommends() -> None:
    """From the day on which it is unclear whether an overlay is law, its rows recommend and replace nothing."""
    pack = regime(
        row("a"),
        row("x", check="a", overlay="state", replaces="a", **LEGAL),
        overlays=(overlay(unclear_from=date(2026, 7, 1)),),
    )
    held = system(state_body=True)
    [binding] = resolve(pack, held, as_of=date(2026, 6, 30))
    assert binding.strength == "binding/must/low"
    own, weak = resolve(pack, held, as_of=date(2026, 7, 1))
    assert (own.id, weak.id, weak.strength) == ("a", "x", "baseline/should/low")


def test_an_overlay_has_alternatives_and_exemptions() -> None:
    """One alternative met by all its facts is enough; what ``unless`` names is exempt; silence may leave it open."""
    either = overlay(when=[{"state_body": True}, {"internal_only": False}], unless={"information": "state-secret"})
    assert either.applies(Facts(state_body=True), DAY)
    assert either.applies(Facts(state_body=False, internal_only=False), DAY)
    assert not either.applies(Facts(state_body=False, internal_only=True), DAY)
    assert not either.applies(Facts(state_body=True, information=("state-secret",)), DAY)
    assert [either.is_open(Facts(**facts), DAY) for facts in ({}, {"state_body": False}, {"internal_only": True})] == [
        True,
        True,
        True,
    ]
    assert not either.is_open(Facts(state_body=True), DAY)
    assert not either.is_open(Facts(state_body=False, internal_only=True), DAY)
    assert not either.is_open(Facts(information=("state-secret",)), DAY)
    assert not either.is_open(Facts(), date(2019, 12, 31))


def test_a_row_binds_those_in_its_overlay_and_recommends_to_others() -> None:
    """Where the declaration does not say whether a system is one of them, the row stays, and is marked."""
    pack = regime(row("a", bound="state", **LEGAL), overlays=(overlay(),))
    shown = {
        state: [(each.strength, each.unsettled) for each in resolve(pack, system(state_body=state), as_of=DAY)]
        for state in (True, False, None)
    }
    assert shown == {
        True: [("binding/must/low", False)],
        False: [("baseline/should/low", False)],
        None: [("binding/must/low", True)],
    }


def test_time_to_comply_is_for_systems_that_were_there() -> None:
    """With ``grace_before`` a due date holds for older systems; one that is declared to be newer complies at once."""
    pack = regime(
        row("a", overlay="state", due_from=date(2027, 7, 1), **LEGAL),
        overlays=(overlay(grace_before=date(2026, 5, 12)),),
    )
    held = system(state_body=True)
    for begun, due in ((None, False), (date(2026, 5, 11), False), (date(2026, 5, 12), True)):
        [found] = resolve(pack, held.model_copy(update={"in_operation_from": begun}), as_of=DAY)
        assert found.is_due(DAY) is due


def test_the_day_of_the_assessment_may_be_an_option() -> None:
    """An option ``$as_of`` becomes the day, in Vietnam, on which the rows are resolved."""
    pack = regime(row("a", options={"as_of": "$as_of", "months": 3}))
    [found] = resolve(pack, system(), as_of=datetime(2026, 8, 18, 17, 0, tzinfo=UTC))
    assert found.options == {"as_of": "2026-08-19", "months": 3}


def test_in_transition_measures_are_old_and_duties_new() -> None:
    """The rules of a transition have the older regime's id, its measures, the newer one's duties and their clauses."""
    old = regime(row("m"), row("d", kind="duty"), row("both", kind="duty", severity="high"))
    new = regime(
        row("n"),
        row("e", kind="duty", overlay="state", **LEGAL),
        row("both", kind="duty"),
        overlays=(overlay(), overlay("other")),
        id_="new",
    ).model_copy(update={"clauses": (clause("1", "1-5", Force.CLAUSE_EVIDENCE), clause("9", "1-5"))})
    held = in_transition(old, new)
    assert (held.id, held.version) == ("old", "1+new.1")
    assert held.duties_of is not None
    assert held.duties_of.id == "new"
    assert {(each.id, each.severity.value) for each in held.requirements} == {
        ("m", "low"),
        ("e", "low"),
        ("both", "low"),
    }
    assert [each.id for each in held.overlays] == ["state"]
    assert [each.id for each in held.clauses] == ["law-1", "law-3", "law-4"]
    assert held.clause("law-1").force is Force.BINDING
    assert Regime.parse(held.canonical()) == held


@pytest.mark.parametrize(
    ("bound", "other", "level", "included"),
    [
        (Bound.EVERYONE, Bound.STATE, 1, True),
        (Bound.STATE_AND_SERVICES, Bound.STATE, 1, True),
        (Bound.STATE_AND_SERVICES, Bound.EVERYONE, 1, False),
        (Bound.STATE, Bound.STATE_AND_SERVICES, 1, False),
        (Bound.STATE, Bound.ARCHIVES, 1, True),
        (Bound.CRITICAL, Bound.EVERYONE, 4, False),
        (Bound.CRITICAL, Bound.EVERYONE, 5, True),
    ],
)
def test_who_is_bound_with_whom(bound: Bound, other: Bound, level: int, included: bool) -> None:
    """State bodies are among those with online services; systems of level 5 are critical by themselves."""
    assert bound.includes(other, level) is included


def test_a_clause_carries_less_where_it_leaves_the_choice() -> None:
    """At the levels of ``optional``, and for owners whom it does not bind, a clause only recommends."""
    given = clause("1", "1-5").model_copy(update={"optional": (1, 2), "binds": Bound.STATE})
    assert given.force_for(Bound.STATE, 3) is Force.BINDING
    assert given.force_for(Bound.STATE, 2) is Force.BASELINE
    assert given.force_for(Bound.EVERYONE, 3) is Force.BASELINE


def test_the_day_of_an_instant_is_vietnamese() -> None:
    """Seven in the evening in UTC is the next day in Vietnam."""
    assert day_of(datetime(2026, 8, 18, 17, 0, tzinfo=UTC)) == date(2026, 8, 19)
    assert day_of(datetime(2026, 8, 18, 16, 59, tzinfo=UTC)) == date(2026, 8, 18)
    assert day_of(DAY) == DAY


def test_changes_list_added_removed_and_stronger_rows() -> None:
    """The changes are the rows that the next regime adds, removes, or requires with another strength."""
    old = regime(row("ends"), row("grows"), row("same"))
    new = regime(row("comes"), row("grows", **LEGAL), row("same"), id_="new")
    assert [(each.requirement, each.was, each.becomes) for each in changes(old, new, system())] == [
        ("comes", None, "baseline/should/low"),
        ("ends", "baseline/should/low", None),
        ("grows", "baseline/should/low", "binding/must/low"),
    ]


def test_a_regime_is_read_back_from_its_canonical_form() -> None:
    """A regime read back from a bundle is the one that was written, and gives the same rows."""
    pack = regime(
        row("a"),
        row("x", check="a", overlay="state", **LEGAL),
        overlays=(overlay(when={"online_public_service": [3]}),),
    )
    again = Regime.parse(pack.canonical())
    assert again == pack
    assert resolve(again, system(online_public_service=3), as_of=DAY) == resolve(
        pack, system(online_public_service=3), as_of=DAY
    )
