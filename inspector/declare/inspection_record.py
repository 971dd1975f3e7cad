"""The record of an inspection (biên bản kiểm tra): who took part, where, what is concluded and recommended by when.

It is written by the inspecting side after the inspection, and only shown in reports: it changes no result and is not
sealed, but names the digest of the sealed inspection and holds by its signatures. What it leaves out is a dotted line
in the report, to be filled in by hand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path

from pydantic import Field, field_validator

from inspector.declare import document as documents
from inspector.declare.document.diagnostics import remedy_for_unknown
from inspector.model.base import Instant, Model
from inspector.model.formatted import FormattedMessage


class TeamDecision(Model):
    """The decision that set up the inspection team."""

    number: str = Field(min_length=1)
    date: dt.date
    by: str | None = None


class Participant(Model):
    """Somebody who took part: name, position at work, and role in the inspection."""

    name: str = Field(min_length=1)
    position: str | None = None
    role: str | None = None


class InspectedSide(Model):
    """The inspected organisation and who represented it."""

    organisation: str | None = None
    representatives: tuple[Participant, ...] = ()


class Recommendation(Model):
    """What the inspected side is to do, by when; ``requirement`` is the id of the failing requirement, if it is one."""

    text: str = Field(min_length=1)
    requirement: str | None = None
    responsible: str | None = None
    due: dt.date | None = None


class InspectionRecord(Model):
    """The record of the inspection of one system (``system``: its id, where it must be that one)."""

    system: str | None = None
    number: str | None = None
    place: str | None = None
    began: Instant | None = None
    ended: Instant | None = None
    decision: TeamDecision | None = None
    team: tuple[Participant, ...] = ()
    inspected: InspectedSide = InspectedSide()
    witnesses: tuple[Participant, ...] = ()
    conclusion: str | None = None
    recommendations: tuple[Recommendation, ...] = ()
    opinion: str | None = Field(default=None, description="what the inspected side says about the results")
    copies: int | None = Field(default=None, ge=1, le=99)

    @field_validator("ended")
    @classmethod
    def _not_before_it_began(cls, ended: dt.datetime | None, info: object) -> dt.datetime | None:
        began = getattr(info, "data", {}).get("began")
        if ended is not None and began is not None and ended < began:
            raise ValueError("the inspection ended before it began; correct one of began and ended")
        return ended


def load(
    path: Path, *, systems: Collection[str] | None = None, requirements: Collection[str] | None = None
) -> InspectionRecord:
    """The record in a file. ``systems`` and ``requirements`` are the ids that it may name, where they are known.

    Raises InputFileError with every diagnostic.
    """
    document = documents.read(path)
    record = document.take(InspectionRecord) or InspectionRecord()
    if systems is not None and record.system is not None and record.system not in systems:
        document.diagnostic(
            ("system",),
            FormattedMessage("the record is about system {id}", id=repr(record.system)),
            remedy_for_unknown(record.system, sorted(systems)),
        )
    for index, each in enumerate(record.recommendations):
        if requirements is not None and each.requirement is not None and each.requirement not in requirements:
            document.diagnostic(
                ("recommendations", index, "requirement"),
                FormattedMessage("requirement {id} was not assessed", id=repr(each.requirement)),
                remedy_for_unknown(each.requirement, sorted(requirements)),
            )
    document.close()
    return record
