"""Checks on the papers alone: approval, plan, and whether the declared level fits the declared facts. No network."""

from __future__ import annotations

from collections.abc import Iterable

from inspector import Check, hookimpl
from inspector_papers.checks.approval_in_place import approval_in_place
from inspector_papers.checks.level_fits_facts import level_fits_facts
from inspector_papers.checks.plan_carried_out import plan_carried_out


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """The three checks."""
    return [approval_in_place, level_fits_facts, plan_carried_out]
