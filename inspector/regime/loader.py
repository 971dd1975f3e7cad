"""The regimes that are installed: reads their folders and chooses one for a system on a day.

A folder holds ``regime.yaml`` and ``requirements/<theme>.yaml``, each of these a list of rows. ``regime.yaml``
describes a regime, or names with ``extends:`` the regimes to which its rows are added.
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
from inspector.declare.document.yaml import read_yaml
from inspector.model.base import Model
from inspector.model.errors import Diagnostic, InputFileError
from inspector.model.finding import Force
from inspector.regime.regime import (
    LEGAL,
    NOT_OBSERVABLE,
    Clause,
    Document,
    Gap,
    Levels,
    Overlay,
    Regime,
    Requirement,
    Text,
    Transition,
)

#: Stands in a row's options for the level of the system.
LEVEL = "$level"

_RANK = {force: rank for rank, force in enumerate(reversed(Force))}


# --- What the files say ---------------------------------------------------------------------------------------------


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


_Word = Annotated[str, Field(pattern=r"^\S+$")]
_Several = Annotated[tuple[_Word, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


class _DocumentText(Text):
    number: str
    source: str
    confidence: str = Field(pattern="^[HML]$")


class _Heading(Model):
    """One subject matter of a document: its clause number (or numbers) at each level."""

    document: str
    numbers: Annotated[dict[Levels, _Several], Field(min_length=1)]
    title: Text
    force: Force
    source: str
    confidence: str = Field(pattern="^[HML]$")


class _Common(Model):
    id: str
    version: str
    title: Text
    documents: dict[str, _DocumentText] = {}
    clauses: dict[str, _Heading] = {}
    last_checked: date


class _RegimeText(_Common):
    authority: Text
    term: Text
    valid_from: date
    valid_to: date | None = None
    transitions: tuple[Transition, ...] = ()
    gaps: tuple[Gap, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    next: str | None = None


class _ExtensionText(_Common):
    extends: _Several


@dataclass(frozen=True, slots=True)
class Extension:
    """Rows of a plugin that are added to the regimes named in ``extends``; ``position`` is where it says so."""

    id: str
    version: str
    extends: tuple[str, ...]
    documents: dict[str, Document]
    clauses: tuple[Clause, ...]
    requirements: tuple[Requirement, ...]
    position: SourceLocation


# --- Reading --------------------------------------------------------------------------------------------------------


def load(folder: Traversable) -> Regime:
    """The regime in a folder by itself; raises InputFileError with located faults."""
    loaded = _read(folder)
    if isinstance(loaded, Extension):
        raise InputFileError([diagnostic_at(loaded.position, "extends another regime", "load both together")])
    return loaded


def load_all(folders: Iterable[Traversable], *, pinned: Collection[str] = ()) -> tuple[Regime, ...]:
    """All regimes in order of their first day, extensions added.

    An extension adds at most baselines, unless its folder's name is among ``pinned``. Raises InputFileError.
    """
    loaded = [_once(folder) for folder in folders]  # type: ignore[arg-type]  # folders are paths: hashable
    regimes = {each.id: each for each in loaded if isinstance(each, Regime)}
    for extension in loaded:
        if isinstance(extension, Extension):
            for id_ in extension.extends:
                if id_ not in regimes:
                    known = ", ".join(sorted(regimes)) or "none"
                    what = f"extends {id_!r}, which is not installed"
                    raise InputFileError([diagnostic_at(extension.position, what, f"known: {known}")])
                regimes[id_] = _extended(regimes[id_], extension, free=extension.id in pinned)
    return tuple(sorted(regimes.values(), key=lambda each: (each.valid_from, each.id)))


def _read(folder: Traversable) -> Regime | Extension:
    yaml_document = _document(folder / "regime.yaml", f"{folder.name}/regime.yaml")
    kind = _ExtensionText if yaml_document.at("extends") is not None else _RegimeText
    text = yaml_document.take(kind)
    if text is not None and text.id != folder.name:
        yaml_document.diagnostic(("id",), f"id {text.id!r} in folder {folder.name!r}", "give both one name")
    yaml_document.close()
    assert text is not None  # noqa: S101  (a sheet without faults gives its model)
    headings = _headings(text, yaml_document)
    yaml_document.close()
    documents = {
        each.number: Document(id=id_, vi=each.vi, en=each.en, source=each.source, confidence=each.confidence)
        for id_, each in text.documents.items()
    }
    clauses = tuple(sorted((each for of in headings.values() for each in of), key=lambda each: each.id))
    overlays = {each.id for each in text.overlays} if isinstance(text, _RegimeText) else set()
    rows = tuple(_all_rows(folder, headings, overlays))
    if isinstance(text, _ExtensionText):
        position = yaml_document.position("extends")
        return Extension(text.id, text.version, text.extends, documents, clauses, rows, position)
    assert isinstance(text, _RegimeText)  # noqa: S101
    return Regime(
        id=text.id,
        version=text.version,
        title=text.title,
        documents=documents,
        authority=text.authority,
        term=text.term,
        valid_from=text.valid_from,
        valid_to=text.valid_to,
        transitions=text.transitions,
        gaps=text.gaps,
        clauses=clauses,
        overlays=text.overlays,
        requirements=rows,
        last_checked=text.last_checked,
        next=text.next,
    )


#: What an installed folder holds, read once however often it is asked for: parsing costs more than judging.
_once = cache(_read)


def _document(file: Traversable, source: str) -> YamlDocument:
    try:
        return read_yaml(file.read_bytes().decode(), source, quickly=True)
    except FileNotFoundError:
        raise InputFileError([Diagnostic(source, 0, 0, "there is no such file", "write one")]) from None
    except UnicodeDecodeError:
        raise InputFileError([Diagnostic(source, 0, 0, "not UTF-8", "save the file as UTF-8")]) from None


def _headings(text: _Common, yaml_document: YamlDocument) -> dict[str, tuple[Clause, ...]]:
    """The clauses of each heading; faults are noted on the sheet."""
    seen: set[str] = set()
    headings: dict[str, tuple[Clause, ...]] = {}
    for name, heading in text.clauses.items():
        document = text.documents.get(heading.document)
        if document is None:
            yaml_document.diagnostic(
                ("clauses", name), f"document {heading.document!r} is not described", "add it to documents"
            )
            continue
        headings[name] = tuple(
            Clause(
                id=f"{heading.document}-{number}",
                document=document.number,
                number=number,
                title=heading.title,
                levels=levels,
                force=heading.force,
                source=heading.source,
                confidence=heading.confidence,
            )
            for levels, numbers in heading.numbers.items()
            for number in numbers
        )
        for clause in headings[name]:
            if clause.id in seen:
                yaml_document.diagnostic(
                    ("clauses", name), f"clause {clause.id!r} stands twice", "join the two headings"
                )
            seen.add(clause.id)
    return headings


def _all_rows(
    folder: Traversable, headings: Mapping[str, tuple[Clause, ...]], overlays: Collection[str]
) -> list[Requirement]:
    """The rows of every theme."""
    rows: list[Requirement] = []
    for file in sorted((folder / "requirements").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            yaml_document = _document(file, f"{folder.name}/requirements/{file.name}")
            for index, row in _written(yaml_document):
                rows.extend(_row(yaml_document, index, row, headings, overlays, rows))
            yaml_document.close()
    return rows


def _written(yaml_document: YamlDocument) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a sheet, those with ``by_level`` once for each of its entries."""
    if not isinstance(yaml_document.data, list):
        yaml_document.diagnostic((), "no list of rows", "begin every row with '- '")
        return
    for index, row in enumerate(tuple(yaml_document.data)):
        if not isinstance(row, dict):
            yaml_document.diagnostic((index,), "a row is no mapping", "write key: value lines")
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


