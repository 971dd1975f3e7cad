"""Whether the SSH server, or the distribution that packages it, is still supported."""

from inspector import EndOfSupport, TableAt, Verdict, check, products_in, support_verdict
from inspector_ssh.observations import Ssh


@check(
    "ssh-server-supported",
    title="SSH server software is still supported",
    references=("NIST SP 800-53 SA-22", "CIS Controls v8 2.2"),
)
def server_supported(ssh: Ssh, table: TableAt[EndOfSupport]) -> Verdict:
    """Nobody publishes fixes for a server that is out of support, or for a system whose distribution is: every
    vulnerability found from then on stays.

    The version is what the server says of itself. A distribution may fix a version for years without changing it; where
    that cannot be excluded, only the list of installed packages tells.

    Remediation: upgrade to a supported release of the operating system, and install its updates.
    """
    return support_verdict(products_in([ssh.identification]), table, ("/software", "/comments"))
