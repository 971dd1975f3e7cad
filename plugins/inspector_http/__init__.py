"""Web endpoints: HTTPS, redirects, security headers, cookies and disclosed versions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probe ``http``: one GET request per endpoint."""
    from inspector_http.probes import http

    return (http,)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_http import checks

    return checks_in(checks)
