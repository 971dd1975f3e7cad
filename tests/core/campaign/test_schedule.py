"""A repeated campaign: each round once, of missed ones the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from inspector.campaign.schedule import occurrence_of
from inspector.declare.campaign import Campaign, CampaignKind, CampaignSelection, Every

BEGINS = datetime.fromisoformat("2026-01-31T22:00:00+07:00")


def repeated(**every: int) -> Campaign:
    return Campaign(
        id="c",
        kind=CampaignKind.PERIODIC,
        basis="b",
        selection=CampaignSelection(declarations=("/d",)),
        starts=BEGINS,
        every=Every(**every),
    )


@pytest.mark.parametrize(
    ("every", "at", "known"),
    [
        ({"days": 7}, "2026-01-31T14:59:59Z", None),
        ({"days": 7}, "2026-01-31T15:00:00Z", "c-2026-01-31"),
        ({"days": 7}, "2026-02-07T14:59:59Z", "c-2026-01-31"),
        ({"days": 7}, "2026-02-07T15:00:00Z", "c-2026-02-07"),
        ({"days": 7}, "2026-03-20T00:00:00Z", "c-2026-03-14"),
        ({"months": 1}, "2026-02-28T15:00:00Z", "c-2026-02-28"),
        ({"months": 1}, "2026-03-31T15:00:00Z", "c-2026-03-31"),
        ({"months": 6}, "2026-07-31T15:00:00Z", "c-2026-07-31"),
        ({"months": 12}, "2028-01-31T15:00:00Z", "c-2028-01-31"),
    ],
)
def test_the_last_round_that_has_begun_is_due(every: dict[str, int], at: str, known: str | None) -> None:
    """A month that is too short has its last day, and those after it the first one's again."""
    found = occurrence_of(repeated(**every), datetime.fromisoformat(at))
    assert (found and found.id) == known


def test_a_round_ends_when_the_next_begins() -> None:
    """Its deadline is that instant, and it is not repeated itself."""
    found = occurrence_of(repeated(days=7), BEGINS + timedelta(days=8))
    assert found is not None
    assert (found.starts, found.deadline, found.every) == (
        BEGINS + timedelta(days=7),
        BEGINS + timedelta(days=14),
        None,
    )
    assert found.starts is not None
    assert found.starts.astimezone(UTC).hour == 15
