from __future__ import annotations

from inspector import ApplianceRole, Appliances, TableAt, Verdict, check
from inspector_http.appliances import none_recognised
from inspector_http.observations import Http


@check(
    "web-no-backup-console",
    title="Backup console is not reachable on the web",
    references=("NIST SP 800-53 CP-9", "NIST SP 800-53 SC-7"),
    needs=(),
)
def no_backup_console_recognised(http: Http, appliances: TableAt[Appliances]) -> Verdict:
    """Ransomware looks for the backups first: without them its victims pay.

    It is recognised by what any visitor gets: the header ``Server``, names of cookies, and where the address leads.

    Remediation: let only a management network reach backup consoles and storage; keep one copy where no network leads.
    """
    return none_recognised(ApplianceRole.BACKUP_CONSOLE, http, appliances)
