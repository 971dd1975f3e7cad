"""A plugin with a check that does not end, whatever interrupts it, in one system."""

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from inspector import Check, hookimpl


@hookimpl
def inspector_checks() -> Iterable[Check]:
    from inspector_stuck.endless_check import CHECKS

    return CHECKS


@hookimpl
def inspector_profiles() -> Iterable[Traversable]:
    return [files(__name__) / "stuck-rows"]
