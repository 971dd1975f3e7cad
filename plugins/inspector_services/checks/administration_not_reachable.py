from __future__ import annotations

from inspector import Verdict, check
from inspector_services.exposure import none_reachable
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import Role


@check(
    "administration-not-reachable",
    title="No administration service is reachable",
    references=("NIST SP 800-53 AC-17", "CIS Controls v8 12.7"),
)
def administration_not_reachable(ports: OpenPorts, banners: Banners) -> Verdict:
    """An administration service that answers everybody can be attacked by everybody, also where its protocol is safe.

    SSH that only transfers files is not told apart from administration. Panels and hypervisors are recognised by the
    page that they show at ``/``.

    Remediation: let administrators connect over a virtual private network to an internal host, and let the firewall
    accept SSH, RDP and similar services from there only.
    """
    return none_reachable(Role.ADMINISTRATION, ports, banners)
