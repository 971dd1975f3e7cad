"""Parses BIMI records (draft-brand-indicators-for-message-identification §4). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspector_mail.observations import Bimi, BimiFault
from inspector_mail.tag_list import parse_tags

#: Characters of a record that are stored in the observation.
MAX_CHARACTERS: Final = 512


def bimi_of(records: Sequence[bytes]) -> Bimi:
    """What the TXT records at the selector ``default`` mean for receivers."""
    texts = [each.decode("ascii", "backslashreplace") for each in sorted(records) if each.startswith(b"v=BIMI1")]
    if not texts:
        return Bimi()
    shown = texts[0][:MAX_CHARACTERS]
    if len(texts) > 1:
        return Bimi(record=shown, fault=BimiFault.SEVERAL)
    return Bimi(record=shown, fault=_fault(texts[0]))


def _fault(text: str) -> BimiFault | None:
    tags = parse_tags(text)
    if tags is None or tags.get("v") != "BIMI1" or "l" not in tags:
        return BimiFault.SYNTAX
    if tags["l"] and not tags["l"].lower().startswith("https://"):
        return BimiFault.LOGO
    authority = tags.get("a", "")
    return BimiFault.AUTHORITY if authority and not authority.lower().startswith("https://") else None
