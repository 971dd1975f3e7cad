"""CBC mode without a place for LUCKY13."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite, is_cbc
from inspector_tls.observations import Tls, TlsVersion

_VERSIONS = (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2)


@check(
    "encrypt-then-mac-or-no-cbc",
    title="Suites in CBC mode, where accepted, authenticate what is encrypted",
    references=("RFC 7366", "CVE-2013-0169"),
)
def encrypt_then_mac_or_no_cbc(tls: Tls) -> Verdict:
    """In CBC mode TLS authenticates first and encrypts after it: how long a server takes to reject what was tampered
    with can give away what was sent (LUCKY13, POODLE against TLS). Encrypt-then-MAC closes that for clients that ask
    for it; whether the server takes the same time in all cases cannot be seen from outside.

    Remediation: accept AEAD suites only, or update the TLS library; OpenSSL knows the extension from 1.1.0 on.
    """
    cbc = accepted_suites(tls, is_cbc, _VERSIONS)
    if not cbc:
        return passed("accepts no suite in CBC mode from TLS 1.0 on", facts=every_suite(tls, _VERSIONS))
    every_suite(tls, _VERSIONS)
    closed = tls.extensions.encrypt_then_mac.value
    if closed is None:
        return inconclusive(
            "whether encrypt-then-MAC goes with {measured} was not seen", measured=cbc, cause=Cause.AMBIGUOUS
        )
    if not closed:
        return failed("accepts {measured} without encrypt-then-MAC", measured=cbc)
    return passed("uses encrypt-then-MAC with {measured}", measured=cbc)
