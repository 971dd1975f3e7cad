"""Ciphers in CBC mode."""

from inspector import Verdict, check, failed, passed
from inspector_ssh.algorithms import is_cbc
from inspector_ssh.observations import Ssh


@check("ssh-no-cbc", title="SSH ciphers in CBC mode are disabled", references=("CVE-2008-5161", "RFC 4344 §4"))
def no_cbc(ssh: Ssh) -> Verdict:
    """In CBC mode SSH sends an encrypted length before it is authenticated: by an attack that breaks connections an
    attacker on the path can recover some bits of plaintext. Servers have measures against that, which cannot be seen
    from outside.

    Remediation: in sshd_config remove ciphers that end with ``-cbc`` from ``Ciphers`` (``Ciphers
    -3des-cbc,aes128-cbc,aes192-cbc,aes256-cbc``) and restart sshd. For Dropbear build it with
    ``DROPBEAR_ENABLE_CBC_MODE`` set to 0.
    """
    offered = ssh.algorithms.value.ciphers
    cbc = [name for name in offered if is_cbc(name)]
    if cbc:
        return failed("offers {measured}", measured=cbc)
    return passed("no cipher in CBC mode is among {measured}", measured=offered)
