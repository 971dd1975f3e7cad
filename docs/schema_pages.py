"""Pages that show JSON Schemas as tables: the input documents, and the files of a regime."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from inspector.declare.json_schema import schema
from inspector.regime.regime import Clause, Deadline, Document, Overlay, Requirement, Transition

DOCUMENTS = ("declaration", "authorisation", "statements", "inspection", "settings", "campaign", "follow-up")
PARTS = (Document, Clause, Requirement, Overlay, Deadline, Transition)
_Schema = Mapping[str, Any]


def documents_page(schemes: Iterable[str]) -> str:
    """The keys of the input documents; ``schemes`` are the URI schemes that endpoints may have."""
    schemes = tuple(schemes)
    return _page(
        "# Documents",
        "The keys of each document; `inspector schema DOCUMENT` prints its JSON Schema for editors. A declaration may "
        "also be JSON lines (`declaration.jsonl`): on the first line the declaration without `systems`, on each "
        "further line one system, with the same keys; `inspector schema declaration-line` prints the schema of a line.",
        {f"The {document}": schema(document, schemes) for document in DOCUMENTS},
    )


def profile_page() -> str:
    """The keys of a regime's files."""
    return _page(
        "# Regimes as data",
        "The parts of a regime; `docs/regimes.md` describes the layout of its files.",
        {part.__name__: part.model_json_schema() for part in PARTS},
    )


def _page(title: str, introduction: str, schemas: Mapping[str, _Schema]) -> str:
    parts = [title, introduction]
    definitions: dict[str, str] = {}
    for name, each in schemas.items():
        parts += [f"## {name}", *_object(each)]
        definitions |= {inner: "\n\n".join(_object(part)) for inner, part in each.get("$defs", {}).items()}
    for name, text in sorted(definitions.items()):
        parts += [f"## {name}", text]
    return "\n\n".join(part for part in parts if part) + "\n"


def _object(of: _Schema) -> Iterator[str]:
    yield of.get("description", "").replace("``", "`")
    fields = of.get("properties")
    if not fields:
        yield _type(of)
        return
    required = of.get("required", ())
    lines = [f"| `{name}` | {_type(each)} | {_default(name, each, required)} |" for name, each in fields.items()]
    yield "\n".join(["| Key | Value | Default |", "|---|---|---|", *lines])


def _default(name: str, of: _Schema, required: Iterable[str]) -> str:
    if name in required:
        return "*required*"
    default = of.get("default")
    return "" if default is None or default in ("", [], {}) else f"`{default}`"


def _type(of: _Schema) -> str:
    """The type of a value, as the text of a table cell."""
    if "$ref" in of:
        name = of["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in of:
            kinds = [_type(each) for each in of[several] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in of:
        return ", ".join(f"`{each}`" for each in of["enum"])
    if "const" in of:
        return f"`{of['const']}`"
    if of.get("type") == "array":
        return f"list of {_type(of.get('items', {}))}"
    if of.get("type") == "object" and isinstance(of.get("additionalProperties"), dict):
        return f"by name: {_type(of['additionalProperties'])}"
    return _bounded(of)


def _bounded(of: _Schema) -> str:
    kind = str(of.get("format") or of.get("type") or "anything")
    signs = {"minimum": "≥ ", "exclusiveMinimum": "> ", "maximum": "≤ ", "exclusiveMaximum": "< "}
    bounds = [f"{sign}{of[name]}" for name, sign in signs.items() if name in of]
    return f"{kind} {' and '.join(bounds)}" if bounds else kind
