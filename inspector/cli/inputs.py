"""From what was typed to jobs: papers, settings, regimes and what is selected."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from inspector import authorisation, declaration, settings, statement
from inspector.authorisation import Authorisation, AuthorisationKind
from inspector.cli import terminal
from inspector.collect import Progress
from inspector.declaration import Declaration, Place, System
from inspector.errors import Misuse, PaperError
from inspector.inspect import Job
from inspector.model import now
from inspector.plan import Selection
from inspector.plugin_lock import pinned
from inspector.profile import Regime
from inspector.regimes import following, load_all, named, select
from inspector.registry import Registry, installed
from inspector.settings import Settings
from inspector.statement import Statement
from inspector.subject import Uri, parse_uri


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
    cross_check: bool = False
    within: int | None = None
    settings: Path | None = None
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class Papers:
    """The papers of one run."""

    declaration: Declaration
    authorisations: tuple[Authorisation, ...]
    place: Callable[[str, str], Place | None]


def instant(text: str | None) -> datetime:
    """The instant of ``--as-of`` (a day begins at midnight, UTC), or now. Raises Misuse."""
    if text is None:
        return now()
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        raise Misuse(f"--as-of {text!r} is no date", remedy="write YYYY-MM-DD") from None


def read_settings(path: Path | None, output: Path | None = None) -> Settings:
    """Settings from file, environment and flags."""
    found = path or (Path("inspector.toml") if Path("inspector.toml").is_file() else None)
    return settings.load(found, os.environ, {} if output is None else {"output": output})


def regime_of(name: str | None, system: System, as_of: datetime, known: Sequence[Regime]) -> Regime:
    """The regime asked for, or the one that holds for the system on that day. Raises Misuse."""
    return select(known, system, as_of) if name is None else named(known, name)


def statements_of(statements: Iterable[Path], decisions: Iterable[Path], own: Settings) -> tuple[Statement, ...]:
    """The statements in these papers; only in ``decisions``, papers of the inspecting side's own, can any be accepted.

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
        raise Misuse(
            str(error), remedy="give a declaration.yaml, or endpoint URIs such as https://host/ with --level"
        ) from None


def papers(order: Order, registry: Registry) -> Papers:
    """The papers that the targets name, or papers made for endpoints without any. Raises Misuse or PaperError."""
    if not order.targets:
        raise Misuse("nothing to inspect", remedy="give a declaration.yaml, or endpoint URIs such as https://host/")
    given = tuple(each for path in order.authorisations for each in authorisation.load(path))
    files = [text for text in order.targets if Path(text).is_file() or text.endswith((".yaml", ".yml"))]
    if not files:
        if order.level is None:
            raise Misuse("endpoints without a declaration need a level", remedy="add --level 1 to 5")
        author = order.authorised_by or (given[0].granted_by if given else None)
        made, granted = declaration.ad_hoc(_uris(order, registry), order.level, author)
        return Papers(made, given or (granted,), lambda _system, _uri: None)
    if len(files) != 1 or len(order.targets) != 1:
        raise Misuse("give one declaration, or endpoint URIs, not both", remedy="start one run for each declaration")
    if order.level is not None:
        raise Misuse("the level stands in the declaration", remedy="leave --level out")
    declared, places = declaration.load(Path(files[0]), registry.schemes)
    if declared.authorisation is not None:
        given = (*given, declared.authorisation)
    if not given:
        raise Misuse(
            f"{files[0]}: nobody permits this inspection",
            remedy="give --authorisation authorisation.yaml, or write one of kind own-estate into the declaration",
        )
    return Papers(declared, given, places.endpoint)


def chosen(declared: Declaration, wanted: tuple[str, ...]) -> tuple[System, ...]:
    """The systems to inspect. Raises Misuse for an id that is not declared."""
    known = {each.id: each for each in declared.systems}
    for name in wanted:
        if name not in known:
            raise Misuse(f"--system {name}: not declared", remedy=f"write one of {', '.join(sorted(known))}")
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
    papers: Papers
    statements: tuple[Statement, ...]
    systems: tuple[System, ...]

    def job(self, system: System, progress: Callable[[Progress], None] = lambda _step: None) -> Job:
        """The inspection of one system. Raises Misuse when no regime holds for it."""
        regime = regime_of(self.order.regime, system, self.as_of, self.regimes)
        return Job(
            run=self.run,
            system=system,
            organisation=self.papers.declaration.organisation,
            authorisations=self.papers.authorisations,
            settings=self.settings,
            registry=self.registry,
            regime=regime,
            next_regime=following(self.regimes, regime),
            as_of=self.as_of,
            statements=self.statements,
            selection=Selection(
                only=self.order.only,
                tags=self.order.select,
                also=("cross-check",) if self.order.cross_check else (),
                within=self.order.within,
            ),
            places={uri: place for uri in system.endpoints if (place := self.papers.place(system.id, uri))},
            progress=progress,
            others=tuple(each for each in self.papers.declaration.systems if each.id != system.id),
        )


def round_of(order: Order) -> Round:
    """Read everything that was typed. Raises Misuse or PaperError.

    Under an inspection decision only pinned plugins are loaded, and only they may add rows that bind.
    """
    own = read_settings(order.settings, order.output)
    known = installed()
    told = papers(order, known)
    if faults := authorisation.check_authorisations(told.authorisations, now()):
        raise PaperError(faults)
    decided = any(each.kind is AuthorisationKind.INSPECTION_DECISION for each in told.authorisations)
    registry = pinned(own.plugins_lock) if decided else known
    folders = [folder.name for folder in registry.profiles] if decided else []
    return Round(
        run=f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        order=order,
        registry=registry,
        settings=own,
        as_of=instant(order.as_of),
        regimes=load_all(registry.profiles, pinned=folders),
        papers=told,
        statements=statements_of(order.statements, order.decisions, own),
        systems=chosen(told.declaration, order.systems),
    )
