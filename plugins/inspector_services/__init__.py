"""Network services: open TCP ports, and what the services behind them show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The port sweep, the identification of services, and log-ins without a name."""
    from inspector_services.identification import banners
    from inspector_services.logins import anonymous_logins
    from inspector_services.probes import ports

    return (ports, banners, anonymous_logins)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_services import checks

    return checks_in(checks)
