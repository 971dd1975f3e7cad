"""An import: files to lists, lists to systems; what was refused changes nothing, what was decided is told."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspector.inventory.lists import SystemList, read_list
from inspector.inventory.merge import Merge
from inspector.inventory.notes import Note, Severity
from inspector.inventory.organisation import CODE, Organisation, Organisations
from inspector.inventory.organisation_list import Names, OrganisationList, read_organisations
from inspector.inventory.snapshot import Snapshot, Source
from inspector.inventory.system import InventorySystem
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.subject import Scheme

#: How the files of a folder end that are lists.
ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import: files, or folders of them; ``own`` are the headings of ``--columns``."""

    files: Sequence[Path]
    as_of: dt.date
    organisations: Path | None = None
    organisation: str | None = None
    own: Mapping[str, str] | None = None
    accept_partial: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import makes of the lists. ``taken`` and ``refused`` are lists; nothing is sealed without one taken."""

    organisations: tuple[Organisation, ...]
    systems: tuple[InventorySystem, ...]
    sources: tuple[tuple[Source, bytes], ...]
    notes: tuple[Note, ...]
    taken: tuple[SystemList, ...]
    refused: tuple[SystemList, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to seal: of lists that were given, none was taken."""
        return not self.sources or (bool(self.refused) and not self.taken)


def files_in(paths: Sequence[Path]) -> Iterator[Path]:
    """The lists that paths name: files, and in folders those that end as lists do, by name. Raises UsageError."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(
            each
            for each in path.iterdir()
            if each.suffix.lower() in ENDINGS and each.is_file() and not each.name.startswith((".", "~$"))
        )
        if not found:
            raise UsageError(
                FormattedMessage("{folder}: there is no list in this folder", folder=path),
                remedy="put lists in it that end in .csv, .tsv or .xlsx",
            )
        yield from found


def import_lists(
    request: ImportRequest, previous: Snapshot | None, schemes: Callable[[], Mapping[str, Scheme]]
) -> Imported:
    """Read the lists and merge them with what is known. Raises UsageError for what is asked for wrongly."""
    listed = os.path.realpath(request.organisations) if request.organisations else None
    paths = [each for each in files_in(request.files) if os.path.realpath(each) != listed]
    if not paths and request.organisations is None:
        raise UsageError("no list is given", remedy="name the files with lists of systems, or their folder")
    known = {each.code: each for each in previous.organisations} if previous else {}
    given = read_organisations(request.organisations) if request.organisations else None
    if given is not None and given.is_refused:
        return Imported((), (), (), tuple(given.notes), (), ())
    known |= given.organisations if given else {}
    lists = [read_list(path, request.own or {}, schemes) for path in paths]
    notes: list[Note] = [*(given.notes if given else ())]
    _name_owners(lists, paths, request, known)
    organisations = Organisations.of(known.values())
    merge = Merge(previous.systems if previous else (), organisations, request.as_of)
    for each in lists:
        if each.organisation:
            merge.refuse_unequal(each)
            merge.refuse_ambiguous(each)
    taken = [each for each in lists if each.records and (request.accept_partial or not each.is_refused)]
    merge.add(taken, {each.organisation for each in lists if each not in taken})
    notes += [note for each in lists for note in each.notes] + merge.notes
    return Imported(
        organisations=tuple(known.values()),
        systems=tuple(merge.systems()),
        sources=tuple(_sources(given, taken)),
        notes=tuple(notes),
        taken=tuple(taken),
        refused=tuple(each for each in lists if each not in taken),
    )


def _sources(given: OrganisationList | None, taken: Sequence[SystemList]) -> Iterator[tuple[Source, bytes]]:
    if given is not None:
        yield Source(file=given.file, sha256=given.sha256), given.data
    for each in taken:
        source = Source(
            file=each.file,
            sha256=each.sha256,
            organisation=each.organisation,
            systems=len(each.records),
            refused=len(each.refused),
        )
        yield source, each.data


def _name_owners(
    lists: Sequence[SystemList], paths: Sequence[Path], request: ImportRequest, known: dict[str, Organisation]
) -> None:
    """Set whose list each one is. Where no organisations are known at all, the files' names make them."""
    names = Names(Organisations.of(known.values()), request.as_of)
    if request.organisation and known and names.find(request.organisation) is None:
        raise UsageError(
            FormattedMessage("--organisation {code}: there is no such organisation", code=request.organisation),
            remedy="add it to the list that --organisations names",
        )
    are_known = bool(known)
    for each, path in zip(lists, paths, strict=True):
        if are_known:
            found = names.find(request.organisation) if request.organisation else names.of_file(path)
            if found is None:
                what = FormattedMessage(
                    "it cannot be told whose list this is: no organisation is called {name}", name=path.stem
                )
                remedy = "name the file by the organisation's code, or give --organisation CODE"
                each.note(Severity.FAULT, "", what, remedy, code="whose-list")
                each.records.clear()
                continue
            each.organisation = found.code
            each.named = found.named.code if found.named is not None else found.code
            if found.is_successor and found.named is not None:
                what = FormattedMessage(
                    "{owner} ended: its systems are those of {code}", owner=found.named.name, code=found.code
                )
                each.note(Severity.NOTICE, "", what, code="successor")
            continue
        code = request.organisation or re.sub(r"[^\w.-]+", "-", path.stem).strip("-._")[:64]
        if not re.fullmatch(CODE, code):
            raise UsageError(
                FormattedMessage("{code} cannot be the code of an organisation", code=repr(code)),
                remedy="give --organisation CODE: letters, digits, '.', '_' and '-'",
            )
        each.organisation = code
        known.setdefault(code, Organisation(code=code, name=code))
        what = FormattedMessage("no organisations are known: this is taken as the list of {code}", code=code)
        each.note(Severity.WARNING, "", what, "give --organisations with the list of organisations", code="whose-list")
