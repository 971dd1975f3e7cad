"""Network services: which ports are open, and what answers there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector.registry.hookspecs import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The port sweep and the greetings."""
    from inspector_services.probes import greetings, ports

    return (ports, greetings)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector.plugin.check import checks_in
    from inspector_services import checks

    return checks_in(checks)
