"""``inspector check``: read documents, and print every error with its place; nothing is resolved or sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inspector.cli import terminal
from inspector.cli.exit_code import CLEAN, MISUSE
from inspector.cli.language import _
from inspector.declare import authorisation, campaign, declaration, follow_up, settings, statement
from inspector.declare import document as documents
from inspector.model.errors import InspectorError, UsageError
from inspector.model.formatted import FormattedMessage
from inspector.registry.registry import Registry, installed

#: The key by which a document is recognised.
_KEYS = {
    "systems": "declaration",
    "statements": "statements",
    "covers": "authorisation",
    "selection": "campaign",
    "entries": "follow-up",
}


def check_files(paths: list[Path]) -> int:
    """Check each file and print what is wrong in it; 2 where anything is."""
    registry = installed()
    code = CLEAN
    for path in paths:
        try:
            kind = _check(path, registry)
        except InspectorError as error:
            terminal.print_error(error)
            code = MISUSE
        else:
            terminal.print_result(_("{file}: {document}, no error found", file=path, document=kind))
    return code


def _check(path: Path, registry: Registry) -> str:
    """The kind of a document without errors. Raises InputFileError or UsageError."""
    kind = _kind(path)
    match kind:
        case "settings":
            settings.load(path, {}, {})
        case "declaration":
            declaration.load(path, registry.schemes)
        case "authorisation":
            authorisation.load(path)
        case "campaign":
            campaign.load(path)
        case "follow-up":
            follow_up.load(path)
        case "statements":
            statement.load(path, schemes=registry.schemes)
    return kind


def _kind(path: Path) -> str:
    if path.suffix == ".toml":
        return "settings"
    if path.suffix == ".jsonl":
        return "declaration"
    data = documents.read(path).data
    for kind in _kinds(data):
        return kind
    raise UsageError(
        FormattedMessage("{file}: it cannot be told which document this is", file=path),
        remedy="write systems (declaration), covers (authorisation), statements, selection (campaign) or entries "
        "(follow-up); settings end in .toml",
    )


def _kinds(data: object) -> Iterator[str]:
    known = data[0] if isinstance(data, list) and data else data  # several authorisations in one file
    if isinstance(known, dict):
        yield from (kind for key, kind in _KEYS.items() if key in known)
