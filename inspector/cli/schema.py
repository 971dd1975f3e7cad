"""``inspector schema``: the JSON Schema of a paper, for editors and other programs."""

from __future__ import annotations

import json

from inspector.cli import terminal
from inspector.model.errors import UsageError

PAPERS = ("declaration", "authorisation", "statements", "settings", "findings")


def print_schema(paper: str) -> int:
    """Print one schema. Raises UsageError."""
    if paper not in PAPERS:
        raise UsageError(f"there is no paper {paper!r}", remedy=f"write one of {', '.join(PAPERS)}")
    if paper == "findings":
        from inspector.report.findings_json import findings_schema

        told = findings_schema()
    else:
        from inspector.declare.json_schema import schema
        from inspector.registry.registry import installed

        told = schema(paper, installed().schemes)
    terminal.say(json.dumps(told, indent=2, ensure_ascii=False))
    return 0
