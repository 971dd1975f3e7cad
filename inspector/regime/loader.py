"""Loads the installed regimes from their folders and adds the rows of extensions to them.

A folder holds ``regime.yaml``, rows in ``requirements/<theme>.yaml``, and clause indexes in ``documents/<id>.yaml``,
one for each document; or documents alone. ``regime.yaml`` describes a regime, or an extension: it then names with
``extends`` the regimes to which its rows are added. It lists the ids of the documents on which its rows rest, of
whichever folder. Rows cite clauses by the keys of ``clauses`` in these; a key of several documents means the clauses in
all of them. A row of an extension cites clauses of its own documents and of those of the regimes that it extends; where
these have different names it lists them by regime: ``clauses: {<regime>: [<name>]}``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources.abc import Traversable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from inspector.declare.document import SourceLocation, YamlDocument, diagnostic_at, split
from inspector.declare.document.diagnostics import remedy_for_unknown
from inspector.declare.document.yaml import read_yaml
from inspector.model.base import Model
from inspector.model.errors import Diagnostic, InputFileError
from inspector.model.finding import Force
from inspector.model.formatted import FormattedMessage
from inspector.regime.regime import (
    LEGAL,
    NOT_OBSERVABLE,
    BilingualText,
    Bound,
    Clause,
    Confidence,
    Deadline,
    Document,
    Gap,
    Levels,
    Overlay,
    Regime,
    Requirement,
    Transition,
)

#: Stands in a row's options for the level of the system.
LEVEL = "$level"

_RANK = {force: rank for rank, force in enumerate(reversed(Force))}

#: The clauses that rows may cite, by their name in ``regime.yaml``.
ClausesByName = Mapping[str, tuple[Clause, ...]]


# --- The content of regime.yaml -------------------------------------------------------------------------------------


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


_Token = Annotated[str, Field(pattern=r"^\S+$")]
_Tokens = Annotated[tuple[_Token, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class _ClauseEntry(Model):
    """One subject of a document, with its clause number (or numbers) at each level; the rest is as in the document."""

    numbers: Annotated[dict[Levels, _Tokens], Field(min_length=1)]
    title: BilingualText
    force: Force
    binds: Bound | None = None
    in_force: date | None = None
    optional: Levels | None = None
    source: str = ""
    confidence: Confidence | None = None
    not_judged: BilingualText | None = None


class _DocumentFields(Document):
    """The clause index of a document: its clauses by subject; ``binds`` holds for those that do not say otherwise."""

    number: str
    binds: Bound = Bound.EVERYONE
    clauses: dict[str, _ClauseEntry] = {}


class _CommonFields(Model):
    id: str
    version: str
    title: BilingualText
    documents: tuple[str, ...] = ()
    last_checked: date


class _RegimeFields(_CommonFields):
    authority: BilingualText
    term: BilingualText
    valid_from: date
    valid_to: date | None = None
    transitions: tuple[Transition, ...] = ()
    gaps: tuple[Gap, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    next: str | None = None


class _ExtensionFields(_CommonFields):
    extends: _Tokens


@dataclass(frozen=True, slots=True)
class _Indexed:
    """A document with its clauses by subject."""

    number: str
    document: Document
    clauses: ClausesByName


#: The documents of all folders by id.
_Library = Mapping[str, _Indexed]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder with its ``regime.yaml`` as read; ``extends`` is the location of that key (of the file if absent)."""

    path: Traversable
    fields: _RegimeFields | _ExtensionFields
    documents: dict[str, Document]
    clauses: ClausesByName
    extends: SourceLocation
    deadlines: tuple[Deadline, ...] = ()

    @property
    def id(self) -> str:
        return self.fields.id

    @property
    def all_clauses(self) -> tuple[Clause, ...]:
        """The clauses under every name, sorted by id."""
        return tuple(sorted((each for named in self.clauses.values() for each in named), key=lambda each: each.id))


# --- Loading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Addition:
    """The rows that one extension adds to one regime."""

    extension: _Folder
    rows: tuple[Requirement, ...]


