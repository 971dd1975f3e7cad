"""ASSESS: a sealed bundle is assessed under some rules, with the network closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from inspector.assess.assessor import Given, Verdicts, assess
from inspector.collect.parsing import facts_of
from inspector.declare.statement import Statement
from inspector.model.observation import Evidence
from inspector.network.guard.audit_hook import GuardViolation, disable, enable
from inspector.pipeline.trust import trust_of
from inspector.plan.selection import Selection
from inspector.record.assessment import Assessment
from inspector.regime.regime import Regime, changes, resolve
from inspector.registry.lock import records_of
from inspector.registry.registry import Registry
from inspector.seal import Bundle


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which rules a sealed bundle is judged: None keeps what the capture was planned with.

    ``verdicts`` were reached while it was collected, over the same evidence as it was recorded.
    """

    as_of: datetime
    regime: Regime | None = None
    next_regime: Regime | None = None
    level: int | None = None
    statements: tuple[Statement, ...] | None = None
    reparse: bool = False
    verdicts: Verdicts = field(default_factory=dict)


@contextmanager
def _network_closed() -> Iterator[None]:
    """Within the body nothing in this process reaches the network, whatever a plugin tries."""

    def unheard(_violation: GuardViolation) -> None:
        """Whoever tried it is refused, which is enough."""

    enable(unheard)
    try:
        yield
    finally:
        disable(unheard)


async def assess_bundle(bundle: Bundle, registry: Registry, terms: Terms) -> Assessment:
    """Judge a sealed bundle under some terms, without a rescan and with the network closed."""
    with _network_closed():
        return await _assess_bundle(bundle, registry, terms)


async def _assess_bundle(bundle: Bundle, registry: Registry, terms: Terms) -> Assessment:
    evidence = await reparse(bundle, registry) if terms.reparse else bundle.evidence()
    inspection = bundle.inspection
    system = inspection.system
    if terms.level is not None:
        system = system.model_copy(update={"level": terms.level})
    regime = terms.regime or inspection.regime
    following = terms.next_regime if terms.regime else inspection.next_regime
    selection = Selection.recorded(inspection.plan)
    requirements = resolve(regime, system, as_of=terms.as_of)
    return assess(
        Given(
            inspection=inspection,
            registry=registry,
            regime=regime,
            requirements=requirements,
            evidence=evidence,
            as_of=terms.as_of,
            statements=inspection.statements if terms.statements is None else terms.statements,
            selection=selection,
            overlays=tuple(sorted({each.overlay for each in requirements if each.overlay})),
            level=system.level,
            reparse=terms.reparse,
            plugins=records_of(registry),
            changes=changes(regime, following, system) if following else (),
            verdicts={} if terms.reparse else terms.verdicts,
        )
    )


async def reparse(bundle: Bundle, registry: Registry) -> list[tuple[str, Evidence]]:
    """The evidence with its facts read again from the raw bytes by the installed probes; the network stays closed."""
    trust = trust_of({name: bundle.trust(name) for name in bundle.inspection.trust})
    again: list[tuple[str, Evidence]] = []
    for digest, evidence in bundle.evidence():
        probe = registry.probes.get(evidence.probe)
        if probe is None or not evidence.raw:
            again.append((digest, evidence))
            continue
        parse_context = trust.parse_context(evidence.subject, evidence.began)
        facts, failure = await facts_of(probe, bundle.output_of(evidence), parse_context)
        update = {
            "facts": facts,
            "kind": probe.kind.kind,
            "probe_version": probe.version,
            "failure": failure if facts is not None else evidence.failure or failure,
        }
        again.append((digest, evidence.model_copy(update=update)))
    return again
