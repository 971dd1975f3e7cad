"""The plugin speaks Vietnamese wherever it speaks English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import read_po

import inspector_dossier
from inspector.model.declared import ApprovalStatus, PlanStatus, Stage

PACKAGE = Path(inspector_dossier.__file__).parent
VERDICTS = {"passed", "failed", "inconclusive", "not_applicable"}


def _texts() -> Iterator[str]:
    for check in inspector_dossier.inspector_checks():
        yield from (check.title, check.description, check.remediation)
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in VERDICTS:
                yield from (each.value for each in node.args if isinstance(each, ast.Constant))
    for words in (Stage, ApprovalStatus, PlanStatus):
        yield from (word.value for word in words)


def test_every_text_is_translated() -> None:
    """The catalogue holds exactly the texts and words of the plugin, each translated with the same placeholders."""
    with (PACKAGE / "locale" / "vi.po").open("rb") as file:
        catalogue = {str(each.id): str(each.string) for each in read_po(file, locale="vi") if each.id}
    assert set(_texts()) == set(catalogue)
    for text, translation in catalogue.items():
        assert translation, text
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", translation)), text
