"""A plugin whose scans, parsers and checks try to end the program, the event loop or the inspection."""

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from inspector import Check, Probe, hookimpl


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    from inspector_quitting.quitting import PROBES

    return PROBES


@hookimpl
def inspector_checks() -> Iterable[Check]:
    from inspector_quitting.quitting import CHECKS

    return CHECKS


@hookimpl
def inspector_profiles() -> Iterable[Traversable]:
    return [files(__name__) / "quitting-rows"]
