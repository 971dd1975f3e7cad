from __future__ import annotations

from inspector import Verdict, check
from inspector_services.exposure import none_reachable
from inspector_services.observations import Banners, OpenPorts
from inspector_services.port_roles import Role


@check(
    "no-file-sharing-reachable",
    title="No file-sharing port is reachable",
    references=("NIST SP 800-53 SC-7", "CIS Controls v8 4.8"),
)
def no_file_sharing_reachable(ports: OpenPorts, banners: Banners) -> Verdict:
    """SMB, NFS, rpcbind, AFP, rsync and iSCSI are designed for internal networks; worms and ransomware spread through
    them when they are reachable from the Internet.

    Remediation: block these ports (TCP 111, 139, 445, 548, 873, 2049, 3260) at the firewall and give remote users
    access to the shares over a VPN.
    """
    return none_reachable(Role.FILE_SHARING, ports, banners)
