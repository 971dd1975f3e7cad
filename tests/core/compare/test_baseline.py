"""The baseline: stable, reviewable, and never wider than the failures that it was made of."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from inspector.compare.baseline import Baseline
from inspector.model.finding import Finding, finding_id
from inspector.model.verdict import Outcome
from tests.core.compare.findings import made

SYSTEM_WIDE = {"subject": "system:", "address": None, "requirement": "r"}


def test_a_file_is_read_back_as_it_was_written() -> None:
    """Writing and reading gives the same failures, one a line, in a fixed order."""
    findings = [made(Outcome.FAIL, requirement=each) for each in ("b", "a", "c")]
    text = Baseline.of(findings).text()
    assert Baseline.parse(text.encode()) == Baseline.of(reversed(findings))
    assert [line.split('"requirement":"')[1][0] for line in text.splitlines() if "requirement" in line] == [
        "a",
        "b",
        "c",
    ]
    assert json.loads(text)["form"] == "inspector-baseline/1"


def test_findings_are_the_baseline_of_their_failures() -> None:
    """A findings.json of any version is read by the failures in it; a pass in it knows nothing."""
    findings = [made(Outcome.FAIL, requirement="a"), made(Outcome.PASS, requirement="b")]
    lines = [each.model_dump(mode="json") | {"a field of another version": 1} for each in findings]
    baseline = Baseline.parse(json.dumps(lines).encode())
    assert findings[0] in baseline
    assert findings[1] not in baseline


def test_a_failure_of_one_whole_system_is_not_known_of_another() -> None:
    """The id of a finding about a whole system is the same in all of them, so the system counts too."""
    first, second = (made(Outcome.FAIL, **{**SYSTEM_WIDE, "system": each}) for each in ("one", "two"))
    assert first.id == second.id
    assert first in Baseline.of([first])
    assert second not in Baseline.of([first])


def test_a_service_is_known_at_every_address_and_under_any_system() -> None:
    """Ministry, enterprise and pipeline name systems differently, and addresses change."""
    was = made(Outcome.FAIL)
    for update in ({"system": "other"}, {"address": "192.0.2.99"}):
        assert was.model_copy(update=update) in Baseline.of([was])


@given(st.lists(st.sampled_from("abcdef"), max_size=6), st.sampled_from("abcdef"))
def test_it_contains_what_it_was_made_of_and_nothing_else(known: list[str], other: str) -> None:
    """A finding is in the baseline exactly where its requirement failed on its subject."""
    baseline = Baseline.of(made(Outcome.FAIL, requirement=each) for each in known)
    assert (made(Outcome.FAIL, requirement=other) in baseline) == (other in known)
    assert len(baseline.failures) == len(set(known))


def test_finding_ids_are_stable() -> None:
    """The id depends on requirement and subject alone, and is this digest in every version."""
    assert finding_id("tls-modern-protocols", "https://www.example.vn") == "9158baa1d621211d8e2c1bf91b3359f1"
    one = made(Outcome.FAIL)
    update = {"system": "x", "address": "::1", "outcome": Outcome.PASS}
    assert one.model_copy(update=update).id == finding_id(one.requirement, one.subject)
    assert isinstance(one, Finding)
