"""The sizes of Diffie-Hellman groups."""

from inspector import Cause, Quantity, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_ssh.algorithms import group_bits, is_fixed_group
from inspector_ssh.observations import Ssh


@check(
    "ssh-dh-strong",
    title="SSH Diffie-Hellman groups are large enough",
    references=("RFC 8270", "RFC 9142 §3", "RFC 4419", "CVE-2015-4000"),
)
def dh_strong(ssh: Ssh, *, bits: int = 2048) -> Verdict:
    """The shorter the modulus, the cheaper it is to compute the session keys; 1024 bits are within reach of states. The
    check covers the groups of fixed size, and with group exchange the one that the server chooses for a client that
    prefers 1024 bits; other moduli in its list are not asked for.

    Remediation: delete short moduli (``awk '$5 >= 3071' /etc/ssh/moduli > /etc/ssh/moduli.safe && mv
    /etc/ssh/moduli.safe /etc/ssh/moduli``) and in sshd_config remove small groups from ``KexAlgorithms``
    (``KexAlgorithms -diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group14-sha256``); restart
    sshd. For Dropbear build it with ``DROPBEAR_DH_GROUP1`` set to 0.
    """
    algorithms = ssh.algorithms.value
    fixed = {name: group_bits(name) for name in algorithms.key_exchange if is_fixed_group(name)}
    chosen = ssh.group_exchange_bits.seen
    sizes = [size for size in (*fixed.values(), chosen) if size is not None]
    least = Quantity(value=bits, unit="bit")
    if min(sizes, default=bits) < bits:
        shortest = Quantity(value=min(sizes), unit="bit")
        return failed("shortest modulus is {measured}; minimum is {threshold}", measured=shortest, threshold=least)
    _ = ssh.group_exchange_bits.value
    unknown = [name for name, size in fixed.items() if size is None]
    if unknown:
        return inconclusive(
            "the sizes of the groups of {measured} are not known", measured=unknown, cause=Cause.AMBIGUOUS
        )
    if not sizes:
        return not_applicable("offers no finite-field Diffie-Hellman")
    shortest = Quantity(value=min(sizes), unit="bit")
    return passed("shortest modulus is {measured}; minimum is {threshold}", measured=shortest, threshold=least)