def _row(
    yaml_document: YamlDocument,
    index: int,
    written: dict[str, Any],
    headings: Mapping[str, tuple[Clause, ...]],
    overlays: Collection[str],
    others: Sequence[Requirement],
) -> Iterator[Requirement]:
    """The rows that a written one stands for, clause ids in place of headings; faults are noted on the sheet."""
    yaml_document.put((index,), written)
    row = yaml_document.take(Requirement, index)
    if row is None:
        return
    unknown = [name for name in row.clauses if name not in headings]
    if unknown:
        yaml_document.diagnostic((index, "clauses"), f"unknown clause {unknown[0]!r}", "describe it in regime.yaml")
        return
    cited = tuple(clause for name in row.clauses for clause in headings[name] if set(clause.levels) & set(row.levels))
    wrong = _wrong(row, cited, overlays, others)
    if wrong:
        yaml_document.diagnostic((index,), *split(f"{row.id}: {wrong}"))
        return
    yield from _each_level(row.model_copy(update={"clauses": tuple(clause.id for clause in cited)}))


def _wrong(row: Requirement, cited: Sequence[Clause], overlays: Collection[str], others: Sequence[Requirement]) -> str:
    """What is wrong with a row beside others, or nothing."""
    if row.overlay is not None and row.overlay not in overlays:
        return f"unknown overlay {row.overlay!r}; describe it in regime.yaml"
    for other in others:
        if other.id == row.id and (other.check != row.check or set(other.levels) & set(row.levels)):
            return "id stands twice for one level or for two checks; rename one row"
    for level in row.levels:
        forces = [clause.force for clause in cited if level in clause.levels]
        if not forces and not row.source:
            return f"rests on nothing at level {level}; cite a clause or name a source"
        if row.force in LEGAL and _RANK[row.force] > max((_RANK[force] for force in forces), default=-1):
            return f"claims {row.force.value} at level {level}, more than its clauses bear; weaken it"
    return ""


def _each_level(row: Requirement) -> Iterator[Requirement]:
    """A row whose options name the level becomes one row per level."""
    if LEVEL not in row.options.values():
        yield row
        return
    for level in row.levels:
        options = {name: level if value == LEVEL else value for name, value in row.options.items()}
        yield row.model_copy(update={"levels": (level,), "options": options})


def _extended(regime: Regime, extension: Extension, *, free: bool) -> Regime:
    """The regime with the rows of an extension."""
    known = {row.id for row in regime.requirements}
    for row in extension.requirements:
        if row.id in known:
            raise InputFileError(
                [diagnostic_at(extension.position, f"row {row.id!r} is the regime's own", "rename it")]
            )
        if row.force in LEGAL and not free:
            what = f"row {row.id!r} claims {row.force.value}"
            raise InputFileError([diagnostic_at(extension.position, what, "write baseline, or pin the plugin")])
    clauses = {clause.id: clause for clause in (*extension.clauses, *regime.clauses)}
    return regime.model_copy(
        update={
            "version": f"{regime.version}+{extension.id}.{extension.version}",
            "documents": {**extension.documents, **regime.documents},
            "clauses": tuple(clauses[id_] for id_ in sorted(clauses)),
            "requirements": (*regime.requirements, *extension.requirements),
        }
    )


# --- Choosing -------------------------------------------------------------------------------------------------------
