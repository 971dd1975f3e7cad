"""The finite-field groups of RFC 7919, which TLS 1.3 agrees keys in (RFC 8446 §4.2.8.1)."""

from __future__ import annotations

from functools import cache

#: The generator of every group (RFC 7919 Appendix A).
GENERATOR = 2
#: Per code point: the bits of the prime, the X that makes it prime, and the bits of a private key (§5.2, Appendix A).
_GROUPS = {
    256: (2048, 560_316, 225),
    257: (3072, 2_625_351, 275),
    258: (4096, 5_736_041, 325),
    259: (6144, 15_705_020, 375),
    260: (8192, 10_965_728, 400),
}


@cache
def prime(group: int) -> int:
    """The prime of a group: 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1 (RFC 7919 Appendix A)."""
    bits, x, _ = _GROUPS[group]
    return (1 << bits) - (1 << (bits - 64)) + ((_euler(bits - 130) + x) << 64) - 1


def private_bits(group: int) -> int:
    """The length of a private key that no known attack makes weaker than the group."""
    return _GROUPS[group][2]


def _euler(bits: int) -> int:
    """Floor(2^bits e), as the sum of 1/n! with 64 bits to spare."""
    term = total = 1 << (bits + 64)
    n = 0
    while term:
        n += 1
        term //= n
        total += term
    return total >> 64
