"""The regimes of Vietnam's security levels, one folder each."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from inspector import hookimpl


@hookimpl
def inspector_profiles() -> Iterable[Traversable]:
    """The folders of the regimes."""
    here = files(__name__)
    return [here / "vn-tt12-2022", here / "vn-nd331-2026"]
