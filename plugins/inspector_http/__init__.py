"""Web endpoints: HTTPS, redirects, security headers, cookies, disclosed versions, and the file security.txt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probes ``http``, one GET request per endpoint, and ``security-txt``, one per HTTPS service."""
    from inspector_http.probes import http, security_txt

    return (http, security_txt)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_http import checks

    return checks_in(checks)
