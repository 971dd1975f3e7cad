"""Login by password."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_ssh.observations import SshLogin

_PASSWORD = "password"
_INTERACTIVE = "keyboard-interactive"
_WITHOUT_PASSWORDS = frozenset({"publickey", "hostbased", "gssapi-with-mic", "gssapi-keyex"})


@check(
    "ssh-password-not-offered",
    title="SSH passwords are not offered for login",
    references=("RFC 4252 §8", "RFC 4256", "NIST IR 7966"),
)
def password_not_offered(login: SshLogin) -> Verdict:
    """Passwords are guessed, reused and phished; where a server accepts keys alone, guessing them is pointless. The
    check asks once which methods there are for a user of a random name, and sends no password. Rules for single users
    or addresses are not seen. ``keyboard-interactive`` can ask for a password as well as for a one-time code: alone it
    makes the check inconclusive.

    Remediation: in sshd_config set ``PasswordAuthentication no`` and ``KbdInteractiveAuthentication no``, or require a
    second factor by ``AuthenticationMethods publickey,keyboard-interactive``, and restart sshd. Start Dropbear with
    ``-s``.
    """
    seen = login.login.value
    if seen.accepted:
        return failed("lets users in without a password or key")
    if _PASSWORD in seen.methods:
        return failed("offers {measured}", measured=seen.methods)
    if _INTERACTIVE in seen.methods:
        return inconclusive("{measured} can ask for a password", measured=_INTERACTIVE, cause=Cause.AMBIGUOUS)
    unknown = [name for name in seen.methods if name not in _WITHOUT_PASSWORDS]
    if unknown or not seen.methods:
        return inconclusive("does not say whether passwords are accepted", facts=unknown, cause=Cause.AMBIGUOUS)
    return passed("offers {measured} only", measured=seen.methods)