def load_all(folders: Iterable[Traversable], *, pinned: Collection[str] = ()) -> tuple[Regime, ...]:
    """Load all regimes, sorted by their first day, each with the rows of the extensions that name it.

    A row of an extension has at most force baseline, unless its folder's name is in ``pinned``.

    Raises:
        PaperError: with the file, line and column of each fault.
    """
    read = _read_all(tuple(folders))
    loaded = [_merge(regime, additions, pinned) for regime, additions in read]
    return tuple(sorted(loaded, key=lambda each: (each.valid_from, each.id)))


@cache  # parsing costs more than assessing, and installed folders do not change
def _read_all(folders: tuple[Traversable, ...]) -> tuple[tuple[Regime, tuple[_Addition, ...]], ...]:
    """Return each regime as its folder describes it, with what extensions add to it."""
    library = _read_library(folders)
    read = [_read_folder(folder, library) for folder in folders if _has_regime(folder)]
    regimes = {each.id: each for each in read if isinstance(each.fields, _RegimeFields)}
    additions: dict[str, list[_Addition]] = {id_: [] for id_ in regimes}
    for extension in read:
        if isinstance(extension.fields, _ExtensionFields):
            for id_, rows in _read_rows(extension, _extended(extension, regimes)).items():
                additions[id_].append(_Addition(extension, rows))
    return tuple((_regime(folder), tuple(additions[id_])) for id_, folder in regimes.items())


def _extended(extension: _Folder, regimes: Mapping[str, _Folder]) -> list[_Folder]:
    """Return the folders of the regimes that an extension names."""
    assert isinstance(extension.fields, _ExtensionFields)  # noqa: S101
    for id_ in extension.fields.extends:
        if id_ not in regimes:
            remedy = remedy_for_unknown(id_, sorted(regimes)) if regimes else "no regime is installed"
            raise InputFileError(
                [
                    diagnostic_at(
                        extension.extends,
                        FormattedMessage("extends {id}, which is not installed", id=repr(id_)),
                        remedy,
                    )
                ]
            )
    return [regimes[id_] for id_ in extension.fields.extends]


def _merge(regime: Regime, additions: Iterable[_Addition], pinned: Collection[str]) -> Regime:
    """Return the regime with the rows, clauses and documents of its extensions."""
    owners = {row.id: regime.id for row in regime.requirements}
    for addition in additions:
        extension = addition.extension
        _check_added(addition, owners, pinned)
        owners |= {row.id: extension.id for row in addition.rows}
        clauses = {clause.id: clause for clause in (*extension.all_clauses, *regime.clauses)}
        regime = regime.model_copy(
            update={
                "version": f"{regime.version}+{extension.id}.{extension.fields.version}",
                "documents": {**extension.documents, **regime.documents},
                "clauses": tuple(clauses[id_] for id_ in sorted(clauses)),
                "requirements": (*addition.rows, *regime.requirements),
            }
        )
    return regime


def _check_added(addition: _Addition, owners: Mapping[str, str], pinned: Collection[str]) -> None:
    """Raise InputFileError if an extension repeats the id of a row, or claims more than it may."""
    extension = addition.extension
    for row in addition.rows:
        if row.id in owners:
            what = FormattedMessage("row {row} is already in {owners}", row=repr(row.id), owners=owners[row.id])
            raise InputFileError([diagnostic_at(extension.extends, what, "rename it")])
        if row.force in LEGAL and extension.id not in pinned:
            what = FormattedMessage("row {row} claims {value}", row=repr(row.id), value=row.force.value)
            raise InputFileError([diagnostic_at(extension.extends, what, "write baseline, or pin the plugin")])


# --- Reading documents ----------------------------------------------------------------------------------------------


def _yaml_files(folder: Traversable) -> list[Traversable]:
    """The YAML files of a folder by name; none where there is no such folder."""
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted((each for each in files if each.name.endswith(".yaml")), key=lambda each: each.name)


def _has_regime(folder: Traversable) -> bool:
    """Whether a folder describes a regime or an extension: it has no documents alone."""
    return (folder / "regime.yaml").is_file() or not _yaml_files(folder / "documents")


