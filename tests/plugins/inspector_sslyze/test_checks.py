"""Each check on what was recorded: fast and pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from inspector import Cause, Check, Every, Observation, Outcome, Subject, SubjectKind, SubjectResult, Verdict, checks_in
from inspector.testing import unseen_variants
from inspector_sslyze import checks

HERE = Path(__file__).parent
CHECKS = {each.id: each for each in checks_in(checks)}
GOOD = (Outcome.PASS, Outcome.NOT_APPLICABLE)


@cache
def recorded(kind: type[Observation], name: str) -> Observation:
    """An observation by its file's name, in the folder of its kind."""
    return kind.parse((HERE / "recorded" / _family(kind) / f"{name}.json").read_bytes())


def _family(kind: type[Observation]) -> str:
    return kind.kind.partition("/")[0]


@dataclass(frozen=True)
class Case:
    """One line of a case file."""

    check: Check
    seen: Any
    options: dict[str, Any]
    expected: dict[str, Any]

    @property
    def kinds(self) -> list[type[Observation]]:
        """What the check scans."""
        return [wire.kind for wire in self.check.inputs if wire.kind is not None]

    def names(self) -> dict[str, tuple[type[Observation], str | None]]:
        """The recordings, by address, or in the order of what the check scans where that is more than one thing."""
        if isinstance(self.seen, dict):
            return {address: (self.kinds[0], name) for address, name in self.seen.items()}
        given = self.seen if isinstance(self.seen, list) else [self.seen]
        return {f"192.0.2.{place}": each for place, each in enumerate(zip(self.kinds, given, strict=True))}

    def facts(self) -> dict[str, Observation | None]:
        """What was seen, by address or place."""
        return {where: None if name is None else recorded(kind, name) for where, (kind, name) in self.names().items()}

    def evaluate(self, facts: dict[str, Observation | None]) -> Verdict:
        """What the check says of these facts."""
        seen = [_seen(address, fact) for address, fact in facts.items()]
        return self.check.evaluate([Every(seen)] if self.check.inputs[0].every else seen, self.options)

    def variants(self, cause: Cause) -> Iterator[dict[str, Observation | None]]:
        """The facts with one answer unseen, or one scan without an observation."""
        facts = self.facts()
        for address, fact in facts.items():
            if fact is not None:
                yield {**facts, address: None}
                yield from ({**facts, address: variant} for variant in unseen_variants(fact, cause))


def _seen(address: str, fact: Observation | None) -> SubjectResult[Observation]:
    subject = Subject(
        kind=SubjectKind.ADDRESS,
        uri="https://www.example.vn",
        scheme="https",
        host="www.example.vn",
        port=443,
        address=address,
    )
    return SubjectResult(subject, fact, None if fact else Cause.TIMEOUT)


def _cases() -> Iterator[Any]:
    for file in sorted((HERE / "cases").glob("*.yaml")):
        for index, line in enumerate(YAML(typ="safe").load(file)):
            case = Case(CHECKS[file.stem], line.pop("seen"), line.pop("options", {}), line)
            yield pytest.param(case, id=f"{file.stem}-{index}")


CASES = list(_cases())


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: Case) -> None:
    """The check says of the recorded facts what its case file says."""
    verdict = case.evaluate(case.facts())
    told = verdict.model_dump(mode="json")
    assert {key: told[key] for key in case.expected} == case.expected
    assert not set(verdict.message.values) ^ set(_placeholders(verdict.message.id))


def _placeholders(template: str) -> list[str]:
    return [part.partition("}")[0] for part in template.split("{")[1:]]


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_has_cases_of_every_kind(check: str) -> None:
    """Every check has cases in which it passes, fails and cannot tell."""
    outcomes = {case.values[0].expected["outcome"] for case in CASES if case.values[0].check.id == check}
    assert {"pass", "fail", "inconclusive"} <= outcomes


@pytest.mark.parametrize("case", CASES)
@given(cause=st.sampled_from(Cause))
def test_what_is_unseen_never_makes_a_verdict_good(case: Case, cause: Cause) -> None:
    """Turning any single answer into unseen never turns a verdict into pass or not applicable."""
    before = case.evaluate(case.facts()).outcome
    for facts in case.variants(cause):
        after = case.evaluate(facts).outcome
        assert after not in GOOD or after is before


def test_every_recording_is_used() -> None:
    """No recorded observation lies about unused."""
    used = {(_family(kind), name) for case in CASES for kind, name in case.values[0].names().values() if name}
    assert {(file.parent.name, file.stem) for file in (HERE / "recorded").rglob("*.json")} == used
