"""ASSESS: a sealed bundle is assessed under some rules, with the network closed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from inspector.assess.assessor import AssessmentInput, Reached, assess
from inspector.collect.parsing import facts_of
from inspector.declare.statement import Statement
from inspector.model.base import Cause
from inspector.model.observation import Evidence, FailureNote
from inspector.model.public_roots import PublicRoots
from inspector.model.table import Table
from inspector.network.guard.audit_hook import GuardViolation, disable, enable
from inspector.pipeline.trust import trust_of
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection
from inspector.regime.regime import Regime, changes, resolve
from inspector.registry.lock import records_of
from inspector.registry.registry import Registry
from inspector.seal import Bundle

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AssessmentOptions:
    """Under which rules a sealed bundle is assessed; None keeps what the capture was planned with.

    ``reparse`` parses the raw bytes again. ``reached`` is what the same system's evidence led to while it was
    collected; None: every check is asked again.
    """

    as_of: datetime
    regime: Regime | None = None
    next_regime: Regime | None = None
    level: int | None = None
    statements: tuple[Statement, ...] | None = None
    tables: tuple[Table, ...] | None = None
    reparse: bool = False
    reached: Reached | None = None


@contextmanager
def _network_closed() -> Iterator[None]:
    """Within the body nothing in this process reaches the network, whatever a plugin tries."""

    def ignore(_violation: GuardViolation) -> None:
        """The guard refuses the call; nothing else needs to happen."""

    enable(ignore)
    try:
        yield
    finally:
        disable(ignore)


async def assess_bundle(bundle: Bundle, registry: Registry, options: AssessmentOptions) -> Assessment:
    """Assess a sealed bundle without a rescan; the network is closed meanwhile."""
    with _network_closed():
        return await _assess_bundle(bundle, registry, options)


async def _assess_bundle(bundle: Bundle, registry: Registry, options: AssessmentOptions) -> Assessment:
    evidence = await reparse(bundle, registry) if options.reparse else bundle.evidence()
    inspection = bundle.inspection
    system = inspection.system
    if options.level is not None:
        system = system.model_copy(update={"level": options.level})
    regime = options.regime or inspection.regime
    following = options.next_regime if options.regime else inspection.next_regime
    requirements = resolve(regime, system, as_of=options.as_of)
    assessment = assess(
        AssessmentInput(
            inspection=inspection,
            registry=registry,
            regime=regime,
            requirements=requirements,
            evidence=evidence,
            as_of=options.as_of,
            statements=inspection.statements if options.statements is None else options.statements,
            selection=inspection.plan.selection,
            overlays=tuple(sorted({each.overlay for each in requirements if each.overlay})),
            level=system.level,
            reparse=options.reparse,
            plugins=records_of(registry),
            changes=changes(regime, following, system) if following else (),
            reached=Reached() if options.reparse or options.reached is None else options.reached,
            tables=inspection.tables if options.tables is None else _tables(inspection, options.tables),
        )
    )
    about = {"system": system.id, "inspection": inspection.id, "regime": regime.id}
    _log.info("assessed", extra={**about, "count": len(assessment.findings)})
    return assessment


def _tables(inspection: Inspection, given: Iterable[Table]) -> tuple[Table, ...]:
    """The given tables; but the public roots are those with which paths were validated in the capture, or none."""
    validated = [each for each in inspection.tables if each.kind == PublicRoots.kind]
    others = [each for each in given if each.kind != PublicRoots.kind]
    return tuple(sorted((*others, *validated), key=lambda each: each.kind))


async def reparse(bundle: Bundle, registry: Registry) -> list[tuple[str, Evidence]]:
    """The evidence, its raw bytes parsed again by the installed probes; where the probe is gone it stays as it was."""
    inspection = bundle.inspection
    trust = trust_of({name: bundle.trust(name) for name in inspection.trust}, inspection.tables)
    again: list[tuple[str, Evidence]] = []
    for digest, evidence in bundle.evidence():
        probe = registry.probes.get(evidence.probe)
        if probe is None or not evidence.raw:
            again.append((digest, evidence))
            continue
        parse_context = trust.parse_context(evidence.subject, evidence.began)
        facts, failure = await facts_of(probe, bundle.output_of(evidence), parse_context)
        if failure is not None and evidence.facts is not None and evidence.probe_version != probe.version:
            failure = FailureNote(
                cause=Cause.AMBIGUOUS,
                detail=f"raw bytes of version {evidence.probe_version} of the probe {probe.name}, which version"
                f" {probe.version} does not read: {failure.detail}",
            )
        update = {
            "facts": facts,
            "kind": probe.kind.kind,
            "probe_version": probe.version,
            "failure": failure if facts is not None else evidence.failure or failure,
        }
        again.append((digest, evidence.model_copy(update=update)))
    return again
