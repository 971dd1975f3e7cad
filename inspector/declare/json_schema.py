"""The JSON Schemas of the documents, for editors; they accept the short forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from inspector.declare.authorisation import Authorisation
from inspector.declare.campaign import Campaign
from inspector.declare.declaration import Declaration
from inspector.declare.follow_up import FollowUp
from inspector.declare.inspection_record import InspectionRecord
from inspector.declare.settings import Settings
from inspector.declare.statement import Statements
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage

#: The documents that have a schema.
DOCUMENTS: dict[str, type[BaseModel]] = {
    "declaration": Declaration,
    "declaration-line": Declaration,
    "authorisation": Authorisation,
    "statements": Statements,
    "inspection": InspectionRecord,
    "settings": Settings,
    "campaign": Campaign,
    "follow-up": FollowUp,
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(document: str, schemes: Iterable[str] = ()) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document; raises UsageError when there is no such document.

    ``schemes`` are those that endpoints may have. Rules over more than one value are checked by the loader only.
    """
    if document not in DOCUMENTS:
        raise UsageError(
            FormattedMessage("there is no document {document}", document=repr(document)),
            remedy=FormattedMessage("write one of {known}", known=", ".join(DOCUMENTS)),
        )
    result: dict[str, Any] = _plain(DOCUMENTS[document].model_json_schema())
    if document == "authorisation":
        result = _one_or_many(result)
    if document.startswith("declaration") and (known := ", ".join(sorted(schemes))):
        result["$defs"]["System"]["properties"]["endpoints"]["items"]["description"] = f"a URI; schemes: {known}"
    if document == "declaration-line":
        result = _line(result)
    return {"$schema": _DIALECT, **result}


def _line(whole: dict[str, Any]) -> dict[str, Any]:
    """The schema of a line of JSON lines: the declaration without its systems, which is the first, or a system."""
    parts = whole.pop("$defs")
    whole["properties"].pop("systems")
    whole["required"].remove("systems")
    description = "A line of a declaration in JSON lines: without its systems, which is the first line, or one system."
    return {
        "title": "Line",
        "description": description,
        "anyOf": [{"$ref": "#/$defs/Declaration"}, {"$ref": "#/$defs/System"}],
        "$defs": {**parts, "Declaration": whole},
    }


def _one_or_many(one: dict[str, Any]) -> dict[str, Any]:
    """The schema of a file that contains one value or a list of them."""
    parts = one.pop("$defs")
    title = one["title"]
    link = {"$ref": f"#/$defs/{title}"}
    return {
        "title": title,
        "description": "One authorisation, or a list of them.",
        "anyOf": [link, {"type": "array", "items": link, "minItems": 1}],
        "$defs": {**parts, title: one},
    }


def _plain(value: Any) -> Any:
    """The schema with each description on one line, without the mark-up of docstrings."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: " ".join(each.replace("``", "`").split())
        if key == "description" and isinstance(each, str)
        else _plain(each)
        for key, each in value.items()
    }
