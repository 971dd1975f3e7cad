"""What is loaded once per run, and the requests that are made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache

from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import Declaration, System
from inspector.declare.document import SourceMap, diagnostic_at
from inspector.declare.settings import Settings
from inspector.declare.statement import Statement
from inspector.model.base import Same
from inspector.model.errors import Diagnostic, InputFileError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.table import Table
from inspector.pipeline.request import InspectionRequest, RegimeRef, ReportOptions
from inspector.pipeline.system_filter import SystemFilter
from inspector.record.plan import Selection
from inspector.regime.regime import Regime
from inspector.regime.selection import next_regime, regime_by_id, regime_for, with_transitions
from inspector.registry.registry import Registry
from inspector.report.view import View


@dataclass(frozen=True, slots=True)
class InputDocuments:
    """The documents of one run, and where their parts are written."""

    declaration: Declaration
    authorisations: tuple[Authorisation, ...]
    statements: tuple[Statement, ...] = ()
    source_map: SourceMap = field(default_factory=SourceMap)


def unmarked(view: View) -> View:
    """The view as it is."""
    return view


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a process loads once for all inspections of a run; ``documents`` are needed to make requests only.

    ``tables`` are recorded where an inspection begins; None: none begins here, and those that began have theirs.
    ``mark`` writes into a view, before it is rendered, what its findings do to the caller's exit code.
    """

    registry: Registry
    settings: Settings
    regimes: tuple[Regime, ...] = ()
    documents: InputDocuments | None = None
    tables: tuple[Table, ...] | None = field(kw_only=True)
    mark: Callable[[View], View] = unmarked

    def regime(self, ref: RegimeRef) -> Regime:
        """The regime that a request refers to. Raises UsageError where it is missing or another version."""
        known = _regimes_by_ref(Same(self.regimes)).get(ref)
        regime = known or regime_by_id(self.regimes, ref.id)
        if known is None:
            raise UsageError(
                FormattedMessage(
                    "regime {ref} is installed as version {version}, not as the version {expected} that the "
                    "request was made with",
                    ref=repr(ref.id),
                    version=regime.version,
                    expected=ref.version,
                ),
                remedy="install the same profiles on both machines",
            )
        return regime


@lru_cache(maxsize=16)
def _regimes_by_ref(regimes: Same[tuple[Regime, ...]]) -> dict[RegimeRef, Regime]:
    return {RegimeRef.of(each): each for each in with_transitions(regimes.value)}


def regime_of(name: str | None, system: System, as_of: datetime, known: Sequence[Regime]) -> Regime:
    """The regime with this id, or the one that holds for the system on that day. Raises UsageError."""
    return regime_for(known, system, as_of) if name is None else regime_by_id(known, name)


def request_for(
    system: System,
    context: RunContext,
    *,
    run: str,
    as_of: datetime,
    regime: str | None = None,
    selection: Selection = Selection(),  # noqa: B008  (frozen)
    reports: ReportOptions = ReportOptions(),  # noqa: B008  (frozen)
) -> InspectionRequest:
    """The request to inspect one of the declared systems. Raises UsageError when no regime holds for it.

    Names, locations and statements of the other declared systems stay out of it.
    """
    documents = context.documents
    assert documents is not None  # noqa: S101  (requests are made where the documents were read)
    chosen = regime_of(regime, system, as_of, context.regimes)
    later = next_regime(context.regimes, chosen)
    own = _filter(Same(documents), Same(context.registry))
    authorisations = own.authorisations(system, documents.authorisations)
    return InspectionRequest(
        run=run,
        system=system,
        organisation=documents.declaration.organisation,
        authorisations=authorisations,
        statements=own.statements(system),
        regime=RegimeRef.of(chosen),
        next_regime=RegimeRef.of(later) if later else None,
        as_of=as_of,
        selection=selection,
        reports=reports,
        endpoint_locations=documents.source_map.endpoints(system.id),
        authorisation_locations={
            each.id: position for each in authorisations if (position := documents.source_map.authorisation(each.id))
        },
    )


@lru_cache(maxsize=256)
def _filter(documents: Same[InputDocuments], registry: Same[Registry]) -> SystemFilter:
    declared = documents.value.declaration.systems
    return SystemFilter(declared, documents.value.statements, registry.value.schemes)


def check_approvals(documents: InputDocuments, regimes: Sequence[Regime], today: date) -> None:
    """Raise InputFileError for an approval in the future, and for one under a regime that is not installed.

    Both would silently choose another regime than the one that holds.
    """
    known = sorted(regime.id for regime in regimes)
    diagnostics: list[Diagnostic] = []
    for system in documents.declaration.systems:
        approval = system.approval
        if approval is None:
            continue
        if approval.date is not None and approval.date > today:
            what = FormattedMessage("the approval is dated {day}, which is in the future", day=approval.date)
            remedy: str = "correct the date, or write the status that holds today"
            diagnostics.append(diagnostic_at(documents.source_map.approval(system.id), what, remedy))
        if approval.regime is not None and approval.regime not in known:
            what = FormattedMessage(
                "the approval names regime {regime}, which is not installed", regime=repr(approval.regime)
            )
            remedy = FormattedMessage("write one of {known}, or leave it out", known=", ".join(known))
            diagnostics.append(diagnostic_at(documents.source_map.approval(system.id), what, remedy))
    if diagnostics:
        raise InputFileError(diagnostics)
