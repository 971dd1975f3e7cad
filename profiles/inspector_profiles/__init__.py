"""Vietnam's regimes of security levels, one folder each, and the recommendations common to all of them."""

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
