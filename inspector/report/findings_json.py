"""findings.json: the findings of some systems as canonical JSON, and its JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from inspector.model.base import canonical
from inspector.model.finding import Finding
from inspector.report.view import View

_FINDINGS = TypeAdapter(tuple[Finding, ...])


#: Control and format characters that JSON leaves as they are: C1, soft hyphen, bidirectional and zero-width, tags.
_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


#: The UTF-8 prefix of U+E0000 to U+E0FFF, the only hidden characters that ``str.isprintable`` accepts.
_SUPPLEMENT = b"\xf3\xa0"


def findings_json(views: Iterable[View]) -> bytes:
    """The findings of some systems, in the form of ``findings.json`` in a bundle.

    The bytes are canonical JSON, except that hidden characters are escaped, which a terminal would interpret.
    """
    data = canonical([each.model_dump(mode="json") for view in views for each in view.assessment.findings])
    text = data.decode()
    if text.isprintable() and _SUPPLEMENT not in data:
        return data
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text).encode()


def findings_schema() -> dict[str, Any]:
    """The JSON Schema of ``findings.json``."""
    schema = _FINDINGS.json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:level-inspector:findings:1",
        "title": "Findings",
        **schema,
    }
