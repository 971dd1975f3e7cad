"""A plugin as anybody may publish it: the finger protocol (RFC 1288), a check of what it tells, and a row that asks."""

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

from inspector import Check, Probe, hookimpl


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    from inspector_finger.probes import finger

    return [finger]


@hookimpl
def inspector_checks() -> Iterable[Check]:
    from inspector_finger.checks.no_users_listed import no_users_listed

    return [no_users_listed]


@hookimpl
def inspector_profiles() -> Iterable[Traversable]:
    return [files(__name__) / "finger-rows"]
