"""Reads translations from PO files: the part of the format that catalogues without plural forms have."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FIELD = re.compile(r'(?:(msgctxt|msgid|msgstr)\s+)?"(.*)"\s*')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
#: Between the context of a text and the text, as in MO files.
CONTEXT = "\x04"


def read_po(text: str) -> dict[str, str]:
    """The translations by text, or by context, U+0004 and text; without those that are empty, fuzzy or obsolete."""
    found: dict[str, str] = {}
    for entry in _entries(text):
        key, translation = entry.get("msgid", ""), entry.get("msgstr", "")
        if key and translation:
            found[f"{entry['msgctxt']}{CONTEXT}{key}" if "msgctxt" in entry else key] = translation
    return found


def _entries(text: str) -> Iterator[dict[str, str]]:
    """The fields of each entry; an entry ends where the next begins. Raises ValueError for a line of another form."""
    entry: dict[str, str] = {}
    field, fuzzy = "", False
    for line in [*text.splitlines(), "#"]:
        if not line.strip() or line.startswith("#"):
            if "msgstr" in entry:
                if not fuzzy:
                    yield entry
                entry, fuzzy = {}, False
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        part = _FIELD.fullmatch(line)
        if part is None:
            raise ValueError(f"not a line of a PO file: {line!r}")
        if part[1] and "msgstr" in entry:  # the next entry, without an empty line before it
            if not fuzzy:
                yield entry
            entry, fuzzy = {}, False
        field = part[1] or field
        entry[field] = entry.get(field, "") + _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), part[2])
