"""The exposure to ransomware: what was seen of each way in, told apart from what was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from inspector import Cause, EntryPath, Outcome, PathExposure, Reach, exposure_of
from inspector.model.finding import EvidenceRef, Finding
from inspector.record.assessment import Assessment, Coverage
from inspector.record.plan import VantageLimit
from inspector.regime.regime import Requirement
from tests.reports import examples

#: Evidence that a finding rests on.
SEEN = (EvidenceRef(evidence="0" * 64),)
RDP_TAGS = ("ransomware", "ransomware-rdp")


def _row(number: int = 1, *tags: str) -> Requirement:
    (row,) = [each for each in examples.ROWS if each.id == "open-ports"]
    return row.model_copy(update={"id": f"row-{number}", "tags": tags})


def _found(outcome: Outcome, cause: Cause | None = None, number: int = 1, **more: Any) -> Finding:
    made = examples.finding("open-ports", outcome, "telnet is there", cause=cause, evidence=SEEN)
    return made.model_copy(update={"requirement": f"row-{number}", **more})


def _exposure(rows: Sequence[Requirement], found: Sequence[Finding], **coverage: Any) -> tuple[PathExposure, ...]:
    assessment: Assessment = examples.assessment()
    seen = Coverage(asked=1, seen=1, **coverage)
    update = {"requirements": tuple(rows), "findings": tuple(found), "coverage": seen}
    return exposure_of(assessment.model_copy(update=update))


def _rdp(*found: Finding, rows: int = 1, **coverage: Any) -> PathExposure:
    seen = _exposure([_row(number + 1, *RDP_TAGS) for number in range(rows)], found, **coverage)
    return next(each for each in seen if each.path is EntryPath.RDP)


FAIL, PASS = _found(Outcome.FAIL), _found(Outcome.PASS)
NOT_APPLICABLE = _found(Outcome.NOT_APPLICABLE)
NOTHING_DECLARED = _found(Outcome.NOT_APPLICABLE, evidence=())
TIMEOUT = _found(Outcome.INCONCLUSIVE, Cause.TIMEOUT)


@pytest.mark.parametrize(
    ("found", "reach"),
    [
        ((FAIL, PASS), Reach.EXPOSED),
        ((FAIL, TIMEOUT), Reach.EXPOSED),
        ((PASS,), Reach.NOT_FOUND),
        ((PASS, NOT_APPLICABLE), Reach.NOT_FOUND),
        ((NOT_APPLICABLE,), Reach.NOT_FOUND),
        ((PASS, TIMEOUT), Reach.UNDECIDED),
        ((PASS, _found(Outcome.ERROR, Cause.BUG)), Reach.UNDECIDED),
        ((PASS, _found(Outcome.NOT_OBSERVABLE)), Reach.UNDECIDED),
        ((PASS, NOTHING_DECLARED), Reach.UNDECIDED),
        ((NOTHING_DECLARED,), Reach.UNDECIDED),
        ((), Reach.UNDECIDED),
    ],
)
def test_a_way_in_is_absent_only_where_everything_was_seen(found: tuple[Finding, ...], reach: Reach) -> None:
    """One failure shows a way in; one thing that was not seen, or nothing at all, leaves it undecided.

    What does not apply was looked at where it rests on evidence: there is no such service.
    """
    assert _rdp(*found).reach is reach


@pytest.mark.parametrize(
    ("coverage", "reasons"),
    [({}, (Cause.NOT_SELECTED,)), ({"not_authorised": ("row-2",)}, (Cause.NOT_AUTHORISED,))],
)
def test_a_row_that_was_not_asked_leaves_its_way_undecided(
    coverage: dict[str, Any], reasons: tuple[Cause, ...]
) -> None:
    """One row of the way passes; another was not selected, or is not permitted: nobody looked."""
    seen = _rdp(PASS, rows=2, **coverage)
    assert (seen.reach, seen.reasons) == (Reach.UNDECIDED, reasons)
    assert _rdp(PASS, _found(Outcome.PASS, number=2), rows=2).reach is Reach.NOT_FOUND


def test_an_undecided_way_says_why() -> None:
    """Each cause is named once, in the order of the rows; a row about nothing has its outcome."""
    found = (
        *(TIMEOUT, TIMEOUT, _found(Outcome.INCONCLUSIVE, Cause.AMBIGUOUS)),
        *(NOTHING_DECLARED, _found(Outcome.ERROR, Cause.BUG), PASS),
    )
    wanted = (Cause.TIMEOUT, Cause.AMBIGUOUS, Outcome.NOT_APPLICABLE, Cause.BUG)
    assert _rdp(*found).reasons == wanted
    assert _rdp(PASS).reasons == _rdp(FAIL).reasons == ()


def test_what_the_vantage_cannot_see_leaves_every_way_undecided() -> None:
    """Addresses without a route were not looked at; what was seen open elsewhere stays open."""
    limits = (VantageLimit(id="ipv6", detail="no route", addresses=("2001:db8::1",)),)
    seen = _rdp(PASS, limits=limits)
    assert (seen.reach, seen.reasons) == (Reach.UNDECIDED, (Cause.NOT_REACHED,))
    assert _rdp(FAIL, limits=limits).reach is Reach.EXPOSED


def test_a_way_that_no_row_is_about_is_undecided() -> None:
    """What no requirement asks about was not looked at; one without a tag of its own counts as another way."""
    named = _exposure([_row(1, *RDP_TAGS)], [PASS])
    assert [each.path for each in named] == [each for each in EntryPath if each is not EntryPath.OTHER]
    assert [each.path for each in named if each.reach is not Reach.UNDECIDED] == [EntryPath.RDP]
    assert {each.reasons for each in named[1:]} == {(Cause.NOT_SELECTED,)}
    other = _exposure([_row(1, "ransomware")], [FAIL])
    assert [each.path for each in other if each.reach is Reach.EXPOSED] == [EntryPath.OTHER]
    assert _exposure([_row(1, "smoke")], [FAIL]) == ()


def test_a_row_about_two_ways_counts_for_both() -> None:
    """A failure of it opens both."""
    seen = _exposure([_row(1, *RDP_TAGS, "ransomware-smb")], [FAIL])
    assert [each.path for each in seen if each.reach is Reach.EXPOSED] == [EntryPath.RDP, EntryPath.SMB]


def test_a_way_in_names_its_failures() -> None:
    """The failures that show a way in stand beside it, and those of other rows do not."""
    other = _found(Outcome.FAIL, number=9)
    assert _rdp(PASS, FAIL, other).open == (FAIL,)
