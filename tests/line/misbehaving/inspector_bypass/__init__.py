"""A plugin that tries to reach the network past the gateway, in a scan and in a check, and swallows the refusal."""

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from inspector import Check, Probe, hookimpl


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    from inspector_bypass.bypassing import PROBES

    return PROBES


@hookimpl
def inspector_checks() -> Iterable[Check]:
    from inspector_bypass.bypassing import CHECKS

    return CHECKS


@hookimpl
def inspector_profiles() -> Iterable[Traversable]:
    return [files(__name__) / "bypass-rows"]
