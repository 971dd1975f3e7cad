"""Every text of a plugin's checks, and its Vietnamese catalogue."""

import ast
import sys
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from string import Formatter

from babel.messages.pofile import read_po

from inspector import Check

_VERDICTS = frozenset({"passed", "failed", "inconclusive", "not_applicable"})


def texts(check: Check) -> set[str]:
    """Title, description, remediation, and the templates of all verdicts of one check."""
    source = Path(sys.modules[check.module].__file__ or "").read_text(encoding="utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    verdicts = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in _VERDICTS]
    said = {ast.literal_eval(call.args[0]) for call in verdicts}
    return said | {check.title, check.description, check.remediation}


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
    wanted = set().union(*(texts(check) for check in checks))
    assert set(translated) == wanted
    for text, vietnamese in translated.items():
        assert vietnamese
        assert vietnamese != text
        assert places(vietnamese) == places(text)
