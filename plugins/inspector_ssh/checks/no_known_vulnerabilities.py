"""Known vulnerabilities by version."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_ssh.observations import Ssh
from inspector_ssh.vulnerabilities import TABLE, State, identified


@check(
    "ssh-no-known-vulnerabilities",
    title="SSH server versions have no known vulnerability",
    references=("CVE-2024-6387", "CVE-2018-10933", "CVE-2025-32433", "CVE-2016-7406", "CVE-2018-15473"),
)
def no_known_vulnerabilities(ssh: Ssh) -> Verdict:
    """A server names its product and version before any authentication. The check looks the version up in a table of
    vulnerabilities that matter before login; the measured list is that of the table. Distributions repair a version
    without changing its number: where Debian or Ubuntu show the revision of their package and the table knows the
    repaired one, that decides; where such repairs are usual and not visible, the check is inconclusive. CVE-2024-6387
    does not affect OpenBSD, which cannot be told apart. Terrapin is a separate check, since its fix is visible in the
    offer.

    Remediation: install the newest package of the distribution, or the newest release of the product, and restart the
    server. To see whether a package has a fix, ask the distribution: ``apt changelog openssh-server`` on Debian and
    Ubuntu, ``rpm -q --changelog openssh-server`` on RHEL and its relatives.
    """
    shown = f"{ssh.software} {ssh.comments}".strip()
    server = identified(ssh.software, ssh.comments)
    if server is None:
        return inconclusive("no vulnerability of {measured} is listed", measured=shown, cause=Cause.AMBIGUOUS)
    by_state: dict[State, list[str]] = {}
    for each in server.product.vulnerabilities:
        by_state.setdefault(server.state(each), []).append(each.id)
    if State.AFFECTED in by_state:
        return failed("{software} lacks the fix for {measured}", software=shown, measured=by_state[State.AFFECTED])
    if State.AFFECTED_VERSION in by_state:
        return failed(
            "{software} is a version with {measured}; to be verified: back-ported fixes cannot be excluded",
            software=shown,
            measured=by_state[State.AFFECTED_VERSION],
        )
    if State.UNKNOWN in by_state:
        return inconclusive(
            "{software} is a version with {measured}, which distributions repair without changing its number",
            software=shown,
            measured=by_state[State.UNKNOWN],
            cause=Cause.AMBIGUOUS,
        )
    return passed("no vulnerability listed on {date} is one of {measured}", date=TABLE.dated, measured=shown)
