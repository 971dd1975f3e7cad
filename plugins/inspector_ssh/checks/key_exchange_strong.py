"""Key exchange methods (RFC 9142)."""

from inspector import Verdict, check, passed
from inspector_ssh.algorithms import KEY_EXCHANGE
from inspector_ssh.criteria import weak_or_unknown
from inspector_ssh.observations import Ssh


@check(
    "ssh-key-exchange-strong",
    title="SSH key exchange methods with SHA-1 or 1024-bit groups are disabled",
    references=("RFC 9142 §3", "RFC 8732", "RFC 8270", "CVE-2015-4000"),
)
def key_exchange_strong(ssh: Ssh) -> Verdict:
    """Session keys agreed on in a group of 1024 bits can be computed by states, and collisions of SHA-1, by which the
    handshake is authenticated, by organisations. The check fails for the methods that RFC 9142 advises against, those
    of GSS-API included, and also for group 14 with SHA-1, which it still allows for old clients.

    Remediation: in sshd_config remove methods that end with ``-sha1`` from ``KexAlgorithms`` (``KexAlgorithms
    -diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1``) and from
    ``GSSAPIKexAlgorithms``, and restart sshd. For Dropbear build it with ``DROPBEAR_DH_GROUP14_SHA1`` and
    ``DROPBEAR_DH_GROUP1`` set to 0.
    """
    offered = ssh.algorithms.value.key_exchange
    return weak_or_unknown(offered, KEY_EXCHANGE) or passed("no weak method is among {measured}", measured=offered)
