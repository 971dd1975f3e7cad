"""What an organisation was told to mend, what it claims to have mended, and what an inspector agreed to withdraw.

It is written by the inspecting side, which records claims of the owner as they were made. None of it changes an
outcome: that something was mended is seen by a later inspection.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from inspector.declare import document as documents
from inspector.model.base import Model


class FollowUpAction(StrEnum):
    """What is recorded: a demand to mend, the owner's claim that it was, the consent to a withdrawal."""

    DEMAND = "demand"
    CLAIM = "claim"
    AGREE = "agree-withdrawal"


def _one_line(text: str) -> str:
    if any(unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp", "Cs") for each in text):
        raise ValueError("this contains a line break or a control character; write it on one line")
    return text


Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_one_line)]
Email = Annotated[
    str,
    Field(
        max_length=254,
        pattern=r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$",
        description="a mail address in ASCII, as an.nguyen@example.vn",
    ),
]
FindingId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="32 hexadecimal digits, as lists have them")]


class Responsible(Model):
    """Who has to have it mended, and the address that reminders are written to."""

    name: Line
    email: Email


class FollowUpEntry(Model):
    """One thing to record about findings of one system (``ORGANISATION/ID``).

    ``findings`` empty: for a demand every open failure of a mandatory requirement that is due, for a claim what was
    demanded and is not seen mended, for the consent every failure that is withdrawn. ``due`` and ``responsible`` are
    those of a demand. ``by`` is the person who demands, claims or consents, ``document`` the letter or minutes.
    """

    action: FollowUpAction
    system: Line
    findings: tuple[FindingId, ...] = ()
    by: Line
    due: date | None = None
    responsible: Responsible | None = None
    document: Line | None = None
    note: Line | None = None

    @model_validator(mode="after")
    def _has_what_a_demand_needs(self) -> Self:
        is_demand = self.action is FollowUpAction.DEMAND
        if is_demand and (self.due is None or self.responsible is None):
            raise ValueError("a demand has no day or nobody responsible; add due and responsible")
        if not is_demand and (self.due is not None or self.responsible is not None):
            raise ValueError("due and responsible belong to a demand; leave them out")
        return self


class FollowUp(Model):
    """The follow-up document."""

    entries: Annotated[tuple[FollowUpEntry, ...], Field(min_length=1)]


#: What is wrong with an entry beyond its form: the field, what, and what to do.
Problem = tuple[str, str, str]


def load(path: Path, problems: Callable[[FollowUpEntry], Iterator[Problem]] | None = None) -> tuple[FollowUpEntry, ...]:
    """The entries of a file. Raises InputFileError with every error, those that ``problems`` gives included."""
    document = documents.read(path)
    found = document.take(FollowUp)
    entries = found.entries if found else ()
    for index, each in enumerate(entries):
        for field, what, remedy in problems(each) if problems is not None else ():
            document.diagnostic(("entries", index, field), what, remedy)
    document.close()
    return entries


def decides(entry: FollowUpEntry, inspectors: Collection[str]) -> bool:
    """Whether the person may do this: only those of the inspecting side demand and consent."""
    folded = {_folded(each) for each in inspectors}
    return entry.action is FollowUpAction.CLAIM or _folded(entry.by) in folded


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())
