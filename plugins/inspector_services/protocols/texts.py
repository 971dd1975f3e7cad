"""Texts in which servers name their product and version, and what of them is stored."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from inspector import masked

#: A product and its version: ``Exim 4.94_2``, ``ProFTPD 1.3.8``, ``vsFTPd 3.0.3``, ``Apache/2.4.62``.
_PRODUCT = re.compile(rb"(?<![\w.])([A-Za-z][A-Za-z+-]{1,24})[ /_]v?(\d{1,4}(?:[._]\d{1,5}){1,3}[a-z]?)(?![\w.])")


class Software(NamedTuple):
    """Product, version, and the packager's suffix, as a server writes them; empty where it does not."""

    product: str = ""
    version: str = ""
    release: str = ""


def software_in(text: bytes) -> Software:
    """The first product with a version in a text."""
    found = _PRODUCT.search(text)
    return Software(found[1].decode(), found[2].decode()) if found else Software()


def json_object(text: bytes) -> dict[str, Any]:
    """The members of a JSON object that a server sent; empty for anything else, however deep, long or malformed."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def masked_text(text: str) -> str:
    """A text out of JSON, masked; what stands for no character, such as half of a surrogate pair, is escaped."""
    return masked(text.encode("utf-8", "backslashreplace")).decode("latin-1")


def masked_except(text: bytes, kept: re.Pattern[bytes]) -> bytes:
    """The text, masked but for the matches of ``kept``; of the same length."""
    parts, at = [], 0
    for found in kept.finditer(text):
        parts += [masked(text[at : found.start()]), found.group()]
        at = found.end()
    return b"".join((*parts, masked(text[at:])))
