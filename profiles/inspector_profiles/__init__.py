"""Vietnam's regimes of security levels, one folder each, the recommendations common to all of them, and tables."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from inspector import hookimpl


@hookimpl
def inspector_profiles() -> Iterable[Traversable]:
    """Return the folders of the documents, of the regimes and of their common baseline."""
    here = files(__name__)
    return [here / "vietnam", here / "vn-tt12-2022", here / "vn-nd331-2026", here / "baseline"]


@hookimpl
def inspector_tables() -> Iterable[Traversable]:
    """Return the tables of ends of support, of known exploited vulnerabilities, and of marks of appliances."""
    here = files(__name__) / "tables"
    return [here / f"{name}.json" for name in ("appliances", "end-of-support", "known-exploited")]
