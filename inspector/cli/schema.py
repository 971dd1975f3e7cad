"""``inspector schema``: the JSON Schema of a document, for editors and other programs."""

from __future__ import annotations

import json

from inspector.cli import terminal
from inspector.model.errors import UsageError

DOCUMENTS = ("declaration", "authorisation", "statements", "settings", "findings")


def print_schema(document: str) -> int:
    """Print one schema. Raises UsageError."""
    if document not in DOCUMENTS:
        raise UsageError(f"there is no document {document!r}", remedy=f"write one of {', '.join(DOCUMENTS)}")
    if document == "findings":
        from inspector.report.findings_json import findings_schema

        told = findings_schema()
    else:
        from inspector.declare.json_schema import schema
        from inspector.registry.registry import installed

        told = schema(document, installed().schemes)
    terminal.say(json.dumps(told, indent=2, ensure_ascii=False))
    return 0
