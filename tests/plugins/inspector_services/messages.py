"""Every text of a plugin's checks, and its Vietnamese catalogue."""

import ast
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from string import Formatter

from babel.messages.pofile import read_po

from inspector import Check

_VERDICTS = frozenset({"passed", "failed", "inconclusive", "not_applicable"})


def templates(package: str) -> set[str]:
    """The templates of all verdicts in a plugin, whether a check returns them or a function that checks share."""
    folder = Path(str(files(package)))
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    verdicts = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in _VERDICTS]
    return {ast.literal_eval(call.args[0]) for call in verdicts}


def catalogue(package: str) -> dict[str, str]:
    """The Vietnamese translations of a plugin."""
    with files(package).joinpath("locale/vi.po").open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file, locale="vi") if entry.id}


def places(text: str) -> list[str]:
    """The placeholders of a template, sorted."""
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})


def assert_complete(package: str, checks: Iterable[Check]) -> None:
    """Every text is translated, nothing else is, and placeholders agree."""
    translated = catalogue(package)
    wanted = templates(package)
    for check in checks:
        wanted |= {check.title, check.description, check.remediation}
    assert set(translated) == wanted
    for text, vietnamese in translated.items():
        assert vietnamese
        assert vietnamese != text
        assert places(vietnamese) == places(text)