def _read_library(folders: Iterable[Traversable]) -> _Library:
    """Return the documents of all folders by id."""
    library: dict[str, _Indexed] = {}
    for folder in folders:
        for file in _yaml_files(folder / "documents"):
            yaml_document = _read_document(file, f"{folder.name}/documents/{file.name}")
            fields = yaml_document.take(_DocumentFields)
            if fields is not None and f"{fields.id}.yaml" != file.name:
                what = FormattedMessage("id {id} in file {file}", id=repr(fields.id), file=repr(file.name))
                yaml_document.diagnostic(("id",), what, "give both the same name")
            if fields is not None and fields.id in library:
                what = FormattedMessage("document {document} is described twice", document=repr(fields.id))
                yaml_document.diagnostic(("id",), what, "remove one of the two files")
            yaml_document.close()
            assert fields is not None  # noqa: S101  (a document without diagnostics gives its model)
            clauses = _clauses_by_name(fields, yaml_document)
            yaml_document.close()
            common = {name: getattr(fields, name) for name in Document.model_fields}
            library[fields.id] = _Indexed(fields.number, Document(**common), clauses)
    return library


def _clauses_by_name(fields: _DocumentFields, yaml_document: YamlDocument) -> ClausesByName:
    """Return the clauses of each entry under ``clauses``; diagnostics are added to the document."""
    seen: set[str] = set()
    found: dict[str, tuple[Clause, ...]] = {}
    for name, entry in fields.clauses.items():
        found[name] = tuple(
            _clause(fields, entry, levels, number) for levels, numbers in entry.numbers.items() for number in numbers
        )
        for clause in found[name]:
            if clause.id in seen:
                what = FormattedMessage("clause {clause} is listed twice", clause=repr(clause.id))
                yaml_document.diagnostic(("clauses", name), what, "join the two entries")
            seen.add(clause.id)
    return found


def _clause(fields: _DocumentFields, entry: _ClauseEntry, levels: tuple[int, ...], number: str) -> Clause:
    optional = tuple(level for level in entry.optional or () if level in levels)
    return Clause(
        id=f"{fields.id}-{number}",
        document=fields.number,
        number=number,
        title=entry.title,
        levels=levels,
        force=entry.force,
        source=entry.source or fields.source,
        confidence=entry.confidence or fields.confidence,
        binds=entry.binds or fields.binds,
        in_force=entry.in_force or fields.in_force,
        optional=optional,
        not_judged=entry.not_judged,
    )


# --- Reading regime.yaml --------------------------------------------------------------------------------------------


def _read_folder(folder: Traversable, library: _Library) -> _Folder:
    yaml_document = _read_document(folder / "regime.yaml", f"{folder.name}/regime.yaml")
    fields = yaml_document.take(_ExtensionFields if yaml_document.at("extends") is not None else _RegimeFields)
    if fields is not None and fields.id != folder.name:
        yaml_document.diagnostic(
            ("id",),
            FormattedMessage("id {fields} in folder {folder}", fields=repr(fields.id), folder=repr(folder.name)),
            "give both the same name",
        )
    yaml_document.close()
    assert isinstance(fields, _RegimeFields | _ExtensionFields)  # noqa: S101  (a document without diagnostics gives its model)
    documents: dict[str, Document] = {}
    clauses: dict[str, tuple[Clause, ...]] = {}
    for index, id_ in enumerate(fields.documents):
        if id_ not in library:
            what = FormattedMessage("document {document} is not described", document=repr(id_))
            yaml_document.diagnostic(("documents", index), what, remedy_for_unknown(id_, sorted(library)))
            continue
        indexed = library[id_]
        documents[indexed.number] = indexed.document
        for name, named in indexed.clauses.items():
            clauses[name] = (*clauses.get(name, ()), *named)
    deadlines = _deadlines(fields, clauses, yaml_document) if isinstance(fields, _RegimeFields) else ()
    yaml_document.close()
    return _Folder(folder, fields, documents, clauses, yaml_document.position("extends"), deadlines)


