"""Parses tag lists, the form of DKIM keys and BIMI records (RFC 6376 §3.2). Pure."""

from __future__ import annotations

import re

#: A tag; what follows the first ``=`` is its value.
_TAG = re.compile(r"[ \t\r\n]*([A-Za-z][A-Za-z0-9_]*)[ \t\r\n]*=([\t\r\n -:<-~]*)")


def parse_tags(text: str) -> dict[str, str] | None:
    """The tags in their order, values without white space around them; None where the list is malformed.

    A tag that stands twice makes the list malformed (RFC 6376 §3.2).
    """
    parts = text.split(";")
    if not parts[-1].strip(" \t\r\n"):
        parts.pop()
    found = [_TAG.fullmatch(part) for part in parts]
    pairs = [(tag[1], tag[2].strip(" \t\r\n")) for tag in found if tag is not None]
    tags = dict(pairs)
    return tags if len(tags) == len(parts) else None
