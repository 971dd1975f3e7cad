"""What is not seen never makes a verdict good: for every check of every plugin, on what was recorded."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector import (
    Cause,
    Check,
    Declared,
    Every,
    Observation,
    Outcome,
    Subject,
    SubjectKind,
    SubjectResult,
    TableAt,
)
from inspector.model.declared import DeclaredPort
from inspector.model.table import NoTable
from inspector.regime.loader import load_all
from inspector.tables.store import shipped_tables
from inspector.testing import GOOD, recorded, recordings, unseen_inputs
from tests.plugins.builtin import FOLDERS, REGISTRY

CHECKS = {name: each for name, each in REGISTRY.checks.items() if any(wire.kind for wire in each.inputs)}
KINDS = {name.partition("/")[0]: kind for name, kind in REGISTRY.kinds.items()}
CAUSES = st.sampled_from([Cause.TIMEOUT, Cause.RESET, Cause.NOT_SELECTED, Cause.BLOCKED, Cause.AMBIGUOUS])


@cache
def all_recorded() -> dict[type[Observation], list[Observation]]:
    """Every recorded observation, by kind."""
    found: dict[type[Observation], list[Observation]] = defaultdict(list)
    for folder in FOLDERS.values():
        for each in recordings(folder):
            family, _, name = each.partition("/")
            found[KINDS[family]].append(recorded(folder, KINDS[family], name))
    return found


@cache
def options_of(check: str) -> list[dict[str, Any]]:
    """The options that the rows of the regimes give a check; no options where no row asks for it."""
    rows = [row.options for regime in load_all(REGISTRY.profiles) for row in regime.requirements if row.check == check]
    return [each for index, each in enumerate(rows) if each not in rows[:index]] or [{}]


def _seen(fact: Observation | None, number: int, cause: Cause) -> SubjectResult[Observation]:
    subject = Subject(kind=SubjectKind.ADDRESS, uri="https://h", scheme="https", host="h", address=f"192.0.2.{number}")
    return SubjectResult(subject, fact, None if fact else cause)


@st.composite
def inputs(draw: st.DrawFn, check: Check, cause: Cause) -> list[object]:
    """An input for each parameter of a check: any recorded observation of its kind, or up to three for ``Every``."""
    ports = draw(st.sampled_from([(), (DeclaredPort(port=443),), (DeclaredPort(port=22), DeclaredPort(port=3306))]))
    given: list[object] = []
    for wire in check.inputs:
        if wire.table is not None:
            table = next((each for each in shipped_tables(REGISTRY) if each.kind == wire.table.kind), None)
            if table is None:
                given.append(NoTable(wire.table.kind))
                continue
            given.append(TableAt(table, wire.table, draw(st.sampled_from([table.dated, date(2030, 7, 1)]))))
            continue
        if wire.kind is None:
            given.append(Declared(host_declared=True, ports=ports))
            continue
        known = all_recorded()[wire.kind]
        facts = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3 if wire.every else 1)) if known else []
        seen = [_seen(fact, number, cause) for number, fact in enumerate(facts)]
        given.append(Every(seen) if wire.every else (seen or [_seen(None, 0, cause)])[0])
    return given


EVERY = [name for name, each in CHECKS.items() if any(wire.every for wire in each.inputs)]


def _with_gaps(data: st.DataObject, every: Every[Any]) -> tuple[Every[Any], Every[Any]]:
    """The same with some results missing, each for a cause of its own, and some never planned; and without the former.

    The second has what was planned, all of it seen.
    """
    kept, planned = [], []
    for each in every.all:
        match data.draw(st.sampled_from(["seen", "missing", "not planned"])):
            case "seen":
                kept.append(each)
                planned.append(each)
            case "missing":
                kept.append(SubjectResult(each.subject, None, data.draw(st.sampled_from(Cause))))
                planned.append(each)
    return Every(kept), Every(planned)


@pytest.mark.parametrize("name", EVERY)
@given(data=st.data())
@settings(max_examples=60)
def test_a_gap_or_silence_never_makes_every_good(name: str, data: st.DataObject) -> None:
    """With something missing or nothing planned, a check of several subjects never says pass.

    It may say not applicable where what was seen shows that, whatever is missing; and where nothing was planned, if a
    single observation shows it.
    """
    check = CHECKS[name]
    options, given = data.draw(st.sampled_from(options_of(name))), data.draw(inputs(check, Cause.TIMEOUT))
    drawn = [_with_gaps(data, each) if isinstance(each, Every) else (each, each) for each in given]
    changed, planned = [each for each, _ in drawn], [each for _, each in drawn]
    everys = [each for each in changed if isinstance(each, Every)]
    is_empty = not any(len(each) for each in everys)
    if is_empty or any(each.missing for each in everys):
        outcome = check.evaluate(changed, options).outcome
        assert outcome is not Outcome.PASS
        if outcome is Outcome.NOT_APPLICABLE:
            assert check.evaluate(given if is_empty else planned, options).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("name", CHECKS)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_what_is_unseen_never_makes_a_verdict_good(name: str, data: st.DataObject) -> None:
    """Whatever single answer is taken away, a verdict that was not good stays so."""
    check, cause = CHECKS[name], data.draw(CAUSES)
    options, given = data.draw(st.sampled_from(options_of(name))), data.draw(inputs(check, cause))
    if check.evaluate(given, options).outcome in GOOD:
        return
    for variant in unseen_inputs(given, cause):
        assert check.evaluate(variant, options).outcome not in GOOD
