"""Post-quantum hybrid key exchange."""

from inspector import Verdict, check, failed, passed
from inspector_ssh.algorithms import is_post_quantum
from inspector_ssh.observations import Ssh


@check(
    "ssh-post-quantum-offered",
    title="SSH post-quantum hybrid key exchange is offered",
    references=("FIPS 203",),
)
def post_quantum_offered(ssh: Ssh) -> Verdict:
    """Sessions recorded today can be decrypted once large quantum computers exist. A hybrid key exchange, a curve
    combined with ML-KEM or Streamlined NTRU Prime, prevents that and is no weaker than the curve alone.

    Remediation: update OpenSSH (9.0 or newer offers sntrup761x25519-sha512@openssh.com, 9.9 or newer
    mlkem768x25519-sha256) or Dropbear (2025.87 or newer), and keep these methods first in ``KexAlgorithms`` of
    sshd_config.
    """
    offered = ssh.algorithms.value.key_exchange
    hybrid = [name for name in offered if is_post_quantum(name)]
    if hybrid:
        return passed("offers {measured}", measured=hybrid)
    return failed("no post-quantum method is among {measured}", measured=offered)
