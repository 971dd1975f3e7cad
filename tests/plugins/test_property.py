"""What is not seen never makes a verdict good: for every check of every plugin, on everything that was recorded."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from inspector import Cause, Check, Declared, Every, Observation, Outcome, Subject, SubjectKind, SubjectResult
from inspector.model.declared import DeclaredPort
from inspector.regime.loader import load_all
from inspector.registry.registry import installed
from inspector.testing import unseen_variants

HERE = Path(__file__).parent
GOOD = (Outcome.PASS, Outcome.NOT_APPLICABLE)
REGISTRY = installed()
CHECKS = {name: each for name, each in REGISTRY.checks.items() if any(wire.kind for wire in each.inputs)}
CAUSES = st.sampled_from([Cause.TIMEOUT, Cause.RESET, Cause.NOT_SELECTED, Cause.BLOCKED, Cause.AMBIGUOUS])


def _observations(told: Any) -> Iterator[Observation]:
    """The observations that a recorded file holds, at its top or one step below, of whatever kind they are."""
    if not isinstance(told, dict):
        return
    for kind in REGISTRY.kinds.values():
        try:
            yield kind.model_validate_json(json.dumps(told))
        except ValidationError:
            continue
        return
    for part in told.values():
        for each in part if isinstance(part, list) else [part]:
            yield from _observations(each)


@cache
def recorded() -> dict[type[Observation], list[Observation]]:
    """All that was recorded, by kind."""
    found: dict[type[Observation], list[Observation]] = defaultdict(list)
    for path in sorted(HERE.rglob("recorded/**/*.json")):
        for each in _observations(json.loads(path.read_bytes())):
            found[type(each)].append(each)
    return found


@cache
def options_of(check: str) -> list[dict[str, Any]]:
    """The defaults where there are any, and what the rows of the regimes ask for."""
    rows = [row.options for regime in load_all(REGISTRY.profiles) for row in regime.requirements if row.check == check]
    return [each for index, each in enumerate(rows) if each not in rows[:index]] or [{}]


def _seen(fact: Observation | None, cause: Cause, number: int = 0) -> SubjectResult[Observation]:
    subject = Subject(kind=SubjectKind.ADDRESS, uri="https://h", scheme="https", host="h", address=f"192.0.2.{number}")
    return SubjectResult(subject, fact, None if fact else cause)


class Inputs:
    """Facts for each wire of a check, and the same with one answer unseen."""

    def __init__(self, check: Check, draw: st.DrawFn) -> None:
        self.check = check
        self.cause = draw(CAUSES)
        self.options = draw(st.sampled_from(options_of(check.id)))
        ports = draw(st.sampled_from([(), (DeclaredPort(port=443),), (DeclaredPort(port=22), DeclaredPort(port=3306))]))
        self.declared = Declared(host_declared=True, ports=ports)
        self.facts: list[list[Observation | None]] = []
        for wire in check.inputs:
            known = recorded()[wire.kind] if wire.kind else []
            most = 3 if wire.every else 1
            self.facts.append(draw(st.lists(st.sampled_from(known), min_size=1, max_size=most)) if known else [])

    def outcome(self, facts: list[list[Observation | None]]) -> Outcome:
        """What the check says of these facts."""
        given: list[object] = []
        for wire, seen in zip(self.check.inputs, facts, strict=True):
            if wire.kind is None:
                given.append(self.declared)
            elif wire.every:
                given.append(Every([_seen(fact, self.cause, number) for number, fact in enumerate(seen)]))
            else:
                given.append(_seen(seen[0] if seen else None, self.cause))
        return self.check.evaluate(given, self.options).outcome

    def variants(self) -> Iterator[list[list[Observation | None]]]:
        """The facts with one answer unseen, or with one scan that saw nothing at all."""
        for index, seen in enumerate(self.facts):
            for place, fact in enumerate(seen):
                if fact is not None:
                    for variant in (None, *unseen_variants(fact, self.cause)):
                        changed = [*seen[:place], variant, *seen[place + 1 :]]
                        yield [*self.facts[:index], changed, *self.facts[index + 1 :]]


@pytest.mark.parametrize("name", CHECKS)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_what_is_unseen_never_makes_a_verdict_good(name: str, data: st.DataObject) -> None:
    """Whatever single answer is taken away, a verdict that was not good stays so."""
    inputs = data.draw(st.composite(lambda draw: Inputs(CHECKS[name], draw))())
    if inputs.outcome(inputs.facts) in GOOD:
        return
    for variant in inputs.variants():
        assert inputs.outcome(variant) not in GOOD
