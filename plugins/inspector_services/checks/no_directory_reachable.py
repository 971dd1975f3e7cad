from __future__ import annotations

from inspector import Verdict, check
from inspector_services.exposure import none_reachable
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import Role


@check(
    "no-directory-reachable",
    title="No directory service is reachable",
    references=("NIST SP 800-53 SC-7", "CIS Controls v8 12.2"),
)
def no_directory_reachable(ports: OpenPorts, banners: Banners) -> Verdict:
    """LDAP, Kerberos and the global catalogue show the names of accounts and computers, and let everybody try
    passwords of the whole organisation.

    Remediation: block these ports (TCP 88, 389, 464, 636, 749, 3268, 3269) at the firewall; give remote users access
    over a VPN, and applications outside the network a federation service.
    """
    return none_reachable(Role.DIRECTORY, ports, banners)
