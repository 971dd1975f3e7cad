"""What others wrote, made harmless to show: nothing in it moves a cursor, turns the direction of writing, or hides."""

from __future__ import annotations

import unicodedata

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_control(text: str, *, keep: str = "\n") -> str:
    """The text with control, format, unassigned and line-separating characters written out, those in ``keep`` apart."""
    if text.isprintable():
        return text
    return "".join(each if each in keep or not _is_hidden(each) else _written(each) for each in text)


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


def _written(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def truncate(text: str, limit: int) -> str:
    """At most ``limit`` characters of the text; a mark tells how many are left out."""
    return text if len(text) <= limit else f"{text[:limit]}… (+{len(text) - limit})"
