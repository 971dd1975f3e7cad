from __future__ import annotations

from inspector import Verdict, check
from inspector_services.exposure import none_reachable
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import Role


@check(
    "no-database-reachable",
    title="No database port is reachable",
    references=("NIST SP 800-53 SC-7", "CIS Controls v8 12.2"),
)
def no_database_reachable(ports: OpenPorts, banners: Banners) -> Verdict:
    """A database or cache that is reachable from outside exposes all its data to a single weak password or unpatched
    vulnerability.

    Remediation: bind the service to an internal address (MySQL ``bind-address``), place it in the database zone, and
    let the firewall accept connections from the application servers only.
    """
    return none_reachable(Role.DATABASE, ports, banners)
