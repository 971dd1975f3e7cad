"""json: what changed between two inspections, by system; the same in every language."""

from __future__ import annotations

from inspector import DifferenceView, Language, display_json

#: The form of the file.
FORM = "inspector-difference/1"


def render_difference(view: DifferenceView, _language: Language) -> bytes:
    """The counts and the changed findings of every system as JSON."""
    return display_json(
        {
            "form": FORM,
            "rejudged": view.rejudged,
            "counts": {change.value: count for change, count in view.counts().items()},
            "systems": [each.model_dump(mode="json") for each in view.differences],
        }
    )
