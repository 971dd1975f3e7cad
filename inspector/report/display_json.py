"""JSON as it is written for readers: a terminal or an editor that shows it interprets no character of a server."""

from __future__ import annotations

import json
import re

#: Characters that JSON leaves as they are: C1, soft hyphen, bidirectional and zero-width, tags, lone surrogates.
_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)

#: The UTF-8 prefix of U+E0000 to U+E0FFF, the only hidden characters that ``str.isprintable`` accepts.
_SUPPLEMENT = b"\xf3\xa0"


def escape_hidden(text: str) -> bytes:
    """JSON text in UTF-8, its hidden characters escaped; the same value."""
    if text.isprintable() and _SUPPLEMENT not in (data := text.encode()):
        return data
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text).encode()


def display_json(value: object) -> bytes:
    """A value as indented JSON, ending with a line feed."""
    return escape_hidden(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
