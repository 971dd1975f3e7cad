from __future__ import annotations

from inspector import ApplianceRole, Appliances, TableAt, Verdict, check
from inspector_services.appliances import none_recognised
from inspector_services.observations import Banners, OpenPorts


@check(
    "services-no-backup-console",
    title="Backup console is not reachable on an open port",
    references=("NIST SP 800-53 CP-9", "NIST SP 800-53 SC-7"),
)
def no_backup_console_recognised(ports: OpenPorts, banners: Banners, appliances: TableAt[Appliances]) -> Verdict:
    """Ransomware looks for the backups first: without them its victims pay.

    It is recognised by what it sends to anybody who connects: greeting, the header ``Server`` and title of the page
    ``/``, subject of the certificate.

    Remediation: let only a management network reach backup consoles and storage; keep one copy where no network leads.
    """
    return none_recognised(ApplianceRole.BACKUP_CONSOLE, ports, banners, appliances)
