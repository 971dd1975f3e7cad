"""DNS: AAAA and CAA records, name servers, and DNSSEC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspector import hookimpl

if TYPE_CHECKING:
    from inspector import Check, Probe


@hookimpl
def inspector_probes() -> Iterable[Probe]:
    """The probes of host names, zones, their delegations, mail hosts, name servers and addresses."""
    from inspector_dns.connections import address_connection
    from inspector_dns.delegation import delegation
    from inspector_dns.exposure import name_server_exposure
    from inspector_dns.mail_hosts import mail_hosts
    from inspector_dns.probes import name_server, names, zone

    return (names, zone, delegation, mail_hosts, name_server, name_server_exposure, address_connection)


@hookimpl
def inspector_checks() -> Iterable[Check]:
    """One check per file in ``checks``."""
    from inspector import checks_in
    from inspector_dns import checks

    return checks_in(checks)
