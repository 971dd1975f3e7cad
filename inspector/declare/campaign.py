"""The campaign: which systems are inspected in one round, when, and under which authorisations.

It is written by the inspecting side.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator, model_validator

from inspector.declare import document as documents
from inspector.declare.authorisation import DocumentInstant, Window
from inspector.declare.document import YamlDocument
from inspector.model.base import Model
from inspector.model.formatted import FormattedMessage

#: The format of a campaign's id, which is also the beginning of folder names.
CAMPAIGN_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"

CampaignId = Annotated[
    str,
    Field(
        pattern=f"^{CAMPAIGN_ID}$",
        description="1 to 64 letters, digits, '_' and '-', a letter or digit first",
    ),
]


class CampaignKind(StrEnum):
    """Why the systems are inspected."""

    PERIODIC = "periodic"
    RE_INSPECTION = "re-inspection"
    INCIDENT = "incident"
    SELF = "self"


def _text_path(text: str) -> str:
    if not text or "\0" in text:
        raise ValueError("this is no path; write the path of a file or folder")
    return text


FilePath = Annotated[str, AfterValidator(_text_path)]


class CampaignSelection(Model):
    """The systems of a campaign: those of the sources for which every field that is given holds.

    ``declarations``: files (.yaml, .jsonl), or folders of them. ``inventory``: the folder of a sealed snapshot.
    ``subtree``: the code of an organisation, with all below it. ``systems``: ids (``ORG/ID`` or ``ID``), in which * and
    ? stand for any characters. ``kinds``: kinds of systems, as the inventory has them. ``due_by``: systems whose
    inspection is due by this day, as the inventory says. ``failed_in``: the id of an earlier campaign in which a
    mandatory requirement failed.
    """

    declarations: tuple[FilePath, ...] = ()
    inventory: FilePath | None = None
    subtree: str | None = Field(default=None, min_length=1)
    levels: tuple[Annotated[int, Field(ge=1, le=5)], ...] = ()
    kinds: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    systems: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    due_by: date | None = None
    failed_in: CampaignId | None = None


class CampaignRequirements(Model):
    """What is asked: of which plugins, probes or checks (``only``), which tags (``select``); empty: everything.

    ``regime``: under which regime, instead of each system's own.
    """

    only: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    regime: str | None = None


class Every(Model):
    """How often a campaign is repeated: after so many days, or so many months."""

    days: int | None = Field(default=None, ge=1, le=3660)
    months: int | None = Field(default=None, ge=1, le=120)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Every:
        if (self.days is None) == (self.months is None):
            raise ValueError("write days or months, one of them")
        return self


class Campaign(Model):
    """One round of inspections over many systems.

    ``basis`` is the decision or plan behind it. ``windows`` narrow those of the authorisations. ``priorities`` are
    patterns of systems that come first, in this order. ``systems_at_once``: at most so many at the same time (None: as
    many as the machine carries). It begins at ``starts`` (None: when it is started), ends at ``deadline``, and is
    repeated ``every`` so often, each time under its id with the day.
    """

    id: CampaignId
    kind: CampaignKind
    basis: str = Field(min_length=1)
    selection: CampaignSelection
    authorisations: tuple[FilePath, ...] = ()
    windows: tuple[Window, ...] = ()
    requirements: CampaignRequirements = CampaignRequirements()
    priorities: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    systems_at_once: int | None = Field(default=None, ge=1)
    starts: DocumentInstant | None = None
    deadline: DocumentInstant | None = None
    every: Every | None = None

    @field_validator("deadline")
    @classmethod
    def _after_it_begins(cls, deadline: datetime | None, info: Any) -> datetime | None:
        starts = info.data.get("starts")
        if deadline is not None and starts is not None and deadline <= starts:
            raise ValueError("the deadline is not after starts; correct one of them")
        return deadline


def load(path: Path) -> Campaign:
    """The campaign in a file, its paths made absolute (relative ones are below the file's folder).

    Raises InputFileError with every diagnostic.
    """
    document = documents.read(path)
    _check(document)
    campaign = document.take(Campaign)
    document.close()
    assert campaign is not None  # noqa: S101  (a document without diagnostics gives its model)
    return campaign


def _check(document: YamlDocument) -> None:
    """Rules over more than one value, and files that do not exist; paths are made absolute."""
    folder = Path(document.source).parent
    selection = document.at("selection")
    if isinstance(selection, dict):
        if not selection.get("declarations") and not selection.get("inventory"):
            document.diagnostic(
                ("selection",), "the selection has no source of systems", "list declarations, or name an inventory"
            )
        for name in ("kinds", "due_by"):
            if selection.get(name) and not selection.get("inventory"):
                document.diagnostic(
                    ("selection", name),
                    FormattedMessage("{name} is known of an inventory only", name=name),
                    "name an inventory, or leave it out",
                )
        if document.at("kind") == CampaignKind.RE_INSPECTION.value and not selection.get("failed_in"):
            document.diagnostic(
                ("selection",),
                "a re-inspection has no earlier campaign whose failures it asks about",
                "add failed_in: the id of that campaign",
            )
    if document.at("every") is not None and document.at("starts") is None:
        document.diagnostic(
            ("every",), "a campaign that is repeated needs its first day", "add starts: 2026-12-01T22:00:00+07:00"
        )
    if document.at("every") is not None and document.at("deadline") is not None:
        document.diagnostic(
            ("deadline",),
            "the deadline of a campaign that is repeated is its next beginning",
            "leave deadline out",
        )
    lists = [*document.items("selection", "declarations"), *document.items("authorisations")]
    if isinstance(selection, dict) and isinstance(selection.get("inventory"), str):
        lists.append((("selection", "inventory"), selection["inventory"]))
    for at, text in lists:
        if not isinstance(text, str) or not text or "\0" in text:
            continue
        found = folder / text
        if not found.exists():
            document.diagnostic(
                at,
                FormattedMessage("{path} does not exist", path=str(found)),
                "write its path as seen from the folder of this file",
            )
        document.put(at, str(found.absolute()))
