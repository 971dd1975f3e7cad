"""SSH servers: protocol version, offered algorithms, host keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probe of SSH servers."""
    from inspector_ssh.probes import ssh

    return (ssh,)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_ssh import checks

    return checks_in(checks)
