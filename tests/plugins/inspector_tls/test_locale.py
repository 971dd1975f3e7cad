"""The plugin speaks Vietnamese wherever it speaks English."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import read_po

import inspector_tls
from inspector import checks_in
from inspector_tls import checks

PACKAGE = Path(inspector_tls.__file__).parent
VERDICTS = {"passed", "failed", "inconclusive", "not_applicable"}


def _texts() -> Iterator[str]:
    for check in checks_in(checks):
        yield from (check.title, check.description, check.remediation)
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in VERDICTS:
                yield from _constants(node.args[:1])
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and "_MESSAGES" in ast.dump(node):
                yield from _constants(node.value.values)


def _constants(nodes: list[ast.expr]) -> Iterator[str]:
    yield from (node.value for node in nodes if isinstance(node, ast.Constant))


def test_every_text_is_translated() -> None:
    """The catalogue holds exactly the texts of the plugin, each translated with the same placeholders."""
    with (PACKAGE / "locale" / "vi.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file, locale="vi") if message.id}
    assert set(_texts()) == set(catalogue)
    for text, translation in catalogue.items():
        assert translation, text
        assert _placeholders(text) == _placeholders(translation)


def _placeholders(template: str) -> set[str]:
    return {part.partition("}")[0] for part in template.split("{")[1:]}
