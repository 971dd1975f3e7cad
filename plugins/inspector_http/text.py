"""Received bytes as text."""

from __future__ import annotations


def printable(text: str) -> str:
    """Received bytes, given as Latin-1 text, decoded as UTF-8 where they are, with unprintable characters escaped."""
    if text.isascii() and text.isprintable():
        return text
    decoded = text.encode("latin-1", "replace").decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in decoded)
