"""json: the findings of all systems in one list, as in a bundle's ``findings.json``; the same in every language."""

from __future__ import annotations

from collections.abc import Sequence

from inspector import Language, Renderer, View, findings_json, findings_schema
from inspector_reports.difference_json import render_difference

__all__ = ["FINDINGS", "render", "schema"]

#: The JSON Schema of the format.
schema = findings_schema


def render(views: Sequence[View], _language: Language) -> bytes:
    """The findings of the views as JSON."""
    return findings_json(views)


FINDINGS = Renderer(
    "json", ".json", "application/json", render, joins=True, stem="findings", render_difference=render_difference
)
