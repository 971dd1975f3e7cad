"""csv: the findings of all systems as a table for spreadsheets, in UTF-8 with a byte order mark, which Excel needs.

No cell is a formula: one that begins with what begins a formula gets an apostrophe before it, and so does what follows
a semicolon, which separates cells where the comma is the decimal sign, as in Vietnam.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from inspector import Language, Renderer, View, escape_formula
from inspector_reports.table import headings, rows


def render(views: Sequence[View], language: Language) -> bytes:
    """The table; without a system it is empty."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    if views:
        writer.writerow(headings(views[0].translator(language)))
    writer.writerows([escape_formula(cell) for cell in row] for row in rows(views, language))
    return text.getvalue().encode("utf-8-sig")


CSV = Renderer("csv", ".csv", "text/csv", render, localised=True, joins=True, stem="findings")
