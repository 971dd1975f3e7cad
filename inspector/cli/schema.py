"""``inspector schema``: the JSON Schema of a document, for editors and other programs."""

from __future__ import annotations

import json

from inspector.cli import terminal
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage

DOCUMENTS = (
    *("declaration", "declaration-line", "authorisation", "statements", "inspection", "settings", "campaign"),
    *("follow-up", "findings", "inventory"),
)


def print_schema(document: str) -> int:
    """Print one schema. Raises UsageError."""
    if document not in DOCUMENTS:
        raise UsageError(
            FormattedMessage("there is no document {document}", document=repr(document)),
            remedy=FormattedMessage("write one of {known}", known=", ".join(DOCUMENTS)),
        )
    if document == "findings":
        from inspector.report.findings_json import findings_schema

        made = findings_schema()
    elif document == "inventory":
        from inspector.inventory.snapshot import inventory_schema

        made = inventory_schema()
    else:
        from inspector.declare.json_schema import schema
        from inspector.registry.registry import installed

        made = schema(document, installed().schemes)
    terminal.print_result(json.dumps(made, indent=2, ensure_ascii=False))
    return 0
