"""The Terrapin attack (CVE-2023-48795)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_ssh.algorithms import CHACHA20, STRICT_KEY_EXCHANGE, is_cbc, is_encrypt_then_mac
from inspector_ssh.observations import Ssh


@check(
    "ssh-no-terrapin",
    title="SSH servers resist the Terrapin attack",
    references=("CVE-2023-48795", "RFC 4253 §6"),
)
def no_terrapin(ssh: Ssh) -> Verdict:
    """With ChaCha20-Poly1305, or CBC mode and encrypt-then-MAC, an attacker on the path can delete the first messages
    of a session and thereby weaken it: sequence numbers are not reset when encryption begins. Strict key exchange
    prevents that for clients that support it as well. A server without these ciphers is not affected.

    Remediation: update the server (OpenSSH 9.6, Dropbear 2024.84 or newer, or a distribution's package with the fix).
    Until then, in sshd_config set ``Ciphers -chacha20-poly1305@openssh.com`` and remove ciphers that end with ``-cbc``,
    and restart sshd.
    """
    algorithms = ssh.algorithms.value
    affected = [name for name in algorithms.ciphers if name in CHACHA20]
    directions = (
        (algorithms.ciphers_to_server, algorithms.macs_to_server),
        (algorithms.ciphers_to_client, algorithms.macs_to_client),
    )
    for ciphers, macs in directions:
        if any(map(is_encrypt_then_mac, macs)):
            affected += [name for name in ciphers if is_cbc(name) and name not in affected]
    if not affected:
        return not_applicable("offers neither ChaCha20-Poly1305 nor CBC mode with encrypt-then-MAC")
    if STRICT_KEY_EXCHANGE in algorithms.key_exchange:
        return passed("supports strict key exchange")
    return failed("offers {measured} without strict key exchange", measured=affected)
