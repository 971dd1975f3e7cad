"""Message authentication codes."""

from inspector import Verdict, check, not_applicable, passed
from inspector_ssh.algorithms import MACS, is_aead
from inspector_ssh.criteria import weak_or_unknown
from inspector_ssh.observations import Ssh


@check(
    "ssh-macs-strong",
    title="SSH MACs with MD5 or short tags are disabled",
    references=("RFC 6151", "RFC 4253 §6.4", "RFC 6668"),
)
def macs_strong(ssh: Ssh) -> Verdict:
    """A message authentication code with MD5 or with a tag cut to 96 bits has a smaller security margin than a session
    needs, and ``none`` lets an attacker on the path change what is transmitted. HMAC-SHA-1 has no known attack and does
    not fail. AEAD ciphers need no MAC: where all are AEAD, the check does not apply.

    Remediation: in sshd_config set ``MACs
    hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com`` and restart sshd. For
    Dropbear build it with ``DROPBEAR_MD5_HMAC`` and ``DROPBEAR_SHA1_96_HMAC`` set to 0.
    """
    algorithms = ssh.algorithms.value
    if all(map(is_aead, algorithms.ciphers)):
        return not_applicable("offers AEAD ciphers only")
    offered = algorithms.macs
    return weak_or_unknown(offered, MACS) or passed("no weak MAC is among {measured}", measured=offered)
