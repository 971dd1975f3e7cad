"""Sealed captures assessed again under the rules of a later inspection, without a packet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from inspector.compare.difference import Judged
from inspector.model.errors import InspectorError
from inspector.pipeline.event_loop import run_async
from inspector.pipeline.reassess import AssessmentOptions, assess_bundle
from inspector.pipeline.reporting import regime_of_assessment
from inspector.registry.registry import Registry
from inspector.seal import Bundle
from inspector.store.archive import ReadInspection


@dataclass(slots=True)
class Rejudging:
    """Gives the findings of captures of one system under the rules of ``present``, each once.

    ``folders`` are those of the captures that count, by digest. ``count`` is how many were assessed.
    """

    archive: Path
    registry: Registry
    present: ReadInspection
    folders: dict[str, str]
    trusted: Collection[str]
    count: int = 0
    _made: dict[str, Judged | None] = field(default_factory=dict)

    def __call__(self, capture: str) -> Judged | None:
        """The findings of the capture with this digest; None where it is not in the archive as it was sealed."""
        if capture not in self._made:
            self._made[capture] = self._judge(capture)
        return self._made[capture]

    def _judge(self, capture: str) -> Judged | None:
        newest = self.present.assessment
        regime = regime_of_assessment(self.present.bundle.inspection, newest, self.registry)
        if regime is None:
            return None
        options = AssessmentOptions(
            as_of=newest.as_of,
            regime=regime,
            level=newest.level,
            statements=newest.statements,
            tables=newest.tables,
            reparse=newest.reparse,
        )
        try:
            bundle = self.present.bundle if capture == self.present.bundle.digest else self._open(capture)
            if bundle is None:
                return None
            assessment = run_async(assess_bundle(bundle, self.registry, options))
            self.count += 1
            return Judged.of(bundle.inspection, assessment, bundle.evidence(), bundle.digest)
        except InspectorError:
            return None

    def _open(self, capture: str) -> Bundle | None:
        folder = self.folders.get(capture)
        if folder is None:
            return None
        bundle = Bundle.open(self.archive / folder)
        return bundle if bundle.digest == capture and set(bundle.signers) & set(self.trusted) else None
