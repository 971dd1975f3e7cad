"""The version of the SSH protocol."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_ssh.observations import Ssh


@check(
    "ssh-protocol-2-only",
    title="SSH protocol version 1 is disabled",
    references=("RFC 4251", "RFC 4253 §5.1", "CVE-1999-1085"),
)
def protocol_2_only(ssh: Ssh) -> Verdict:
    """Version 1 protects integrity by a CRC-32 only: an attacker on the path can insert commands into a session. A
    server that accepts both versions says so by version 1.99.

    Remediation: set ``Protocol 2`` in sshd_config of OpenSSH before 7.4 and restart sshd; newer versions, and Dropbear,
    support version 2 only. On network equipment choose version 2, on Cisco IOS by ``ip ssh version 2``.
    """
    if ssh.protocol == "2.0":
        return passed("speaks version 2.0 only")
    if ssh.protocol.startswith("1."):
        return failed("accepts version 1; identifies itself by {measured}", measured=ssh.protocol)
    return inconclusive(
        "identifies itself by the unknown version {measured}", measured=ssh.protocol, cause=Cause.AMBIGUOUS
    )
