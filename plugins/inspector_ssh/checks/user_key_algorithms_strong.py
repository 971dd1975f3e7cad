"""Signature algorithms of users' keys."""

from inspector import Cause, Verdict, check, inconclusive, passed
from inspector_ssh.algorithms import HOST_KEY
from inspector_ssh.criteria import weak_or_unknown
from inspector_ssh.observations import Ssh
from inspector_ssh.vulnerabilities import identified

#: OpenSSH before names what it was built with, whatever PubkeyAcceptedAlgorithms says.
_NAMES_WHAT_IT_ACCEPTS = (9, 8)


@check(
    "ssh-user-key-algorithms-strong",
    title="SSH servers do not accept users' signatures with DSA or SHA-1",
    references=("RFC 8308 §3.1", "RFC 8332 §3"),
)
def user_key_algorithms_strong(ssh: Ssh) -> Verdict:
    """By a signature users prove that a key is theirs. DSA keys have 1024 bits, and ``ssh-rsa`` signs with SHA-1, of
    which collisions are within the means of an organisation. The server names the algorithms once the connection is
    encrypted, before any authentication (``server-sig-algs``). OpenSSH before 9.8 names all that it was built with,
    also what its configuration forbids: there the check is inconclusive.

    Remediation: in sshd_config set ``PubkeyAcceptedAlgorithms -ssh-rsa,ssh-dss`` (``PubkeyAcceptedKeyTypes`` before
    OpenSSH 8.5) and restart sshd; users with RSA keys keep them. For Dropbear (2022.82 or newer) build it with
    ``DROPBEAR_DSS`` and ``DROPBEAR_RSA_SHA1`` set to 0.
    """
    named = ssh.signature_algorithms.value
    if named is None:
        return inconclusive("does not name the algorithms of users' keys", cause=Cause.AMBIGUOUS)
    verdict = weak_or_unknown(named, HOST_KEY)
    if verdict is not None and _names_more_than_it_accepts(ssh):
        return inconclusive(
            "{software} names what it was built with, not what it accepts: {measured}",
            software=ssh.software,
            measured=[name for name in named if HOST_KEY.is_weak(name)],
            cause=Cause.AMBIGUOUS,
        )
    return verdict or passed("no weak algorithm is among {measured}", measured=named)


def _names_more_than_it_accepts(ssh: Ssh) -> bool:
    if not ssh.software.startswith("OpenSSH"):
        return False
    server = identified(ssh.software, ssh.comments)
    return server is None or server.numbers < _NAMES_WHAT_IT_ACCEPTS
