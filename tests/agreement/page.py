"""The page that shows the comparisons; the full runs write their tables into it."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "agreement.md"


def write(text: str, begin: str, end: str) -> None:
    """Put a table between its two markers."""
    head, _begin, rest = PAGE.read_text("utf-8").partition(begin)
    _old, _end, tail = rest.partition(end)
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}", "utf-8")
