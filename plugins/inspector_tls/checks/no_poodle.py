"""POODLE: CBC mode in SSL 3.0 (CVE-2014-3566)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite, is_cbc
from inspector_tls.observations import Part, Tls, TlsVersion


@check(
    "no-poodle",
    title="CBC cipher suites are disabled in SSL 3.0 (POODLE)",
    references=("CVE-2014-3566", "RFC 7568"),
    needs=(Part.SUITES,),
)
def no_poodle(tls: Tls) -> Verdict:
    """SSL 3.0 does not authenticate its padding: an attacker on the path downgrades a client to it and decrypts cookies
    byte by byte (POODLE).

    Remediation: disable SSL 3.0.
    """
    cbc = accepted_suites(tls, is_cbc, [TlsVersion.SSL_3])
    if cbc:
        return failed("accepts {measured} in SSL 3.0", measured=cbc)
    found = every_suite(tls, [TlsVersion.SSL_3])
    if not found:
        return passed("does not accept SSL 3.0", facts="/versions/ssl_3")
    return passed("accepts no CBC cipher suite in SSL 3.0", facts=found)
