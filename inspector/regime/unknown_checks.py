"""Where the rows stand whose check no plugin contributes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from importlib.resources.abc import Traversable
from typing import Any

from inspector.declare.document import diagnostic_at
from inspector.declare.document.yaml import read_yaml
from inspector.model.errors import Diagnostic
from inspector.model.formatted import FormattedMessage

_REMEDY = (
    "correct the id, or install the plugin ('plugin' names an optional one); where the row is Inspector's own, set it "
    "up again: './bootstrap setup' in a checkout, else install it anew"
)


def unknown_checks(folders: Iterable[Traversable], checks: Collection[str]) -> list[Diagnostic]:
    """The rows with one of these check ids, with file, line and column; for errors only, since every file is read."""
    return [diagnostic for folder in folders for diagnostic in _diagnostics(folder, checks)]


def _diagnostics(folder: Traversable, checks: Collection[str]) -> Iterator[Diagnostic]:
    if not (folder / "requirements").is_dir():
        return
    for file in sorted((folder / "requirements").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            document = read_yaml(file.read_text(encoding="utf-8"), f"{folder.name}/requirements/{file.name}")
            for index, row in enumerate(document.data):
                if (name := _check_of(row)) in checks:
                    what = FormattedMessage("no installed plugin has a check {name}", name=repr(name))
                    yield diagnostic_at(document.position(index, "check"), what, _REMEDY)


def _check_of(row: Any) -> str | None:
    return row.get("check") if isinstance(row, dict) else None
