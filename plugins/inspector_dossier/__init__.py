"""Checks on the documents alone: approval, plan, and whether the declared level fits the declared facts. No network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector.registry.hookspecs import hookimpl

if TYPE_CHECKING:
    from inspector import Check


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector.plugin.check import checks_in
    from inspector_dossier import checks

    return checks_in(checks)
