"""Encrypt-then-MAC (RFC 7366) for suites in CBC mode."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite, is_cbc
from inspector_tls.observations import Part, Tls, TlsVersion

_VERSIONS = (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2)


@check(
    "encrypt-then-mac-or-no-cbc",
    title="CBC cipher suites are disabled or use encrypt-then-MAC",
    references=("RFC 7366", "CVE-2013-0169"),
    needs=(Part.SUITES, Part.EXTENSIONS),
)
def encrypt_then_mac_or_no_cbc(tls: Tls) -> Verdict:
    """In CBC mode TLS authenticates before it encrypts: the time a server takes to reject a modified record can reveal
    plaintext (Lucky 13, POODLE against TLS). Encrypt-then-MAC prevents this for clients that request it; whether the
    server decrypts in constant time cannot be seen from outside.

    Remediation: accept AEAD suites only, or update the TLS library; OpenSSL supports the extension since 1.1.0.
    """
    cbc = accepted_suites(tls, is_cbc, _VERSIONS)
    if not cbc:
        return passed("accepts no CBC cipher suite in TLS 1.0 to 1.2", facts=every_suite(tls, _VERSIONS))
    every_suite(tls, _VERSIONS)
    supported = tls.extensions.encrypt_then_mac.value
    if supported is None:
        return inconclusive(
            "could not determine whether {measured} uses encrypt-then-MAC", measured=cbc, cause=Cause.AMBIGUOUS
        )
    if not supported:
        return failed("accepts {measured} without encrypt-then-MAC", measured=cbc)
    return passed("uses encrypt-then-MAC with {measured}", measured=cbc)
