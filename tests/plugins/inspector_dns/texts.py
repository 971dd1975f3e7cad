"""The texts of a plugin, and what its catalogue makes of them."""

from __future__ import annotations

import ast
from pathlib import Path

from babel.messages.pofile import read_po

from inspector import Check

VERDICTS = {"passed", "failed", "inconclusive", "not_applicable"}


def texts(package: Path, checks: tuple[Check, ...]) -> set[str]:
    """Titles, descriptions, remediations, and the messages of verdicts, written in place or in ``message``."""
    found = {text for check in checks for text in (check.title, check.description, check.remediation)}
    for file in (package / "checks").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in VERDICTS:
                found |= _constants(node.args[0])
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and node.targets[0].id == "message"
            ):
                found |= _constants(node.value)
    return found


def _constants(node: ast.expr) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def catalogue(package: Path) -> dict[str, str]:
    """The Vietnamese catalogue of a package."""
    with (package / "locale" / "vi.po").open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file, locale="vi") if entry.id}


def placeholders(template: str) -> set[str]:
    """The names in braces."""
    return {part.partition("}")[0] for part in template.split("{")[1:]}
