"""Login without credentials."""

from inspector import Verdict, check, failed, passed
from inspector_ssh.observations import SshLogin


@check(
    "ssh-login-needs-credentials",
    title="SSH logins need a password or a key",
    references=("RFC 4252 §5.2",),
)
def login_needs_credentials(login: SshLogin) -> Verdict:
    """A server that accepts the method ``none`` for any name lets everybody in. The check asks once, for a user of a
    random name, and disconnects at once where it is let in. Accounts with an empty password are not looked for.

    Remediation: configure a method of authentication; in sshd_config keep ``PermitEmptyPasswords no``. Servers that are
    open on purpose, such as demonstrations, belong apart from the system.
    """
    if login.login.value.accepted:
        return failed("lets users in without a password or key")
    return passed("does not let a user in without a password or key")
