"""Whether a plugin's Vietnamese catalogue holds exactly its texts."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path

from inspector.model.language import Language
from inspector.report.messages import catalogue
from inspector.testing.cases import checks_of

_VERDICTS = frozenset({"passed", "failed", "inconclusive", "not_applicable"})
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def assert_translated(package: str, *vocabularies: type[Enum]) -> None:
    """Every text of a plugin is in its ``locale/vi.po`` with the same placeholders, and nothing else is.

    Texts are title, description and remediation of each check, the messages given to ``passed``, ``failed``,
    ``inconclusive`` and ``not_applicable``, and the members of ``vocabularies``, whose values verdicts measure.
    Raises AssertionError that names each text and its file.
    """
    root = Path(import_module(package).__file__ or "").parent
    translations = catalogue(package, Language.VI)
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.py"))}
    texts = {
        **{str(member.value): f"member of {each.__name__}" for each in vocabularies for member in each},
        **{text: f"message in {path.relative_to(root)}" for path, tree in modules.items() for text in _messages(tree)},
        **dict(_check_texts(package, root)),
    }
    constants = {node.value for tree in modules.values() for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    problems = [
        *(f"not translated: {where}: {text!r}" for text, where in texts.items() if text not in translations),
        *(f"belongs to nothing: {text!r}" for text in translations if text not in texts and text not in constants),
        *(
            f"other placeholders: {text!r} and {translation!r}"
            for text, translation in translations.items()
            if set(_PLACEHOLDER.findall(text)) != set(_PLACEHOLDER.findall(translation))
        ),
    ]
    if problems:
        raise AssertionError(f"{package}/locale/vi.po\n" + "\n".join(problems))


def _check_texts(package: str, root: Path) -> Iterator[tuple[str, str]]:
    """The texts of each check, each with its part of the check and its file."""
    for check in checks_of(package).values():
        file = Path(sys.modules[check.module].__file__ or "").relative_to(root)
        for part in ("title", "description", "remediation"):
            yield getattr(check, part), f"{part} of {check.id} in {file}"


def _messages(tree: ast.Module) -> Iterator[str]:
    """The texts given to verdicts in one module, also through a variable or a table of the same module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _VERDICTS and node.args:
            yield from _constants(node.args[0], tree)


def _constants(node: ast.expr | None, tree: ast.Module) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _constants(body, tree)
            yield from _constants(orelse, tree)
        case ast.Dict(values=values):
            for value in values:
                yield from _constants(value, tree)
        case ast.Subscript(value=table) | ast.Call(func=ast.Attribute(value=table, attr="get")):
            yield from _constants(table, tree)
        case ast.Name(id=name):
            for assigned in _assigned(name, tree):
                yield from _constants(assigned, tree)


def _assigned(name: str, tree: ast.Module) -> Iterator[ast.expr | None]:
    """The values assigned to a name anywhere in a module."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case ast.AnnAssign(target=ast.Name(id=target), value=value) if target == name:
                yield value
