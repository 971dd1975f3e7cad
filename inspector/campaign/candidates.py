"""The systems that a campaign selects, each with the documents about it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from inspector.declare import authorisation, declaration
from inspector.declare.authorisation import Authorisation
from inspector.declare.campaign import Campaign, CampaignKind
from inspector.declare.declaration import Organisation, System
from inspector.declare.document import SourceMap, read_text
from inspector.engine.engine import NotInspected
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import Scheme
from inspector.pipeline.context import InputDocuments
from inspector.record.plan import AskedFinding

_ENDS = (".yaml", ".yml", ".jsonl")
#: By which key of the top level a document in a folder is recognised.
_DECLARES = re.compile(r'^\s*"?systems"?\s*:', re.MULTILINE)
_AUTHORISES = re.compile(r'^\s*(?:- )?\s*"?covers"?\s*:', re.MULTILINE)
#: The rank of the systems of an incident, of a re-inspection, and of level 5.
_INCIDENT, _RE_INSPECTION, _LEVEL_5 = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A system that may be inspected, the documents that it is declared in, and what the inventory adds.

    ``due``: until when it is to be inspected, where that is known. ``findings``: the failures that a re-inspection asks
    about.
    """

    system: System
    documents: InputDocuments
    kind: str | None = None
    due: date | None = None
    findings: tuple[AskedFinding, ...] = ()

    @property
    def organisation(self) -> Organisation:
        """Who declares it."""
        return self.documents.declaration.organisation

    @property
    def key(self) -> str:
        """Its id in the campaign: ``ORG/ID``."""
        return f"{self.organisation.code}/{self.system.id}"


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A system of the inventory that cannot be inspected, and why; its level and kind, where these are known."""

    key: str
    organisation: str
    level: int | None
    kind: str | None
    cause: NotInspected
    detail: str


def read_authorisations(campaign: Campaign) -> tuple[tuple[Authorisation, ...], SourceMap]:
    """The authorisations that a campaign names, and where they are written. Raises InputFileError."""
    read = [authorisation.read(path) for path in _files(campaign.authorisations, _AUTHORISES)]
    known: dict[tuple[str, ...], declaration.SourceLocation] = {}
    for _, source_map in reversed(read):  # of equal ones the first is used
        known |= source_map.known
    return authorisation.each_once(read), SourceMap(known)


def read_declarations(
    campaign: Campaign, granted: Sequence[Authorisation], granted_at: SourceMap, schemes: Mapping[str, Scheme]
) -> Iterator[InputDocuments]:
    """The declarations that a campaign names, each with the authorisations. Raises InputFileError or UsageError."""
    paths = list(_files(campaign.selection.declarations, _DECLARES))
    if campaign.selection.declarations and not paths:
        raise UsageError(
            FormattedMessage("{folder}: there is no declaration", folder=campaign.selection.declarations[0]),
            remedy="put declarations there (.yaml or .jsonl), or name their folder under selection.declarations",
        )
    for path in paths:
        declared, declared_at = declaration.load(path, schemes)
        own = () if declared.authorisation is None else (declared.authorisation,)
        given = authorisation.each_once([(granted, granted_at), (own, declared_at)])
        source_map = SourceMap({**granted_at.known, **declared_at.known}, declared_at.systems)
        yield InputDocuments(declared, given, source_map=source_map)


def _files(paths: Iterable[str], is_one: re.Pattern[str]) -> Iterator[Path]:
    """The files themselves, and those in folders that are such documents, in order, each once."""
    seen: set[Path] = set()
    for path in map(Path, paths):
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        for each in found:
            if each in seen or (path.is_dir() and not _is_document(each, is_one)):
                continue
            seen.add(each)
            yield each


def _is_document(path: Path, is_one: re.Pattern[str]) -> bool:
    if path.suffix not in _ENDS or not path.is_file():
        return False
    return is_one is _DECLARES if path.suffix == ".jsonl" else is_one.search(read_text(path)) is not None


def candidates_of(documents: Iterable[InputDocuments]) -> list[Candidate]:
    """Every system of these documents. Raises UsageError where two have the same key."""
    found: dict[str, Candidate] = {}
    for each in documents:
        for system in each.declaration.systems:
            candidate = Candidate(system, each)
            if candidate.key in found:
                before = found[candidate.key].documents.source_map.system(system.id)
                again = each.source_map.system(system.id)
                raise UsageError(
                    FormattedMessage(
                        "{place}: system {key} is declared twice, first in {first}",
                        place=_place(again),
                        key=candidate.key,
                        first=_place(before),
                    ),
                    remedy="remove one of them, or correct the code of its organisation",
                )
            found[candidate.key] = candidate
    return list(found.values())


def _place(location: declaration.SourceLocation | None) -> str:
    return "" if location is None else f"{location.source}:{location.line}:{location.column}"


def select(
    campaign: Campaign,
    candidates: Iterable[Candidate],
    *,
    below: Callable[[str], Collection[str]],
    undeclared: Iterable[Undeclared] = (),
    failed: Collection[str] | None = None,
) -> tuple[list[Candidate], list[Undeclared]]:
    """The systems that a campaign selects. Raises UsageError where there are none.

    ``below`` gives the codes of an organisation and of those below it; ``failed`` are the keys of the systems that
    failed in the campaign ``failed_in``.
    """
    chosen, codes = campaign.selection, None
    if chosen.subtree is not None:
        codes = frozenset(below(chosen.subtree))
    found = [
        each
        for each in candidates
        if (codes is None or each.organisation.code in codes)
        and (not chosen.levels or each.system.level in chosen.levels)
        and (not chosen.kinds or each.kind in chosen.kinds)
        and (not chosen.systems or any(_fits(each.key, pattern) for pattern in chosen.systems))
        and (chosen.due_by is None or (each.due is not None and each.due <= chosen.due_by))
        and (failed is None or each.key in failed)
    ]
    others = [
        each
        for each in undeclared
        if (codes is None or each.organisation in codes)
        and (not chosen.levels or each.level is None or each.level in chosen.levels)
        and (not chosen.kinds or each.kind is None or each.kind in chosen.kinds)
        and (not chosen.systems or any(_fits(each.key, pattern) for pattern in chosen.systems))
        and chosen.due_by is None
        and (failed is None or each.key in failed)
    ]
    if not found and not others:
        raise UsageError(
            FormattedMessage("campaign {id}: no system is selected", id=repr(campaign.id)),
            remedy="correct the fields under selection, which all have to hold for a system",
        )
    return found, others


def below_among(documents: Iterable[Organisation]) -> Callable[[str], Collection[str]]:
    """Which organisations are below one, by the ``parent`` of each declaration."""
    parents = {each.code: each.parent for each in documents}

    def below(code: str) -> Collection[str]:
        found = {code}
        while more := {each for each, parent in parents.items() if parent in found and each not in found}:
            found |= more
        return found

    return below


def _fits(key: str, pattern: str) -> bool:
    """Whether a pattern names the system of this key."""
    return fnmatch.fnmatchcase(key if "/" in pattern else key.rpartition("/")[2], pattern)


def rank_of(campaign: Campaign, candidate: Candidate) -> int:
    """In which order systems are inspected: an incident's first, then those of a re-inspection, then by level."""
    if campaign.kind is CampaignKind.INCIDENT:
        return _INCIDENT
    if campaign.kind is CampaignKind.RE_INSPECTION:
        return _RE_INSPECTION
    return _LEVEL_5 + 5 - candidate.system.level


def position_of(campaign: Campaign, candidate: Candidate) -> int:
    """The place of the first of the campaign's priorities that names the system."""
    found = (index for index, pattern in enumerate(campaign.priorities) if _fits(candidate.key, pattern))
    return next(found, len(campaign.priorities))


def in_order(campaign: Campaign, candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates in the order in which they are inspected."""

    def order(each: Candidate) -> tuple[int, int, bool, date, str]:
        rank, position = rank_of(campaign, each), position_of(campaign, each)
        return rank, position, each.due is None, each.due or date.max, each.key

    return sorted(candidates, key=order)
