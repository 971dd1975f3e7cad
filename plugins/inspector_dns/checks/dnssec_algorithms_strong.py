"""dnssec-algorithms-strong: keys and DS records use algorithms that are recommended for signing."""

from typing import Final

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import Zone

#: Algorithms and digest types with which a zone may be signed: RECOMMENDED or MAY in RFC 9904 tables 2 and 3, the
#: column of use for signing and for delegation. RSASHA512 (10) is not recommended, the SHA-1 ones must not be used.
SIGNING: Final = frozenset({8, 13, 14, 15, 16, 17, 23})
DELEGATION: Final = frozenset({2, 4, 5, 6})


@check(
    "dnssec-algorithms-strong",
    title="DNSSEC algorithms are strong",
    references=("RFC 9904 §2", "RFC 9905 §2", "NIST SP 800-57 Part 1 Rev. 5 §5.6.1"),
)
def dnssec_algorithms_strong(zone: Zone, *, least_rsa_bits: int = 2048) -> Verdict:
    """A zone that is signed with SHA-1, or with short RSA keys, can be forged by those who can afford to compute a
    collision or to factor a key; validators begin to treat such zones as unsigned.

    Remediation: roll over to ECDSAP256SHA256 (13) or ED25519 (15), and have the registrar publish the DS record with
    digest type 2 (SHA-256) only.
    """
    if zone.soa.value is None:
        return inconclusive("no zone apex at {measured}; declare it", measured=zone.name, cause=Cause.AMBIGUOUS)
    signers, keys = zone.ds.value, zone.keys.value
    if not signers or not keys:
        return not_applicable("the zone has no signed delegation")
    weak = sorted(({each.algorithm for each in signers} | {each.algorithm for each in keys}) - SIGNING)
    if weak:
        return failed(
            "algorithms that are not recommended for signing: {measured}", measured=weak, facts=("keys", "ds")
        )
    digests = sorted({each.digest_type for each in signers} - DELEGATION)
    if digests:
        return failed("digest types that must not be used for DS records: {measured}", measured=digests, facts="ds")
    short = [each.bits for each in keys if each.bits is not None and each.bits < least_rsa_bits]
    if short:
        message = "RSA key of {measured} bits, at least {threshold}"
        return failed(message, measured=min(short), threshold=least_rsa_bits, facts="keys")
    used = sorted({each.algorithm for each in keys})
    return passed("algorithms {measured}", measured=used, facts=("keys", "ds"))
