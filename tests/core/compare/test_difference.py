"""What changed between two inspections: fixed only where all of it was seen again, and nothing by silence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.compare.difference import ChangeReason, FindingChange, Judged, SystemDifference, compare
from inspector.model.finding import Finding
from inspector.model.verdict import Outcome
from tests.core.compare.findings import ADDRESSES, URL, listed, made, resting, sealed

FAIL, PASS, INCONCLUSIVE, NONE = Outcome.FAIL, Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE


def changes(difference: SystemDifference) -> list[tuple[FindingChange, ChangeReason | None]]:
    return [(each.change, each.reason) for each in difference.changes]


@pytest.mark.parametrize(
    ("before", "after", "change", "reason"),
    [
        ([], [FAIL], FindingChange.NEW, None),
        ([PASS], [FAIL], FindingChange.NEW, None),
        ([INCONCLUSIVE], [FAIL], FindingChange.NEW, None),
        ([FAIL], [FAIL], FindingChange.STILL, None),
        ([FAIL, PASS], [PASS, FAIL], FindingChange.STILL, None),
        ([FAIL], [PASS], FindingChange.FIXED, None),
        ([FAIL, FAIL], [PASS, PASS], FindingChange.FIXED, None),
        ([FAIL], [PASS, PASS], FindingChange.FIXED, None),
        ([FAIL], [], FindingChange.NOT_SEEN_AGAIN, ChangeReason.SUBJECT_MISSING),
        ([FAIL], [INCONCLUSIVE], FindingChange.NOT_SEEN_AGAIN, ChangeReason.NOT_DECIDED),
        ([FAIL], [Outcome.ERROR], FindingChange.NOT_SEEN_AGAIN, ChangeReason.NOT_DECIDED),
        ([FAIL], [Outcome.NOT_OBSERVABLE], FindingChange.NOT_SEEN_AGAIN, ChangeReason.NOT_DECIDED),
        ([FAIL], [NONE], FindingChange.NOT_SEEN_AGAIN, ChangeReason.NOT_APPLICABLE),
        ([FAIL], [PASS, NONE], FindingChange.NOT_SEEN_AGAIN, ChangeReason.NOT_APPLICABLE),
        ([FAIL, FAIL], [PASS, INCONCLUSIVE], FindingChange.NOT_SEEN_AGAIN, ChangeReason.NOT_DECIDED),
        ([FAIL, FAIL], [PASS], FindingChange.NOT_SEEN_AGAIN, ChangeReason.ADDRESS_MISSING),
        ([FAIL, PASS], [PASS], FindingChange.NOT_SEEN_AGAIN, ChangeReason.ADDRESS_MISSING),
    ],
)
@pytest.mark.parametrize("side", [sealed, listed])
def test_what_becomes_of_a_failure(
    side: object, before: list[Outcome], after: list[Outcome], change: FindingChange, reason: ChangeReason | None
) -> None:
    """Each pair of outcomes at two addresses has its change, from bundles and from findings alone."""
    was, now = (
        side(*(made(outcome, address=address) for outcome, address in zip(outcomes, ADDRESSES, strict=False)))  # type: ignore[operator]  # either function
        for outcomes in (before, after)
    )
    difference = compare(was, now)
    assert changes(difference) == [(change, reason)]
    (found,) = difference.changes
    assert found.finding.outcome is FAIL
    assert found.fails == (FAIL in after)


@pytest.mark.parametrize(("before", "after"), [([PASS], [PASS]), ([INCONCLUSIVE], [PASS]), ([PASS], []), ([], [])])
def test_what_never_failed_is_no_change(before: list[Outcome], after: list[Outcome]) -> None:
    """Findings that fail on neither side are not listed."""
    assert changes(compare(sealed(*map(made, before)), sealed(*map(made, after)))) == []


def test_what_passed_and_is_not_seen_is_counted() -> None:
    """A pass that is not decided now is no failure, and not forgotten either; one that is not demanded is."""
    was = sealed(made(PASS))
    assert [each.outcome for each in compare(was, sealed(made(INCONCLUSIVE))).no_longer_seen] == [PASS]
    assert len(compare(was, sealed()).no_longer_seen) == len(compare(was, None).no_longer_seen) == 1
    assert compare(was, sealed(made(NONE))).no_longer_seen == ()
    assert compare(was, sealed(rows=())).no_longer_seen == ()


def test_a_system_on_one_side_only() -> None:
    """All failures of a system that was not inspected before are new, of one that is not now not seen again."""
    failing = sealed(made(FAIL))
    assert changes(compare(None, failing)) == [(FindingChange.NEW, None)]
    assert changes(compare(failing, None)) == [(FindingChange.NOT_SEEN_AGAIN, ChangeReason.SYSTEM_MISSING)]


# --- By the rules -----------------------------------------------------------------------------------------------------


def test_other_rules_are_no_change_of_the_system() -> None:
    """What the earlier observation alone says under the later rules is by the rules, and neither new nor fixed."""
    passes, fails = sealed(made(PASS)), sealed(made(FAIL))
    assert changes(compare(fails, fails, then=passes)) == [
        (FindingChange.BY_THE_RULES, ChangeReason.FAILS_BY_THE_RULES)
    ]
    assert changes(compare(passes, passes, then=fails)) == [
        (FindingChange.BY_THE_RULES, ChangeReason.PASSES_BY_THE_RULES)
    ]
    assert changes(compare(fails, sealed(rows=()))) == [(FindingChange.BY_THE_RULES, ChangeReason.NOT_DEMANDED)]


def test_what_failed_then_and_fails_now_is_still_there() -> None:
    """Rules under which the earlier observation would have passed do not make an old failure new."""
    assert changes(compare(sealed(made(PASS)), sealed(made(FAIL)), then=sealed(made(FAIL)))) == [
        (FindingChange.STILL, None)
    ]


# --- What a finding rests on ------------------------------------------------------------------------------------------

WHOLE = {"subject": "system:", "address": None}
ONE, TWO = ("http", f"{URL}/", ADDRESSES[0]), ("http", "http://old.example.vn/", ADDRESSES[1])


def test_an_endpoint_that_is_no_longer_declared_is_not_fixed() -> None:
    """A row about the whole system passes without the bad endpoint, which nobody looked at again."""
    was = sealed(resting(made(FAIL, **WHOLE), "a", "b"), scans={"a": ONE, "b": TWO})
    now = sealed(resting(made(PASS, **WHOLE), "c"), scans={"c": ONE})
    assert changes(compare(was, now)) == [(FindingChange.NOT_SEEN_AGAIN, ChangeReason.SCAN_MISSING)]
    whole = sealed(resting(made(PASS, **WHOLE), "c", "d"), scans={"c": ONE, "d": TWO})
    assert changes(compare(was, whole)) == [(FindingChange.FIXED, None)]
    silent = replace(whole, seen=frozenset({ONE}))
    assert changes(compare(was, silent)) == [(FindingChange.NOT_SEEN_AGAIN, ChangeReason.SCAN_MISSING)]


@pytest.mark.parametrize(("subject", "digests"), [("system:", "a"), ("host:h", "a"), (URL, "ab")])
def test_findings_alone_do_not_show_that_a_whole_was_seen(subject: str, digests: str) -> None:
    """Where a finding rests on services that it does not name, a findings.json proves no fix."""
    was, now = (listed(resting(made(each, subject=subject, address=None), *digests)) for each in (FAIL, PASS))
    assert changes(compare(was, now)) == [(FindingChange.NOT_SEEN_AGAIN, ChangeReason.SCANS_UNKNOWN)]


def test_what_rests_on_the_declaration_is_fixed_by_it() -> None:
    """A finding without evidence, as on the dossier, is fixed where it passes."""
    assert changes(compare(listed(made(FAIL, **WHOLE)), listed(made(PASS, **WHOLE)))) == [(FindingChange.FIXED, None)]


def test_an_address_whose_scan_is_missing_is_not_forgotten() -> None:
    """An address that was to be scanned now and has no finding keeps a failure from being fixed."""
    now = sealed(made(PASS), planned=frozenset({(URL, address) for address in ADDRESSES}))
    assert changes(compare(sealed(made(FAIL)), now)) == [(FindingChange.NOT_SEEN_AGAIN, ChangeReason.ADDRESS_MISSING)]


# --- Any findings -----------------------------------------------------------------------------------------------------

CELLS = st.tuples(st.sampled_from("rq"), st.sampled_from(ADDRESSES))
SIDES = st.dictionaries(CELLS, st.sampled_from(Outcome), max_size=4)


def side(outcomes: dict[tuple[str, str], Outcome]) -> list[Finding]:
    return [made(outcome, requirement=row, address=address) for (row, address), outcome in outcomes.items()]


def fixed(before: Iterable[Finding], after: Iterable[Finding], planned: frozenset[tuple[str, str]]) -> set[str]:
    rows = ("r", "q")
    difference = compare(sealed(*before, rows=rows), sealed(*after, rows=rows, planned=planned))
    return {each.finding.id for each in difference.of(FindingChange.FIXED)}


@given(before=SIDES, after=SIDES, dropped=st.sets(CELLS), silent=st.sets(CELLS))
def test_dropping_any_scan_fixes_nothing(
    before: dict[tuple[str, str], Outcome],
    after: dict[tuple[str, str], Outcome],
    dropped: set[tuple[str, str]],
    silent: set[tuple[str, str]],
) -> None:
    """Findings of the later inspection that are missing or undecided never make one more failure fixed."""
    less = {cell: INCONCLUSIVE if cell in silent else each for cell, each in after.items() if cell not in dropped}
    planned = frozenset((URL, address) for _, address in after)
    assert fixed(side(before), side(less), planned) <= fixed(side(before), side(after), planned)


@given(before=SIDES, after=SIDES)
def test_every_failure_has_exactly_one_change(
    before: dict[tuple[str, str], Outcome], after: dict[tuple[str, str], Outcome]
) -> None:
    """Each id that fails on either side is listed once; it is still failing or new exactly where it fails now."""
    was, now = side(before), side(after)
    rows = ("r", "q")
    difference = compare(sealed(*was, rows=rows), sealed(*now, rows=rows))
    failing = {each.id for each in (*was, *now) if each.outcome is FAIL}
    assert sorted(each.finding.id for each in difference.changes) == sorted(failing)
    for each in difference.changes:
        fails_now = any(one.outcome is FAIL for one in now if one.id == each.finding.id)
        assert (each.change in (FindingChange.NEW, FindingChange.STILL)) == fails_now


@given(found=SIDES)
def test_nothing_changes_between_an_inspection_and_itself(found: dict[tuple[str, str], Outcome]) -> None:
    """Against itself an inspection has failures that are still there, and nothing else."""
    judged: Judged = sealed(*side(found), rows=("r", "q"))
    difference = compare(judged, judged)
    assert {each.change for each in difference.changes} <= {FindingChange.STILL}
    assert difference.no_longer_seen == ()
