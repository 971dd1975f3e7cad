"""Escaping of untrusted text for display: control, bidirectional and invisible characters are written out."""

from __future__ import annotations

import re
import unicodedata

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_control(text: str, *, keep: str = "\n") -> str:
    """``text`` with control, format, unassigned and line-separating characters escaped, except those in ``keep``."""
    if text.isprintable():
        return text
    return "".join(each if each in keep or not _is_hidden(each) else _escaped(each) for each in text)


#: What the runner of a pipeline takes for a command in a log: at the start of a line, or anywhere.
_LINE_COMMAND = re.compile(r"^(\s*):(?=:[^\n]*::)", re.MULTILINE)
_MARKED_COMMAND = re.compile(r"#(?=#\w*\[)")


def escape_commands(text: str) -> str:
    """``text`` without commands to the runner of a pipeline that reads the log.

    GitHub reads ``::name::`` at the start of a line (an IPv6 address has ``::`` once), and ``##[name]`` anywhere, Azure
    Pipelines ``##vso[name]``, TeamCity ``##teamcity[name]``; the first character is escaped. GitLab and Jenkins need
    control characters.
    """
    return _MARKED_COMMAND.sub(r"\\x23", _LINE_COMMAND.sub(r"\1\\x3a", text))


#: What begins a formula, also in full width, behind spaces and quotes; a tab or line feed, which spreadsheets drop.
_FORMULA = re.compile("(^|;)(?=[\\s\"']*[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20]|[\\t\\r])")


def escape_formula(text: str) -> str:
    """The text of a cell that no spreadsheet takes for a formula: an apostrophe stands before what begins one.

    So it does behind a semicolon, which separates cells where the comma is the decimal sign, as in Vietnam.
    """
    return _FORMULA.sub(r"\1'", text)


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def truncate(text: str, limit: int) -> str:
    """At most ``limit`` characters of the text, and how many were cut off."""
    return text if len(text) <= limit else f"{text[:limit]}… (+{len(text) - limit})"


def storable(text: str) -> str:
    """``text`` with what is no Unicode (lone surrogates, as from a path in another encoding) escaped."""
    return "".join(_escaped(each) if "\ud800" <= each <= "\udfff" else each for each in text)


def text_of(error: BaseException, limit: int) -> str:
    """The text of an error as it can be stored: at most ``limit`` characters, and nothing that is no Unicode."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (an error of a plugin may raise anything)
        text = type(error).__name__
    return storable(text[:limit])
