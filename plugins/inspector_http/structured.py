"""Structured field values, as far as security headers use them (RFC 9651)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_KEY = r"[a-z*][a-z0-9_.*-]*"
_TOKEN = r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*"
_BARE = rf'(?:{_TOKEN}|"(?:[ !#-\[\]-~]|\\["\\])*"|-?[0-9]{{1,15}}(?:\.[0-9]{{1,3}})?|\?[01])'
_PARAMETERS = rf"(?:; *{_KEY}(?:={_BARE})?)*"
_ITEM = re.compile(rf" *({_TOKEN}){_PARAMETERS} *")
_MEMBER = re.compile(rf"({_KEY})(?:=(?:{_BARE}|\( *(?:{_BARE}{_PARAMETERS}(?: +|(?=\))))*\)))?{_PARAMETERS}")
_COMMA = re.compile(r"[ \t]*,[ \t]*")


def item_token(values: Sequence[str]) -> str | None:
    """The token that all fields of one name make up together, without its parameters; None where it is none."""
    found = _ITEM.fullmatch(", ".join(values))
    return found[1] if found else None


def dictionary_keys(values: Sequence[str]) -> tuple[str, ...] | None:
    """The keys of the dictionary that all fields of one name make up together; None where browsers cannot parse it."""
    text = ", ".join(each.strip(" ") for each in values if each.strip(" "))
    keys: list[str] = []
    position = 0
    while position < len(text):
        member = _MEMBER.match(text, position)
        if member is None:
            return None
        keys.append(member[1])
        position = member.end()
        if position == len(text):
            break
        comma = _COMMA.match(text, position)
        if comma is None or comma.end() == len(text):
            return None
        position = comma.end()
    return tuple(dict.fromkeys(keys))
