"""The view of a comparison of two inspections, or of two runs, as renderers get it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inspector.compare.difference import ChangedFinding, FindingChange, SystemDifference
from inspector.model.escaping import escape_control
from inspector.model.finding import Finding
from inspector.model.language import Language
from inspector.regime.regime import Requirement
from inspector.report.messages import Contributions, Translator


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """What changed in each system, one with something new first; ``rows`` are the requirements by id.

    ``rejudged``: the same rules judged both sides, otherwise their findings are as they were given.
    """

    differences: tuple[SystemDifference, ...]
    registry: Contributions
    rows: Mapping[str, Requirement] = field(default_factory=dict)
    rejudged: bool = True
    translators: dict[Language, Translator] = field(default_factory=dict)

    def translator(self, language: Language) -> Translator:
        """The translator of one language."""
        return self.translators.setdefault(language, Translator(self.registry, language))

    def title(self, finding: Finding, language: Language) -> str:
        """The row's own title, or that of its check, or the requirement's id."""
        row = self.rows.get(finding.requirement)
        if row is not None and row.title is not None:
            return escape_control(row.title.vi if language is Language.VI else row.title.en)
        return self.translator(language).check(finding.check, "title") or escape_control(finding.requirement)

    def counts(self, differences: Sequence[SystemDifference] | None = None) -> dict[FindingChange, int]:
        """The number of findings by change, for every change."""
        given = self.differences if differences is None else differences
        return {change: sum(len(each.of(change)) for each in given) for change in FindingChange}

    def explanation(self, changed: ChangedFinding, language: Language) -> str:
        """Why a finding was not seen again, or is changed by the rules; empty for the other changes."""
        return self.translator(language).term(changed.reason) if changed.reason is not None else ""
