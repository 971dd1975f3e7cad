"""Web endpoints: HTTPS, redirects, security headers, cookies, other origins, exposed paths, and security.txt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probes ``http`` and ``cross-origin`` of each endpoint, ``security-txt`` and ``exposure`` of each service."""
    from inspector_http.cross_origin import cross_origin
    from inspector_http.exposure import exposure
    from inspector_http.probes import http, security_txt

    return (http, security_txt, cross_origin, exposure)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_http import checks

    return checks_in(checks)