def _deadlines(fields: _RegimeFields, clauses: ClausesByName, yaml_document: YamlDocument) -> tuple[Deadline, ...]:
    """Return the deadlines with clause ids instead of names; diagnostics are added to the document."""
    found = []
    for index, deadline in enumerate(fields.deadlines):
        for name in deadline.clauses:
            if name not in clauses:
                what = FormattedMessage("unknown clause {name} in {regime}", name=repr(name), regime=fields.id)
                yaml_document.diagnostic(("deadlines", index, "clauses"), what, _known_names(name, clauses))
        cited = [clause.id for name in deadline.clauses for clause in clauses.get(name, ())]
        found.append(deadline.model_copy(update={"clauses": tuple(cited)}))
    return tuple(found)


def _regime(folder: _Folder) -> Regime:
    """Return the regime that a folder describes, without extensions."""
    fields = folder.fields
    assert isinstance(fields, _RegimeFields)  # noqa: S101
    return Regime(
        id=fields.id,
        version=fields.version,
        title=fields.title,
        documents=folder.documents,
        authority=fields.authority,
        term=fields.term,
        valid_from=fields.valid_from,
        valid_to=fields.valid_to,
        transitions=fields.transitions,
        gaps=fields.gaps,
        clauses=folder.all_clauses,
        overlays=fields.overlays,
        requirements=_read_rows(folder, [folder])[fields.id],
        deadlines=folder.deadlines,
        last_checked=fields.last_checked,
        next=fields.next,
    )


def _read_document(file: Traversable, source: str) -> YamlDocument:
    try:
        return read_yaml(file.read_bytes().decode(), source, quickly=True)
    except FileNotFoundError:
        raise InputFileError([Diagnostic(source, 0, 0, "there is no such file", "write one")]) from None
    except UnicodeDecodeError:
        raise InputFileError([Diagnostic(source, 0, 0, "not UTF-8", "save the file as UTF-8")]) from None


# --- Reading rows ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Target:
    """A regime for which rows are read: the clauses that they may cite, and the overlays they may belong to, with whom
    each selects.

    ``siblings`` are all regimes for which the same rows are read; empty for a regime's own rows.
    """

    regime: str
    clauses: ClausesByName
    overlays: Mapping[str, Bound]
    siblings: tuple[str, ...] = ()


def _read_rows(folder: _Folder, regimes: Sequence[_Folder]) -> dict[str, tuple[Requirement, ...]]:
    """Return a folder's rows for each of these regimes, by regime id."""
    targets = [_target(folder, regime, regimes) for regime in regimes]
    rows: dict[str, list[Requirement]] = {each.regime: [] for each in targets}
    for file in _yaml_files(folder.path / "requirements"):
        yaml_document = _read_document(file, f"{folder.path.name}/requirements/{file.name}")
        for index, fields in _row_fields(yaml_document):
            for target in targets:
                rows[target.regime] += _requirements(yaml_document, index, fields, target, rows[target.regime])
        yaml_document.close()
    return {id_: tuple(each) for id_, each in rows.items()}


def _target(folder: _Folder, regime: _Folder, regimes: Sequence[_Folder]) -> _Target:
    if isinstance(folder.fields, _RegimeFields):
        return _Target(regime.id, regime.clauses, {each.id: each.binds for each in folder.fields.overlays})
    return _Target(regime.id, {**regime.clauses, **folder.clauses}, {}, tuple(each.id for each in regimes))


