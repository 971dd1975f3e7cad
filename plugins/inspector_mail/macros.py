"""Expands the macros of SPF domain names (RFC 7208 §7), as far as they do not depend on the message. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

#: The letters of domain names: ``c``, ``r`` and ``t`` belong to explanations only (RFC 7208 §7.2).
LETTERS: Final = "slodiphv"
#: The longest domain name in presentation format, without the final dot.
MAX_NAME_CHARACTERS: Final = 253

#: One expansion: the number of labels to keep is not 0 (RFC 7208 §7.3).
EXPANSION: Final = rf"%\{{[{LETTERS}](?:0*[1-9][0-9]*)?r?[-.+,/_=]*\}}"
MACRO: Final = rf"{EXPANSION}|%%|%_|%-"
_PARTS = re.compile(
    r"%\{(?P<letter>[a-z])(?P<digits>[0-9]*)(?P<reverse>r?)(?P<delimiters>[^}]*)\}|%[%_-]", re.IGNORECASE
)
_LITERALS = {"%%": "%", "%_": " ", "%-": "%20"}


def expand(text: str, values: Mapping[str, str]) -> str | None:
    """The text with its macros expanded; None when a letter has no value because it depends on the message."""
    letters = {match["letter"].lower() for match in _PARTS.finditer(text) if match["letter"]}
    if not letters <= values.keys():
        return None
    return _PARTS.sub(lambda match: _expansion(match, values), text)


def _expansion(match: re.Match[str], values: Mapping[str, str]) -> str:
    letter = match["letter"]
    if letter is None:
        return _LITERALS[match[0]]
    parts = re.split(f"[{re.escape(match['delimiters'] or '.')}]", values[letter.lower()])
    if match["reverse"]:
        parts.reverse()
    digits = match["digits"].lstrip("0")
    kept = parts if len(digits) > 3 else parts[-int(digits or len(parts)) :]
    joined = ".".join(kept)
    return quote(joined, safe="") if letter.isupper() else joined


def domain_name(text: str) -> str | None:
    """The expanded text as queries write it, shortened from the left when too long; None when it is no domain name."""
    name = text.removesuffix(".").lower()
    while len(name) > MAX_NAME_CHARACTERS and "." in name:
        name = name.partition(".")[2]  # RFC 7208 §7.3
    fits = len(name) <= MAX_NAME_CHARACTERS and all(0 < len(label) <= 63 for label in name.split("."))
    return name if fits and "\\" not in name else None
