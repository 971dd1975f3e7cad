"""When a campaign that is repeated is due: at each instant of its rhythm once, a missed one once and late."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from inspector.declare.campaign import Campaign, Every

#: Where a campaign has no window, its months are counted in this time zone.
_ZONE = "Asia/Ho_Chi_Minh"


def occurrence_of(campaign: Campaign, at: datetime) -> Campaign | None:
    """The round of a repeated campaign that is due at this instant; None before the first.

    Of rounds that were missed only the last is due. Its id ends with its day, so that it is started once.
    """
    assert campaign.every is not None  # noqa: S101  (only those are scheduled)
    assert campaign.starts is not None  # noqa: S101  (which have a beginning: ``declare.campaign`` refuses others)
    before: datetime | None = None
    for begins in _rhythm(campaign.starts, campaign.every, _zone(campaign)):
        if begins > at:
            if before is None:
                return None
            day = before.astimezone(_zone(campaign)).date()
            update = {"id": f"{campaign.id}-{day:%Y-%m-%d}", "starts": before, "deadline": begins, "every": None}
            return campaign.model_copy(update=update)
        before = begins
    return None


def _zone(campaign: Campaign) -> ZoneInfo:
    return ZoneInfo(campaign.windows[0].timezone if campaign.windows else _ZONE)


def _rhythm(first: datetime, every: Every, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants at which a round begins; of a month that is too short the last day."""
    begins, number = first.astimezone(zone), 0
    while True:
        yield _later(begins, every, number)
        number += 1


def _later(begins: datetime, every: Every, number: int) -> datetime:
    if every.days is not None:
        return begins + timedelta(days=every.days * number)
    months = begins.month - 1 + (every.months or 1) * number
    year, month = begins.year + months // 12, months % 12 + 1
    return begins.replace(year=year, month=month, day=min(begins.day, calendar.monthrange(year, month)[1]))
