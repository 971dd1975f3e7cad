"""The pages that say what the code says: ``python -m docs.pages`` writes them again, ``make docs`` calls it.

``docs/checks/`` has a page for each check, from its docstring, what it can say, and the rows of the regimes;
``docs/documents.md`` and ``docs/profile.md`` tell the JSON Schemas of the documents and of a regime's files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from inspector.declare.json_schema import schema
from inspector.model.language import Language
from inspector.model.verdict import Message
from inspector.plugin.check import Check
from inspector.regime.loader import load_all
from inspector.regime.regime import Clause, Document, Regime, Requirement, Transition
from inspector.registry.registry import Registry, installed
from inspector.report.messages import Translator, catalogue

FOLDER = Path(__file__).parent
MADE = "<!-- Written by `make docs`: change the code, not this page. -->"
DOCUMENTS = ("declaration", "authorisation", "statements", "settings")
PARTS = (Document, Clause, Requirement, Transition)
Row = tuple[Regime, Requirement]


def pages() -> dict[str, str]:
    """The text of every generated page by its path below ``docs/``."""
    registry = installed()
    rows = [(regime, row) for regime in load_all(registry.profiles) for row in regime.requirements]
    checks = sorted(registry.checks.values(), key=lambda check: check.id)
    translator = [Translator(registry, language) for language in (Language.EN, Language.VI)]
    made = {f"checks/{check.id}.md": _check(check, registry, rows, translator) for check in checks}
    made["checks/README.md"] = _checks(checks, translator)
    made["documents.md"] = _documents(registry.schemes)
    made["profile.md"] = _profile()
    return made


# --- Checks ---------------------------------------------------------------------------------------------------------


def _checks(checks: Iterable[Check], translator: Iterable[Translator]) -> str:
    lines = [
        f"| [{check.id}]({check.id}.md) | {' | '.join(each.check(check.id, 'title') for each in translator)} |"
        for check in checks
    ]
    return "\n".join([f"{MADE}\n\n# Checks\n", "| Check | Claim | Nội dung |", "|---|---|---|", *lines, ""])


def _check(check: Check, registry: Registry, rows: Iterable[Row], translator: Iterable[Translator]) -> str:
    parts = [MADE, f"# {check.id}", *(part for each in translator for part in _words(check, registry, each))]
    inputs = [
        f"`{wire.kind.kind if wire.kind else 'declared'}`{' (every)' if wire.every else ''}" for wire in check.inputs
    ]
    about = f", about each {check.about.value}" if check.about else ""
    parts += ["## Judged from", f"{', '.join(inputs)}{about}."]
    if check.references:
        parts += ["## References", "\n".join(f"- {each}" for each in check.references)]
    if check.options.model_fields:
        options = [f"- `{name}` = `{field.default}`" for name, field in check.options.model_fields.items()]
        parts += ["## Options", "\n".join(options)]
    asked = [_row(regime, row) for regime, row in rows if row.check == check.id]
    parts += ["## Asked for by", "\n".join(asked) or "No regime."]
    return "\n\n".join(parts) + "\n"


def _words(check: Check, registry: Registry, translator: Translator) -> Iterator[str]:
    package = registry.package_of(check.id)
    yield f"## {translator.check(check.id, 'title')}"
    yield translator.check(check.id, "description")
    yield f"**{translator.say('Remediation')}**: {translator.check(check.id, 'remediation')}"
    known = catalogue(package, Language.VI)
    said = sorted({each for each in _constants(check.function) if each in known} - {check.title})
    if said:
        yield "\n".join(f"> {translator.say(each, package)}  " for each in said)


def _constants(function: Any, seen: set[int] | None = None) -> Iterator[str]:
    """The texts in a function, and in what it names of its own package."""
    seen = set() if seen is None else seen
    if id(function) in seen:
        return
    seen.add(id(function))
    for code in _codes(function.__code__):
        for constant in code.co_consts:
            yield from _texts_in(constant)
        for name in code.co_names:
            named = function.__globals__.get(name)
            yield from _texts_in(named)
            if isinstance(named, FunctionType) and named.__module__.split(".")[0] == function.__module__.split(".")[0]:
                yield from _constants(named, seen)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Message):
        yield value.id
    elif isinstance(value, tuple | list | frozenset | set):
        for each in value:
            yield from _texts_in(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts_in(each)


def _row(regime: Regime, row: Requirement) -> str:
    levels = ", ".join(map(str, row.levels))
    head = f"- {regime.id} `{row.id}`, level {levels}: {row.force.value}, {row.obligation.value}, {row.severity.value}"
    clauses = (regime.clause(name) for name in row.clauses)
    return "\n".join(
        [head, *(f"  - {each.document} {each.number}: {each.title.en} ({each.title.vi})" for each in clauses)]
    )


# --- Documents and regimes
# -----------------------------------------------------------------------------------------------


def _documents(schemes: Iterable[str]) -> str:
    parts = [
        MADE,
        "# Documents",
        "What may stand in each document; `inspector schema PAPER` prints the JSON Schema for editors.",
    ]
    schemes = tuple(schemes)
    known: dict[str, str] = {}
    for document in DOCUMENTS:
        told = schema(document, schemes)
        parts += [f"## The {document}", *_object(told)]
        known |= {name: "\n\n".join(_object(each)) for name, each in told.get("$defs", {}).items()}
    for name, text in sorted(known.items()):
        parts += [f"## {name}", text]
    return "\n\n".join(part for part in parts if part) + "\n"


def _profile() -> str:
    parts = [
        MADE,
        "# Regimes as data",
        "The parts of a regime; how its files are laid out is told in [regimes.md](regimes.md).",
    ]
    known: dict[str, str] = {}
    for part in PARTS:
        told = part.model_json_schema()
        parts += [f"## {part.__name__}", *_object(told)]
        known |= {name: "\n\n".join(_object(each)) for name, each in told.get("$defs", {}).items()}
    for name, text in sorted(known.items()):
        parts += [f"## {name}", text]
    return "\n\n".join(part for part in parts if part) + "\n"


def _object(told: Mapping[str, Any]) -> Iterator[str]:
    yield told.get("description", "").replace("``", "`")
    fields = told.get("properties")
    if not fields:
        yield _type(told)
        return
    needed = told.get("required", ())
    lines = [f"| `{name}` | {_type(each)} | {_default(name, each, needed)} |" for name, each in fields.items()]
    yield "\n".join(["| Key | Value | Default |", "|---|---|---|", *lines])


def _default(name: str, told: Mapping[str, Any], needed: Iterable[str]) -> str:
    if name in needed:
        return "*required*"
    default = told.get("default")
    return "" if default is None or default in ("", [], {}) else f"`{default}`"


def _type(told: Mapping[str, Any]) -> str:
    """What a value may be, in a cell of a table."""
    if "$ref" in told:
        name = told["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in told:
            kinds = [_type(each) for each in told[several] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in told:
        return ", ".join(f"`{each}`" for each in told["enum"])
    if "const" in told:
        return f"`{told['const']}`"
    if told.get("type") == "array":
        return f"list of {_type(told.get('items', {}))}"
    if told.get("type") == "object" and isinstance(told.get("additionalProperties"), dict):
        return f"by name: {_type(told['additionalProperties'])}"
    return _bounded(told)


def _bounded(told: Mapping[str, Any]) -> str:
    kind = str(told.get("format") or told.get("type") or "anything")
    bounds = {"minimum": "≥ ", "exclusiveMinimum": "> ", "maximum": "≤ ", "exclusiveMaximum": "< "}
    said = [f"{sign}{told[name]}" for name, sign in bounds.items() if name in told]
    return f"{kind} {' and '.join(said)}" if said else kind


def write() -> None:
    """Write all pages, and remove those of checks that are gone."""
    made = pages()
    for path in (FOLDER / "checks").glob("*.md"):
        if f"checks/{path.name}" not in made:
            path.unlink()
    (FOLDER / "checks").mkdir(exist_ok=True)
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
