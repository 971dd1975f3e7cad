"""Every text that the command line prints, found in the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from inspector.cli import app, demo, parser_messages, summary
from inspector.cli import list as lists
from inspector.declare.document import YamlDocument, diagnostic_at, diagnostics
from inspector.inventory.cells import BadCell
from inspector.inventory.lists import SystemList
from inspector.inventory.tables import ListError
from inspector.model import errors
from inspector.seal.untrusted_files import FileFault

ROOT = Path(__file__).parents[3] / "inspector"
#: Errors and diagnostics: what is wrong, and the remedy.
ERRORS = frozenset(
    {
        *(each.__name__ for each in vars(errors).values() if getattr(each, "__module__", "") == errors.__name__),
        *(
            each.__name__
            for each in (diagnostic_at, YamlDocument.diagnostic, YamlDocument.diagnostic_of_key, FileFault)
        ),
        *("refuse", "_refuse"),
        *(each.__name__ for each in (ListError, BadCell, SystemList.note)),
    }
)
#: Errors of a value whose text is split into what is wrong and the remedy.
VALUE_ERRORS = frozenset({"BadName", "BadUri", "ValueError"})
#: What a plugin's author or a caller of the library sees, never the user of a command.
INTERNAL = ("plugin/", "network/", "testing/", "collect/", "model/base.py", "model/observation.py", "report/")


def messages() -> set[str]:
    """The msgids of everything that the commands print."""
    found = set(_of_parser(typer.main.get_command(app.app)))
    found |= {*parser_messages.HEADINGS, parser_messages.HELP, parser_messages.SEE_HELP, *parser_messages.ERRORS}
    found |= {*summary._SPARED.values(), "{count} {severity}"}
    found |= {*parser_messages.REASONS.values(), *demo._MEANINGS.values(), *(text for _, text in demo._OTHER.values())}
    found |= {head for _, heads in lists.LISTS.values() for head in heads}
    found |= {text for pair in diagnostics._EXPLANATIONS.values() for text in pair if text != "{bounds}"}
    for path in sorted(ROOT.rglob("*.py")):
        if not path.relative_to(ROOT).as_posix().startswith(INTERNAL):
            found |= set(_of_source(ast.parse(path.read_text(encoding="utf-8"))))
    return {each for each in found if re.search(r"[^\W\d_]", re.sub(r"\{\w+\}", "", each))}


def _of_parser(command: Any) -> Iterator[str]:
    """The help of a command, its options and its subcommands."""
    yield " ".join((command.help or "").split())
    yield from (each.help or "" for each in command.params)
    for each in getattr(command, "commands", {}).values():
        yield from _of_parser(each)


def _of_source(tree: ast.AST) -> Iterator[str]:
    """The texts in calls of ``_``, ``translate``, ``FormattedMessage`` and of errors."""
    named = _named(tree)
    halves: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in {"what", "remedy", "text"}:
            yield from _constants(node.value)
        if not isinstance(node, ast.Call) or id(node) in halves:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in VALUE_ERRORS:
            for each in node.args:
                text = each.args[0] if isinstance(each, ast.Call) and each.args else each
                halves.add(id(each))
                yield from (half for whole in _constants(text, named) for half in diagnostics.split(whole))
        elif name in {"_", "translate", "translated", "FormattedMessage"}:
            yield from _constants(node.args[0], named)
        elif name == "map" and getattr(node.args[0], "id", "") == "_":
            yield from (text for each in ast.walk(node.args[1]) for text in _constants(each))
        elif name in ERRORS:
            given = [*node.args, *(each.value for each in node.keywords if each.arg in {"remedy", "what", None})]
            for each in given:
                yield from _constants(each, named)


def _named(tree: ast.AST) -> dict[str, ast.AST]:
    """The module's constants."""
    return {
        target.id: node.value
        for node in getattr(tree, "body", ())
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _constants(node: ast.AST, named: Mapping[str, ast.AST] = {}) -> Iterator[str]:
    """The texts that an argument may be."""
    if isinstance(node, ast.Name) and node.id in named:
        yield from _constants(named[node.id])
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*_constants(node.body, named), *_constants(node.orelse, named))
    elif isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _constants(each)