def _row_fields(yaml_document: YamlDocument) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the index and fields of each row, once per entry of ``by_level`` where it has one."""
    if not isinstance(yaml_document.data, list):
        yaml_document.diagnostic((), "not a list of rows", "begin every row with '- '")
        return
    for index, row in enumerate(tuple(yaml_document.data)):
        if not isinstance(row, dict):
            yaml_document.diagnostic((index,), "a row is not a mapping", "write key: value lines")
            continue
        if "id" not in row and row.get("check") != NOT_OBSERVABLE:
            row = {"id": row.get("check"), **row}  # noqa: PLW2901
        by_level = row.get("by_level")
        if not isinstance(by_level, dict):
            yield index, row
            continue
        common = {name: value for name, value in row.items() if name != "by_level"}
        for levels, fields in by_level.items():
            yield index, {**common, "levels": levels, **(fields if isinstance(fields, dict) else {"by_level": fields})}


def _requirements(
    yaml_document: YamlDocument, index: int, fields: Mapping[str, Any], target: _Target, others: Sequence[Requirement]
) -> Iterator[Requirement]:
    """Yield the requirements of one row, with clause ids instead of names; diagnostics are added to the document."""
    written = _for_target(fields, target)
    if written is None:
        _add_unknown_regimes(yaml_document, index, fields["clauses"], target)
        return
    yaml_document.put((index,), written)
    row = yaml_document.take(Requirement, index)
    if row is None:
        return
    unjudged = {name for name in row.clauses for clause in target.clauses.get(name, ()) if clause.not_judged}
    for name in sorted(unjudged):
        what = FormattedMessage("clause {name} is marked as not judged", name=repr(name))
        yaml_document.diagnostic((index, "clauses"), what, "remove not_judged from its entry")
    for name in row.clauses:
        if name not in target.clauses:
            what = FormattedMessage("unknown clause {name} in {regime}", name=repr(name), regime=target.regime)
            yaml_document.diagnostic((index, "clauses", target.regime), what, _known_names(name, target.clauses))
            return
    cited = [clause for name in row.clauses for clause in target.clauses[name] if set(clause.levels) & set(row.levels)]
    problem = _problem(row, cited, target, others)
    if problem:
        where = f"{row.id} in {target.regime}" if target.siblings else row.id
        yaml_document.diagnostic((index,), *split(f"{where}: {problem}"))
        return
    yield from _per_level(row.model_copy(update={"clauses": tuple(clause.id for clause in cited)}))


def _for_target(fields: Mapping[str, Any], target: _Target) -> dict[str, Any] | None:
    """Return the fields of a row with the clauses that it lists for one regime; None if it lists an unknown regime."""
    clauses = fields.get("clauses")
    if not target.siblings or not isinstance(clauses, dict):
        return dict(fields)
    return None if clauses.keys() - set(target.siblings) else {**fields, "clauses": clauses.get(target.regime, [])}


def _add_unknown_regimes(yaml_document: YamlDocument, index: int, clauses: Mapping[str, Any], target: _Target) -> None:
    for id_ in sorted(clauses.keys() - set(target.siblings)):
        what = FormattedMessage("clauses of {id}, which this folder does not extend", id=repr(id_))
        yaml_document.diagnostic((index, "clauses", id_), what, remedy_for_unknown(id_, target.siblings))


def _known_names(name: str, known: Collection[str]) -> str:
    """Return the nearest known name, or all of them."""
    return remedy_for_unknown(name, sorted(known)) if known else "none is described in regime.yaml"


def _problem(row: Requirement, cited: Sequence[Clause], target: _Target, others: Sequence[Requirement]) -> str:
    """Return what is wrong with a row among the others as ``what; remedy``; empty when nothing is."""
    for overlay in (row.overlay, row.bound):
        if overlay is not None and overlay not in target.overlays:
            return f"unknown overlay {overlay!r}; {_known_names(overlay, target.overlays)}"
    for other in others:
        if other.id == row.id and (other.check != row.check or set(other.levels) & set(row.levels)):
            return "id is used twice for one level or for two checks; rename one row"
    owners = target.overlays.get(row.bound or row.overlay or "", Bound.EVERYONE)
    for level in row.levels:
        forces = [clause.force_for(owners, level) for clause in cited if level in clause.levels]
        if not forces and not row.source:
            return f"has no clause at level {level} and no source; cite a clause or add a source"
        if row.force in LEGAL and _RANK[row.force] > max((_RANK[force] for force in forces), default=-1):
            what = f"claims {row.force.value} at level {level} for {owners.value}, more than its clauses allow"
            return f"{what}; weaken it, or limit it to those who are bound"
    return ""


def _per_level(row: Requirement) -> Iterator[Requirement]:
    """Yield one row per level if an option is ``$level``, else the row itself."""
    if LEVEL not in row.options.values():
        yield row
        return
    for level in row.levels:
        options = {name: level if value == LEVEL else value for name, value in row.options.items()}
        yield row.model_copy(update={"levels": (level,), "options": options})
