"""A plugin that does everything wrong, to show that nothing else is harmed."""

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from inspector import Check, Probe, hookimpl


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    from inspector_misbehaving.probes import PROBES

    return PROBES


@hookimpl
def inspector_checks() -> Iterable[Check]:
    from inspector_misbehaving.failing_checks import CHECKS

    return CHECKS


@hookimpl
def inspector_profiles() -> Iterable[Traversable]:
    return [files(__name__) / "misbehaving-rows"]
