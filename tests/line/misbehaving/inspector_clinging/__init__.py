"""A plugin whose scans and parsers catch what interrupts them, and go on."""

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from inspector import Check, Probe, hookimpl


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    from inspector_clinging.clinging import PROBES

    return PROBES


@hookimpl
def inspector_checks() -> Iterable[Check]:
    from inspector_clinging.clinging import CHECKS

    return CHECKS


@hookimpl
def inspector_profiles() -> Iterable[Traversable]:
    return [files(__name__) / "clinging-rows"]
