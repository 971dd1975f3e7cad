"""findings.json: the findings of some systems as canonical JSON, and its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from inspector.model.base import canonical
from inspector.model.finding import Finding
from inspector.report.display_json import escape_hidden
from inspector.report.view import View

_FINDINGS = TypeAdapter(tuple[Finding, ...])


def findings_json(views: Iterable[View]) -> bytes:
    """The findings of some systems, in the form of ``findings.json`` in a bundle.

    The bytes are canonical JSON, except that hidden characters are escaped, which a terminal would interpret.
    """
    data = canonical([each.model_dump(mode="json") for view in views for each in view.assessment.findings])
    return escape_hidden(data.decode())


def findings_schema() -> dict[str, Any]:
    """The JSON Schema of ``findings.json``."""
    schema = _FINDINGS.json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:level-inspector:findings:1",
        "title": "Findings",
        **schema,
    }
