"""SWEET32: block ciphers with blocks of 64 bits (CVE-2016-2183)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite
from inspector_tls.observations import Part, Tls
from inspector_tls.wire.code_points import Suite

#: Ciphers with blocks of 64 bits. GOST suites use counter mode with rekeying instead of CBC.
_SHORT_BLOCKS = frozenset({"3DES", "DES", "IDEA", "RC2", "FORTEZZA"})


@check(
    "no-sweet32",
    title="3DES and other 64-bit block ciphers in CBC mode are disabled (SWEET32)",
    references=("CVE-2016-2183", "RFC 9325 §4.1", "NIST SP 800-131A"),
    needs=(Part.SUITES,),
)
def no_sweet32(tls: Tls) -> Verdict:
    """With blocks of 64 bits, ciphertext blocks collide after some gigabytes under one key and reveal data that is sent
    repeatedly (SWEET32). Single DES can be broken by exhaustive search.

    Remediation: disable these ciphers: in an OpenSSL cipher list add ``!3DES:!DES:!IDEA:!RC2``.
    """
    weak = accepted_suites(tls, _has_short_blocks)
    if weak:
        return failed("accepts {measured}", measured=weak)
    return passed("accepts no 64-bit block cipher in CBC mode", facts=every_suite(tls))


def _has_short_blocks(suite: Suite) -> bool:
    return suite.cipher in _SHORT_BLOCKS
