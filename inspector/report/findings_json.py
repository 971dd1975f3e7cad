"""findings.json: the findings of some systems as canonical JSON, and its schema."""

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


#: How UTF-8 begins U+E0000 to U+E0FFF, the only ones of these that Python calls printable.
_SUPPLEMENT = b"\xf3\xa0"


def findings_json(views: Iterable[View]) -> bytes:
    """The findings of some systems, one after the other, as ``findings.json`` in a bundle has those of one.

    The bytes are canonical, but for invisible characters, which are escaped lest a terminal obey them.
    """
    data = canonical([each.model_dump(mode="json") for view in views for each in view.assessment.findings])
    told = data.decode()
    if told.isprintable() and _SUPPLEMENT not in data:
        return data
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], told).encode()


def findings_schema() -> dict[str, Any]:
    """The JSON Schema of ``findings.json``."""
    told = _FINDINGS.json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:level-inspector:findings:1",
        "title": "Findings",
        **told,
    }
