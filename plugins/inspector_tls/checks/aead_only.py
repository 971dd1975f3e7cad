"""Encryption and authentication in one step."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite
from inspector_tls.observations import Tls


@check(
    "aead-only",
    title="Every accepted suite encrypts and authenticates in one step (AEAD)",
    references=("RFC 9325 §4.2", "RFC 5116"),
)
def aead_only(tls: Tls) -> Verdict:
    """Suites that authenticate first and encrypt after it, those in CBC mode above all, have been attacked again and
    again through small differences in time or in answers; AEAD suites leave no room for that.

    Remediation: accept only suites with GCM, CCM or ChaCha20-Poly1305; in nginx for instance
    ``ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;``.
    """
    other = accepted_suites(tls, lambda suite: not suite.is_aead)
    if other:
        return failed("accepts {measured}", measured=other)
    return passed("accepts only AEAD suites", facts=every_suite(tls))
