"""The state of a failure from inspection to inspection: nothing is fixed by what was not seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.compare.difference import ChangeReason, Judged, ScanKey
from inspector.model.finding import Finding, finding_id
from inspector.model.verdict import Outcome
from inspector.store.history import (
    FindingState,
    InspectionResult,
    Previous,
    Rejudge,
    TrackedFinding,
    advance,
    events,
)
from tests.core.compare.findings import ADDRESSES, URL, made, resting, sealed

FAIL, PASS, INCONCLUSIVE, NONE = Outcome.FAIL, Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE
DAY = timedelta(days=1)
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
HERE = f"{URL}/"
ID = finding_id("r", URL)


def never(_capture: str) -> Judged | None:
    raise AssertionError("nothing is assessed again under the same rules")


def inspected(judged: Judged, day: int, *, rules: str = "1", endpoints: Sequence[str] = (HERE,)) -> InspectionResult:
    return InspectionResult(str(day), BEGUN + day * DAY, rules, judged, frozenset(endpoints), frozenset())


def one(outcome: Outcome, **more: object) -> Judged:
    """An inspection whose one finding has this outcome, by one scan that saw something."""
    finding = made(outcome, endpoint=HERE, **more)
    key: ScanKey = ("http", URL, finding.address)
    return sealed(resting(finding, "d"), scans={"d": key})


def folded(*results: InspectionResult, rejudge: Rejudge = never) -> list[dict[str, TrackedFinding]]:
    """What is known after each inspection."""
    known: dict[str, TrackedFinding] = {}
    previous: Previous | None = None
    found = []
    for each in results:
        known = {**known, **advance(known, each, previous, rejudge)}
        previous = Previous(each.capture, each.rules)
        found.append(known)
    return found


def states(*results: InspectionResult, rejudge: Rejudge = never) -> list[FindingState | None]:
    return [each[ID].state if ID in each else None for each in folded(*results, rejudge=rejudge)]


def test_a_failure_lives_from_new_to_fixed() -> None:
    """New, still, not seen again, still, fixed: open until it passes; the first date stays, the last moves with it."""
    outcomes = (FAIL, FAIL, INCONCLUSIVE, FAIL, PASS, PASS)
    known = folded(*(inspected(one(each), day) for day, each in enumerate(outcomes)))
    assert [each[ID].state.value for each in known] == ["new", "still", "not-seen-again", "still", "fixed", "fixed"]
    assert [each[ID].is_open for each in known] == [True] * 4 + [False] * 2
    assert {each[ID].first_seen for each in known} == {BEGUN}
    assert [(each[ID].last_seen - BEGUN).days for each in known] == [0, 1, 1, 3, 3, 3]
    assert [(each[ID].changed - BEGUN).days for each in known] == [0, 0, 2, 3, 4, 4]


def test_what_is_as_it_was_is_no_event() -> None:
    """A failure that stays is told once; each change of what is known of it once."""
    known: dict[str, TrackedFinding] = {}
    told = []
    for day, outcome in enumerate((FAIL, FAIL, FAIL, INCONCLUSIVE, INCONCLUSIVE, FAIL, PASS, PASS)):
        changed = advance(known, inspected(one(outcome), day), None, never)
        told.append([each.state.value for each in events(known, changed)])
        known |= changed
    assert told == [["new"], [], [], ["not-seen-again"], [], ["still"], ["fixed"], []]


@pytest.mark.parametrize(("days", "state"), [(90, FindingState.RETURNED), (91, FindingState.NEW)])
def test_what_returns_within_90_days_keeps_its_first_date(days: int, state: FindingState) -> None:
    """A failure that comes back soon was not really fixed; later it is another one."""
    known = folded(inspected(one(FAIL), 0), inspected(one(PASS), 5), inspected(one(FAIL), 5 + days))[-1][ID]
    assert known.state is state
    assert known.is_open
    assert (known.first_seen == BEGUN) is (state is FindingState.RETURNED)


def test_an_endpoint_that_is_not_declared_any_more_is_withdrawn() -> None:
    """Taking the endpoint out of the declaration leaves its failures open."""
    gone = inspected(sealed(), 1, endpoints=())
    found = folded(inspected(one(FAIL), 0), gone)[-1][ID]
    assert (found.state, found.reason) == (FindingState.WITHDRAWN, ChangeReason.SUBJECT_MISSING)
    assert found.is_open
    assert states(inspected(one(FAIL), 0), inspected(sealed(), 1))[-1] is FindingState.NOT_SEEN_AGAIN
    assert states(inspected(one(FAIL), 0), gone, inspected(one(PASS), 2))[-1] is FindingState.FIXED


def test_what_applies_no_more_is_not_fixed() -> None:
    """A check that finds nothing to apply to has not seen the failure mended."""
    assert states(inspected(one(FAIL), 0), inspected(one(NONE), 1))[-1] is FindingState.NOT_SEEN_AGAIN


# --- Several addresses and scans --------------------------------------------------------------------------------------


def at(outcomes: Mapping[str, Outcome]) -> Judged:
    """One finding for each address, each by a scan of its own."""
    scans: dict[str, ScanKey] = {address: ("http", URL, address) for address in outcomes}
    findings = (resting(made(each, address=address, endpoint=HERE), address) for address, each in outcomes.items())
    return sealed(*findings, scans=scans)


def test_an_address_that_failed_is_not_forgotten_while_another_fails() -> None:
    """Two addresses fail, then one is not seen, then the other passes: the first is still to be seen again."""
    one_address, other = ADDRESSES
    both = inspected(at({one_address: FAIL, other: FAIL}), 0)
    found = folded(both, inspected(at({one_address: FAIL}), 1), inspected(at({one_address: PASS}), 2))
    assert found[1][ID].failing == {one_address, other}
    assert found[2][ID].state is FindingState.NOT_SEEN_AGAIN
    assert found[2][ID].reason is ChangeReason.ADDRESS_MISSING
    mended = inspected(at({one_address: PASS, other: PASS}), 3)
    assert states(both, inspected(at({one_address: FAIL}), 1), mended)[-1] is FindingState.FIXED
    passing = inspected(at({one_address: FAIL, other: PASS}), 1)
    assert folded(both, passing)[1][ID].failing == {one_address}


def test_a_scan_that_was_not_seen_again_is_owed_while_the_finding_fails() -> None:
    """A finding about the whole system rests on two services; one is not seen while the other still fails."""
    whole = {"subject": "system:", "address": None}
    keys: dict[str, ScanKey] = {"a": ("http", "http://a/", ADDRESSES[0]), "b": ("http", "http://b/", ADDRESSES[1])}

    def looked(outcome: Outcome, *scans: str) -> Judged:
        return sealed(resting(made(outcome, **whole), *scans), scans={each: keys[each] for each in scans})

    results = [inspected(looked(FAIL, "a", "b"), 0), inspected(looked(FAIL, "a"), 1), inspected(looked(PASS, "a"), 2)]
    name = finding_id("r", "system:")
    assert folded(*results)[-1][name].reason is ChangeReason.SCAN_MISSING
    assert folded(*results, inspected(looked(PASS, "a", "b"), 3))[-1][name].state is FindingState.FIXED


CELLS = st.dictionaries(
    st.tuples(st.sampled_from("rq"), st.sampled_from(ADDRESSES)), st.sampled_from(Outcome), max_size=4
)


def scanned(outcomes: Mapping[tuple[str, str], Outcome], planned: Iterable[tuple[str, str]]) -> Judged:
    findings: list[Finding] = []
    scans: dict[str, ScanKey] = {}
    for (row, address), outcome in outcomes.items():
        scans[address] = ("http", URL, address)
        findings.append(resting(made(outcome, requirement=row, address=address, endpoint=HERE), address))
    plan = frozenset((URL, address) for _row, address in planned)
    return sealed(*findings, scans=scans, rows=("r", "q"), planned=plan)


History = Sequence[Mapping[tuple[str, str], Outcome]]


def fixed(history: History, plans: History, *, ever: bool = False) -> set[str]:
    """The findings that are fixed at the end, or were at any time, where more was planned than gave something."""
    days = enumerate(zip(history, plans, strict=True))
    after_each = folded(*(inspected(scanned(each, plan), day) for day, (each, plan) in days))
    states = after_each if ever else after_each[-1:]
    return {name for known in states for name, each in known.items() if each.state is FindingState.FIXED}


@given(st.lists(CELLS, min_size=2, max_size=5), st.data())
@settings(max_examples=300)
def test_dropping_any_scan_fixes_nothing(history: list[dict[tuple[str, str], Outcome]], data: st.DataObject) -> None:
    """Whatever planned scans are missing from any inspections, no failure becomes fixed by it."""
    without = [
        {cell: outcome for cell, outcome in each.items() if cell[1] not in dropped}
        for each in history
        for dropped in [data.draw(st.sets(st.sampled_from(ADDRESSES)))]
    ]
    assert fixed(without, history) <= fixed(history, history, ever=True)  # it may have failed again since


def test_a_scan_that_was_planned_and_is_missing_is_owed() -> None:
    """An address that was to be scanned when the failure was found has to pass, too."""
    plan = {("r", address): FAIL for address in ADDRESSES}
    here = ("r", ADDRESSES[0])
    assert fixed([{here: FAIL}, {here: PASS}], [{here: FAIL}, {here: PASS}])
    assert not fixed([{here: FAIL}, {here: PASS}], [plan, {here: PASS}])


# --- By the rules -----------------------------------------------------------------------------------------------------


def again(**captures: Judged) -> Rejudge:
    return lambda capture: captures.get(f"c{capture}")


def test_what_only_the_rules_changed_is_neither_new_nor_fixed() -> None:
    """The earlier capture under the later rules decides: it fails or passes by the rules alone."""
    was, now = inspected(one(PASS), 0), inspected(one(FAIL), 1, rules="2")
    found = folded(was, now, rejudge=again(c0=one(FAIL)))[-1][ID]
    assert (found.state, found.is_open) == (FindingState.BY_THE_RULES, True)
    assert states(was, now, rejudge=again(c0=one(PASS)))[-1] is FindingState.NEW
    was, now = inspected(one(FAIL), 0), inspected(one(PASS), 1, rules="2")
    found = folded(was, now, rejudge=again(c0=one(PASS), c1=one(PASS)))[-1][ID]
    assert (found.state, found.is_open) == (FindingState.BY_THE_RULES, False)
    assert states(was, now, rejudge=again(c0=one(FAIL), c1=one(PASS)))[-1] is FindingState.FIXED


def test_under_other_rules_nothing_is_fixed_on_trust() -> None:
    """Without the earlier capture, or where the version at hand fails the later one, a pass is no fix."""
    was, now = inspected(one(FAIL), 0), inspected(one(PASS), 1, rules="2")
    lost = folded(was, now, rejudge=again())[-1][ID]
    assert (lost.state, lost.reason) == (FindingState.NOT_SEEN_AGAIN, ChangeReason.EARLIER_MISSING)
    other = folded(was, now, rejudge=again(c0=one(FAIL), c1=one(FAIL)))[-1][ID]
    assert other.state is FindingState.BY_THE_RULES


def test_rules_that_cannot_judge_the_earlier_capture_close_nothing() -> None:
    """A new version that finds the old observation inconclusive does not make an unseen failure go away."""
    was, now = inspected(one(FAIL), 0), inspected(one(INCONCLUSIVE), 1, rules="2")
    for earlier in (one(INCONCLUSIVE), sealed()):
        found = folded(was, now, rejudge=again(c0=earlier))[-1][ID]
        assert (found.state, found.is_open) == (FindingState.NOT_SEEN_AGAIN, True)


def test_a_row_that_is_not_demanded_any_more_is_by_the_rules() -> None:
    """A failure of a row that the regime dropped is closed, and not fixed."""
    found = folded(inspected(one(FAIL), 0), inspected(sealed(rows=("q",)), 1))[-1][ID]
    assert (found.state, found.reason, found.is_open) == (
        FindingState.BY_THE_RULES,
        ChangeReason.NOT_DEMANDED,
        False,
    )


def test_a_silent_scan_fixes_nothing() -> None:
    """A pass whose scans gave no observation does not count as seen."""
    silent = replace(one(PASS), seen=frozenset())
    found = folded(inspected(one(FAIL), 0), inspected(silent, 1))[-1][ID]
    assert found.reason is ChangeReason.SCAN_MISSING


# --- Re-inspections ---------------------------------------------------------------------------------------------------


@given(st.lists(CELLS, min_size=1, max_size=4), CELLS, st.integers(0, 4))
@settings(max_examples=300)
def test_what_a_re_inspection_did_not_ask_about_is_as_if_there_had_been_none(
    history: list[dict[tuple[str, str], Outcome]], seen: dict[tuple[str, str], Outcome], place: int
) -> None:
    """Wherever it comes in a history: nothing of another row is fixed, not seen again, older or otherwise changed."""
    asked = {cell: outcome for cell, outcome in seen.items() if cell[0] == "r"}
    again = replace(scanned(asked, asked), asked=frozenset({ID}), left_out=frozenset("q"))
    whole = [inspected(scanned(each, each), 2 * day) for day, each in enumerate(history)]
    partial = inspected(again, 2 * min(place, len(history)) - 1)
    with_it = sorted([*whole, partial], key=lambda each: each.begun)
    other = finding_id("q", URL)
    assert folded(*with_it)[-1].get(other) == folded(*whole)[-1].get(other)


def test_a_re_inspection_judges_what_it_asked() -> None:
    """A failure that it saw pass is fixed; one that it could not see is not seen again."""
    for outcome, state in ((PASS, FindingState.FIXED), (INCONCLUSIVE, FindingState.NOT_SEEN_AGAIN)):
        again = replace(one(outcome), asked=frozenset({ID}))
        assert states(inspected(one(FAIL), 0), inspected(again, 1))[-1] is state
    gone = replace(sealed(), asked=frozenset({ID}))
    assert states(inspected(one(FAIL), 0), inspected(gone, 1))[-1] is FindingState.NOT_SEEN_AGAIN
