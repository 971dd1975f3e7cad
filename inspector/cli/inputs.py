"""From what was typed to jobs: documents, settings, regimes and what is selected."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from inspector.cli import terminal
from inspector.collect.collector import Progress
from inspector.declare import authorisation, declaration, settings, statement
from inspector.declare.authorisation import Authorisation, AuthorisationKind
from inspector.declare.declaration import Declaration, SourceMap, System
from inspector.declare.document import diagnostic_at
from inspector.declare.settings import Settings
from inspector.declare.statement import Statement
from inspector.model.base import now
from inspector.model.errors import Diagnostic, InputFileError, UsageError
from inspector.model.subject import Uri, parse_uri
from inspector.pipeline.prepare import Job
from inspector.plan.selection import Selection
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime, day_of
from inspector.regime.selection import next_regime, regime_by_id, regime_for
from inspector.registry.lock import pinned
from inspector.registry.registry import Registry, installed


@dataclass(frozen=True, slots=True)
class Order:
    """What was typed, before anything is read."""

    targets: tuple[str, ...] = ()
    authorisations: tuple[Path, ...] = ()
    statements: tuple[Path, ...] = ()
    decisions: tuple[Path, ...] = ()
    systems: tuple[str, ...] = ()
    level: int | None = None
    authorised_by: str | None = None
    regime: str | None = None
    as_of: str | None = None
    only: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    within: int | None = None
    settings: Path | None = None
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class InputDocuments:
    """The documents of one run."""

    declaration: Declaration
    authorisations: tuple[Authorisation, ...]
    source_map: SourceMap


def instant(text: str | None) -> datetime:
    """The instant of ``--as-of`` (a day begins at midnight, UTC), or now. Raises UsageError."""
    if text is None:
        return now()
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        raise UsageError(f"--as-of {text!r} is no date", remedy="write YYYY-MM-DD") from None


def read_settings(path: Path | None, output: Path | None = None) -> Settings:
    """Settings from file, environment and flags."""
    found = path or (Path("inspector.toml") if Path("inspector.toml").is_file() else None)
    return settings.load(found, os.environ, {} if output is None else {"output": output})


def regime_of(name: str | None, system: System, as_of: datetime, known: Sequence[Regime]) -> Regime:
    """The regime asked for, or the one that holds for the system on that day. Raises UsageError."""
    return regime_for(known, system, as_of) if name is None else regime_by_id(known, name)


def statements_of(statements: Iterable[Path], decisions: Iterable[Path], own: Settings) -> tuple[Statement, ...]:
    """The statements in these documents; only in ``decisions``, documents of the inspecting side's own, can any be
    accepted.

    Decisions that do not count are cut back, which is told.
    """
    told: list[Statement] = []
    given = [*((path, ()) for path in statements), *((path, own.inspectors) for path in decisions)]
    for path, inspecting in given:
        loaded, warnings = statement.load(path, inspecting=inspecting)
        told.extend(loaded)
        for warning in warnings:
            terminal.note(f"inspector: {warning}")
    return tuple(told)


def _uris(order: Order, registry: Registry) -> list[Uri]:
    try:
        return [parse_uri(text, registry.schemes) for text in order.targets]
    except ValueError as error:
        raise UsageError(
            str(error), remedy="give a declaration.yaml, or endpoint URIs such as https://host/ with --level"
        ) from None


def documents(order: Order, registry: Registry) -> InputDocuments:
    """The documents that the targets name, or documents made for endpoints without any. Raises UsageError or
    InputFileError.
    """
    if not order.targets:
        raise UsageError("nothing to inspect", remedy="give a declaration.yaml, or endpoint URIs such as https://host/")
    read = [authorisation.read(path) for path in order.authorisations]
    given = tuple(each for found, _ in read for each in found)
    files = [text for text in order.targets if Path(text).is_file() or text.endswith((".yaml", ".yml"))]
    if not files:
        if order.level is None:
            raise UsageError("endpoints without a declaration need a level", remedy="add --level 1 to 5")
        author = order.authorised_by or (given[0].granted_by if given else None)
        made, granted = declaration.ad_hoc(_uris(order, registry), order.level, author)
        return InputDocuments(made, given or (granted,), _together(source_map for _, source_map in read))
    if len(files) != 1 or len(order.targets) != 1:
        raise UsageError(
            "give one declaration, or endpoint URIs, not both", remedy="start one run for each declaration"
        )
    if order.level is not None:
        raise UsageError("the level stands in the declaration", remedy="leave --level out")
    declared, declared_at = declaration.load(Path(files[0]), registry.schemes)
    if declared.authorisation is not None:
        given = (*given, declared.authorisation)
    if not given:
        raise UsageError(
            f"{files[0]}: nobody permits this inspection",
            remedy="give --authorisation authorisation.yaml, or write one of kind own-estate into the declaration",
        )
    return InputDocuments(declared, given, _together([declared_at, *(source_map for _, source_map in read)]))


def _together(source_map: Iterable[SourceMap]) -> SourceMap:
    """Where the things of several files stand."""
    return SourceMap({names: position for each in source_map for names, position in each.known.items()})


def check_approvals(told: InputDocuments, regimes: Sequence[Regime], today: date) -> None:
    """Raise InputFileError for an approval that lies ahead, and for one under a regime that is not installed.

    Both would silently choose another regime than the one that holds.
    """
    known = sorted(regime.id for regime in regimes)
    diagnostics: list[Diagnostic] = []
    for system in told.declaration.systems:
        approval, position = system.approval, told.source_map.approval(system.id)
        if approval is None:
            continue
        if approval.date is not None and approval.date > today:
            what = f"the approval is dated {approval.date}, which lies ahead"
            diagnostics.append(diagnostic_at(position, what, "correct the date, or write the status that holds today"))
        if approval.regime is not None and approval.regime not in known:
            what = f"the approval names regime {approval.regime!r}, which is not installed"
            diagnostics.append(diagnostic_at(position, what, f"write one of {', '.join(known)}, or leave it out"))
    if diagnostics:
        raise InputFileError(diagnostics)


def chosen(declared: Declaration, wanted: tuple[str, ...]) -> tuple[System, ...]:
    """The systems to inspect. Raises UsageError for an id that is not declared."""
    known = {each.id: each for each in declared.systems}
    for name in wanted:
        if name not in known:
            raise UsageError(f"--system {name}: not declared", remedy=f"write one of {', '.join(sorted(known))}")
    return tuple(each for each in declared.systems if not wanted or each.id in wanted)


@dataclass(frozen=True, slots=True)
class Round:
    """One run over the chosen systems: everything that they share."""

    run: str
    order: Order
    registry: Registry
    settings: Settings
    as_of: datetime
    regimes: tuple[Regime, ...]
    documents: InputDocuments
    statements: tuple[Statement, ...]
    systems: tuple[System, ...]

    def job(self, system: System, progress: Callable[[Progress], None] = lambda _step: None) -> Job:
        """The inspection of one system. Raises UsageError when no regime holds for it."""
        regime = regime_of(self.order.regime, system, self.as_of, self.regimes)
        return Job(
            run=self.run,
            system=system,
            organisation=self.documents.declaration.organisation,
            authorisations=self.documents.authorisations,
            settings=self.settings,
            registry=self.registry,
            regime=regime,
            next_regime=next_regime(self.regimes, regime),
            as_of=self.as_of,
            statements=self.statements,
            selection=Selection(
                only=self.order.only,
                tags=self.order.select,
                within=self.order.within,
            ),
            source_map=self.documents.source_map,
            progress=progress,
            others=tuple(each for each in self.documents.declaration.systems if each.id != system.id),
        )


def round_of(order: Order) -> Round:
    """Read everything that was typed. Raises UsageError or InputFileError.

    Under an inspection decision only pinned plugins are loaded, and only they may add rows that bind.
    """
    own = read_settings(order.settings, order.output)
    known = installed()
    told = documents(order, known)
    if diagnostics := authorisation.check_authorisations(told.authorisations, now(), told.source_map):
        raise InputFileError(diagnostics)
    decided = any(each.kind is AuthorisationKind.INSPECTION_DECISION for each in told.authorisations)
    registry = pinned(own.plugins_lock) if decided else known
    folders = [folder.name for folder in registry.profiles] if decided else []
    regimes = load_all(registry.profiles, pinned=folders)
    check_approvals(told, regimes, day_of(now()))
    return Round(
        run=f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        order=order,
        registry=registry,
        settings=own,
        as_of=instant(order.as_of),
        regimes=regimes,
        documents=told,
        statements=statements_of(order.statements, order.decisions, own),
        systems=chosen(told.declaration, order.systems),
    )
