"""Checks of the declaration alone: approval, security plan and level. They need no observation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_dossier import checks

    return checks_in(checks)
