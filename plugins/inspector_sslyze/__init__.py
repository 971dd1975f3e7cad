"""Known vulnerabilities of TLS servers (Heartbleed, CCS injection, ROBOT, renegotiation) and early data, with sslyze.

Optional: without sslyze it contributes nothing, and the rows that name this plugin are not selected. sslyze runs in a
worker process; what it reports is assessed by the bytes that were received.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_requires() -> Iterable[str]:
    """sslyze, which the extra ``sslyze`` installs."""
    return ("sslyze",)


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probes of known vulnerabilities and of early data."""
    from inspector_sslyze.probes import tls_attacks, tls_sessions

    return (tls_attacks, tls_sessions)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_sslyze import checks

    return checks_in(checks)
