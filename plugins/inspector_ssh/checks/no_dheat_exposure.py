"""Load by Diffie-Hellman computations (DHEat)."""

from inspector import Verdict, check, failed, passed
from inspector_ssh.algorithms import is_finite_field
from inspector_ssh.observations import Ssh


@check(
    "ssh-no-dheat-exposure",
    title="SSH servers do not compute in large Diffie-Hellman groups for anybody",
    references=("CVE-2002-20001", "CVE-2022-40735"),
)
def no_dheat_exposure(ssh: Ssh) -> Verdict:
    """Before any authentication a client can make the server compute in a finite-field group at almost no cost of its
    own; many such connections keep its processors busy (DHEat). The check rests on what is offered: no load is put on
    the server, and limits on the number of connections are not seen.

    Remediation: in sshd_config offer curves only (``KexAlgorithms
    mlkem768x25519-sha256,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org``), or limit
    unauthenticated connections by ``MaxStartups`` and ``PerSourceMaxStartups`` (OpenSSH 8.5 or newer) or
    ``PerSourcePenalties`` (OpenSSH 9.8 or newer); restart sshd.
    """
    offered = ssh.algorithms.value.key_exchange
    exposed = [name for name in offered if is_finite_field(name)]
    if exposed:
        return failed("offers {measured}", measured=exposed)
    return passed("no finite-field method is among {measured}", measured=offered)
