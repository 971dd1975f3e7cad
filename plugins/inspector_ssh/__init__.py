"""SSH servers: protocol version, offered algorithms, host keys, methods of authentication."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probes of SSH servers."""
    from inspector_ssh.probes import ssh, ssh_login

    return (ssh, ssh_login)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_ssh import checks

    return checks_in(checks)
