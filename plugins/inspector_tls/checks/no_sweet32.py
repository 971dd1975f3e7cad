"""No block cipher whose blocks repeat (SWEET32)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite
from inspector_tls.observations import Tls
from inspector_tls.wire.code_points import Suite

#: Ciphers with blocks of 64 bits. Those of GOST count blocks and change keys on the way instead of chaining.
_SHORT_BLOCKS = frozenset({"3DES", "DES", "IDEA", "RC2", "FORTEZZA"})


@check(
    "no-sweet32",
    title="No suite with 3DES or another cipher that chains blocks of 64 bits is accepted",
    references=("CVE-2016-2183", "RFC 9325 §4.1", "NIST SP 800-131A"),
)
def no_sweet32(tls: Tls) -> Verdict:
    """Under one key, chained blocks of 64 bits begin to repeat after some gigabytes and then give away what is sent
    again and again (SWEET32). DES can be broken outright.

    Remediation: take these ciphers out of the list of suites; in OpenSSL's notation add ``!3DES:!DES:!IDEA:!RC2``.
    """
    weak = accepted_suites(tls, _chains_short_blocks)
    if weak:
        return failed("accepts {measured}", measured=weak)
    return passed("accepts no cipher that chains blocks of 64 bits", facts=every_suite(tls))


def _chains_short_blocks(suite: Suite) -> bool:
    return suite.cipher in _SHORT_BLOCKS
