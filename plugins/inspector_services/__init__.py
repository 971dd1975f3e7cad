"""Network services: open TCP ports, what the services behind them show, and a short list of UDP ports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The port sweep, the identification of services, log-ins without a name, mail relays, and the two of UDP."""
    from inspector_services.identification import banners
    from inspector_services.logins import anonymous_logins
    from inspector_services.probes import ports
    from inspector_services.relay import mail_relay
    from inspector_services.udp_probes import udp_exposure, udp_services

    return (ports, banners, anonymous_logins, mail_relay, udp_services, udp_exposure)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_services import checks

    return checks_in(checks)
