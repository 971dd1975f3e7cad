"""Mail domains: MX, SPF, DKIM and DMARC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probes of mail domains."""
    from inspector_mail.probes import dkim, mail

    return (dkim, mail)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_mail import checks

    return checks_in(checks)
