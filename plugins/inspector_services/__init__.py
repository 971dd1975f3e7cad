"""Network services: open TCP ports and the banners of the services behind them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The port sweep and the banner probe."""
    from inspector_services.identification import banners
    from inspector_services.probes import ports

    return (ports, banners)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_services import checks

    return checks_in(checks)
