"""What the head of an HTML page says: the policies in its ``meta`` elements."""

from __future__ import annotations

import re
from html import unescape

_ATTRIBUTES = r"""(?:[^>"']|"[^"]*"|'[^']*')*+"""
#: What may stand in a head, and before it, without ending it (HTML Standard §13.2.6.4.4), one after the other.
_PART = re.compile(
    rf"\s+|<!--.*?-->|<![^>]*>|<\?[^>]*>|<(?:html|head|link|base)\b{_ATTRIBUTES}>"
    rf"|<(?P<raw>script|style|title|noscript|template)\b{_ATTRIBUTES}>.*?</(?P=raw)\b[^>]*>"
    rf"|<meta\b(?P<meta>{_ATTRIBUTES})>",
    re.IGNORECASE | re.DOTALL,
)
#: The start of such a part, also where its end is cut off.
_BEGUN = re.compile(
    r"<(?:\Z|[!?]|(?:html|head|link|base|meta|script|style|title|noscript|template)\b|[a-z]*\Z)|\Z", re.IGNORECASE
)
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")


def meta_policies(page: bytes, *, is_whole: bool) -> tuple[str, ...] | None:
    """The policies of the ``meta`` elements in a page's head (CSP Level 3 §3.3), as Latin-1 text.

    None where the head is longer than what is given of the page, or written in a code that is no superset of ASCII.
    """
    if b"\x00" in page:
        return None
    text = page.decode("latin-1").removeprefix("\xef\xbb\xbf")
    found: list[str] = []
    position = 0
    while part := _PART.match(text, position):
        position = part.end()
        attributes = attributes_of(part["meta"] or "")
        if attributes.get("http-equiv", "").lower() == "content-security-policy":
            found.append(attributes.get("content", ""))
    return tuple(found) if is_whole or not _BEGUN.match(text, position) else None


def attributes_of(text: str) -> dict[str, str]:
    """The attributes of an element, by name in lower case; the first of a name counts."""
    attributes: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        attributes.setdefault(name.lower(), unescape(double or single or bare))
    return attributes
