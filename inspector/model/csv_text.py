"""Tables as CSV for programs and spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from inspector.model.escaping import escape_formula


def csv_of(names: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table in UTF-8 without a byte order mark, its lines ended by CR LF; no text in it is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([escape_formula(each) if isinstance(each, str) else each for each in row] for row in rows)
    return text.getvalue().encode()
