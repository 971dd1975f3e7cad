"""Encrypt-then-MAC."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_ssh.algorithms import is_aead, is_encrypt_then_mac
from inspector_ssh.observations import Ssh


@check(
    "ssh-macs-encrypt-then-mac",
    title="SSH MACs are computed over the ciphertext",
    references=("OpenSSH PROTOCOL §1.5",),
)
def macs_encrypt_then_mac(ssh: Ssh) -> Verdict:
    """Encrypt-then-MAC (names with ``-etm``) rejects a changed packet before anything is decrypted, and thereby removes
    a class of attacks. AEAD ciphers need no MAC: where all are AEAD, the check does not apply. A server without strict
    key exchange must not combine encrypt-then-MAC with CBC mode; Terrapin is a separate check.

    Remediation: in sshd_config set ``MACs
    hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com`` and restart sshd. Dropbear
    has no such MACs; prefer ``chacha20-poly1305@openssh.com`` or AES-GCM there.
    """
    algorithms = ssh.algorithms.value
    if all(map(is_aead, algorithms.ciphers)):
        return not_applicable("offers AEAD ciphers only")
    others = [name for name in algorithms.macs if not is_encrypt_then_mac(name)]
    if others:
        return failed("offers {measured}", measured=others)
    return passed("offers {measured} only", measured=algorithms.macs)
