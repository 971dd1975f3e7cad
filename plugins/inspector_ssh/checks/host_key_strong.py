"""Types and sizes of host keys."""

from inspector import Cause, Quantity, Verdict, check, failed, inconclusive, passed
from inspector_ssh.observations import HostKey, Ssh

_EDWARDS = frozenset({"ssh-ed25519", "ssh-ed448"})


@check(
    "ssh-host-key-strong",
    title="SSH host keys are long enough",
    references=("RFC 8332 §5.1", "RFC 5656 §3.1", "RFC 8709", "NIST SP 800-131A"),
    facts_identify=True,
)
def host_key_strong(ssh: Ssh, *, rsa_bits: int = 2048, ec_bits: int = 256) -> Verdict:
    """Who factors or computes a short host key can impersonate the server, and read the passwords that its users type.
    The check covers one key of each type that the server offers; certificates of host keys are not read. DSA keys,
    which mostly have 1024 bits, are measured as RSA keys are.

    Remediation: make new keys (``ssh-keygen -t ed25519 -f /etc/ssh/ssh_host_ed25519_key -N ''``, ``ssh-keygen -t rsa -b
    3072 -f /etc/ssh/ssh_host_rsa_key -N ''``; for Dropbear ``dropbearkey -t rsa -s 3072 -f
    /etc/dropbear/dropbear_rsa_host_key``), delete short ones and their HostKey lines, restart the server, and publish
    the new fingerprints to its users.
    """
    least = {"ssh-rsa": rsa_bits, "ssh-dss": rsa_bits}
    seen = [each.key.seen for each in ssh.host_keys if each.key.seen is not None]
    for key in seen:
        bits = least.get(key.type, ec_bits)
        if key.bits is not None and key.type not in _EDWARDS and key.bits < bits:
            return failed(
                "the {type} key has {measured}; minimum is {threshold}",
                type=key.type,
                measured=Quantity(value=key.bits, unit="bit"),
                threshold=Quantity(value=bits, unit="bit"),
                facts=[each.fingerprint for each in seen],
            )
    _ = ssh.algorithms.value
    keys = [each.key.value for each in ssh.host_keys]
    unknown = [key.type for key in keys if key.bits is None]
    if unknown or not keys:
        types = unknown or ssh.algorithms.value.host_key
        return inconclusive("the sizes of {measured} host keys are not known", measured=types, cause=Cause.AMBIGUOUS)
    return passed("host keys are {measured}", measured=sorted(map(_shown, keys)), facts=ssh.fingerprints)


def _shown(key: HostKey) -> str:
    return f"{key.type} {key.bits}"
