"""REPORT: sealed bundles become views, and views become report files."""

from __future__ import annotations

from collections.abc import Iterable

from inspector.model.language import Language
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection
from inspector.regime.loader import load_all
from inspector.regime.regime import Regime
from inspector.registry.registry import Registry
from inspector.report.ledger_totals import totals
from inspector.report.view import View
from inspector.seal import Bundle


def view(bundle: Bundle, assessment: Assessment, registry: Registry) -> View:
    """The view of one assessment of a sealed bundle."""
    return View(
        inspection=bundle.inspection,
        assessment=assessment,
        registry=registry,
        regime=_regime(bundle.inspection, assessment, registry),
        evidence=dict(bundle.evidence()),
        ledger=totals(bundle.ledger_lines()),
        head=bundle.digest,
        signers=tuple(bundle.signers),
    )


def _regime(inspection: Inspection, assessment: Assessment, registry: Registry) -> Regime | None:
    wanted = (assessment.regime, assessment.regime_version)
    captured = [each for each in (inspection.regime, inspection.next_regime) if each is not None]
    for regime in captured:
        if (regime.id, regime.version) == wanted:
            return regime
    return next((each for each in load_all(registry.profiles) if (each.id, each.version) == wanted), None)


def render(views: Iterable[View], formats: Iterable[str], registry: Registry) -> dict[str, bytes]:
    """Report files by name, in every language where the format is told in words.

    A joining format gives one file for all views; any other one for each, named by its system where there are several.
    """
    together = tuple(views)
    files: dict[str, bytes] = {}
    for name in formats:
        renderer = registry.renderers[name]
        for language in Language if renderer.localised else (Language.EN,):
            file = renderer.file(language)
            if renderer.joins:
                files[file] = renderer.render(together, language)
            else:
                for each in together:
                    prefix = f"{each.inspection.system.id}." if len(together) > 1 else ""
                    files[f"{prefix}{file}"] = renderer.render((each,), language)
    return files
