"""Ciphers that are broken, or none."""

from inspector import Verdict, check, passed
from inspector_ssh.algorithms import CIPHERS
from inspector_ssh.criteria import weak_or_unknown
from inspector_ssh.observations import Ssh


@check(
    "ssh-ciphers-strong",
    title="SSH ciphers that are broken or have 64-bit blocks are disabled",
    references=("RFC 8758", "RFC 4253 §6.3", "CVE-2016-2183"),
)
def ciphers_strong(ssh: Ssh) -> Verdict:
    """RC4 (``arcfour``) reveals plaintext, ciphers with blocks of 64 bits (3DES, Blowfish, CAST-128, IDEA) reveal it in
    long sessions, and ``none`` does not encrypt at all. CBC mode is a separate check.

    Remediation: in sshd_config set ``Ciphers
    chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes128-ctr`` and restart
    sshd. For Dropbear build it with ``DROPBEAR_3DES`` and ``DROPBEAR_BLOWFISH`` set to 0.
    """
    offered = ssh.algorithms.value.ciphers
    return weak_or_unknown(offered, CIPHERS) or passed("no weak cipher is among {measured}", measured=offered)
