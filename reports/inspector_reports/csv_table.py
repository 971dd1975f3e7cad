"""csv: the findings of all systems as a table for spreadsheets, in UTF-8 with a byte order mark, which Excel needs.

No cell is a formula: one that begins with what begins a formula gets an apostrophe before it, and so does what follows
a semicolon, which separates cells where the comma is the decimal sign, as in Vietnam.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from inspector import Language, Renderer, View
from inspector_reports.table import headings, rows

#: What begins a formula, also in full width, at the beginning or after a semicolon.
_FORMULA = re.compile("(^|;)([\\s\"']*)([=+\\-@\\uff1d\\uff0b\\uff0d\\uff20])")


def plain(text: str) -> str:
    """A cell's text that no spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\1'\2\3", text)


def render(views: Sequence[View], language: Language) -> bytes:
    """The table; without a system it is empty."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    if views:
        writer.writerow(headings(views[0].translator(language)))
    writer.writerows([plain(cell) for cell in row] for row in rows(views, language))
    return text.getvalue().encode("utf-8-sig")


CSV = Renderer("csv", ".csv", "text/csv", render, localised=True, joins=True, stem="findings")
