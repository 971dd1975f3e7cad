"""AEAD cipher suites (RFC 5116)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite
from inspector_tls.observations import Part, Tls


@check(
    "aead-only",
    title="Only AEAD cipher suites are offered",
    references=("RFC 9325 §4.2", "RFC 5116"),
    needs=(Part.SUITES,),
)
def aead_only(tls: Tls) -> Verdict:
    """Cipher suites that are not AEAD, those in CBC mode above all, have been broken repeatedly by timing and padding
    oracle attacks such as Lucky 13 and POODLE. AEAD suites encrypt and authenticate in one operation and are not open
    to them.

    Remediation: accept only suites with GCM, CCM or ChaCha20-Poly1305; in an OpenSSL cipher list
    ``ECDHE+AESGCM:ECDHE+CHACHA20``.
    """
    other = accepted_suites(tls, lambda suite: not suite.is_aead)
    if other:
        return failed("accepts {measured}", measured=other)
    return passed("accepts only AEAD cipher suites", facts=every_suite(tls))
