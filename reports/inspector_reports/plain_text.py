"""Text of servers and documents in the formats of CI, which show it to people: characters and nothing else."""

from __future__ import annotations

from inspector import escape_control


def one_line(text: str) -> str:
    """``text`` without control characters and line breaks."""
    return escape_control(text, keep="")


def without_links(text: str) -> str:
    """``text`` on one line in which nothing is a link (SARIF 2.1.0 §3.11.6; the same in Markdown)."""
    text = one_line(text)
    return text.replace("[", "\\[").replace("]", "\\]") if "](" in text else text
