"""Signature algorithms of host keys."""

from inspector import Verdict, check, passed
from inspector_ssh.algorithms import HOST_KEY
from inspector_ssh.criteria import weak_or_unknown
from inspector_ssh.observations import Ssh


@check(
    "ssh-host-key-algorithms-strong",
    title="SSH servers do not sign with DSA or SHA-1",
    references=("RFC 8332 §3", "NIST SP 800-131A"),
)
def host_key_algorithms_strong(ssh: Ssh) -> Verdict:
    """By the signature of its host key a server proves its identity. DSA keys have 1024 bits, and ``ssh-rsa`` signs
    with SHA-1, of which collisions are within the means of an organisation. The same RSA key signs with SHA-2 under the
    names ``rsa-sha2-256`` and ``rsa-sha2-512``; clients accept it as before.

    Remediation: in sshd_config set ``HostKeyAlgorithms -ssh-rsa,ssh-dss`` (OpenSSH 7.5 or newer; 8.8 and later do not
    offer ssh-rsa by default), remove the HostKey line of a DSA key, and restart sshd. For Dropbear (2022.82 or newer)
    build it with ``DROPBEAR_DSS`` and ``DROPBEAR_RSA_SHA1`` set to 0.
    """
    offered = ssh.algorithms.value.host_key
    return weak_or_unknown(offered, HOST_KEY) or passed("no weak algorithm is among {measured}", measured=offered)
