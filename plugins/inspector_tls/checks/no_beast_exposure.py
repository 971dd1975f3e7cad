"""BEAST: CBC mode with predictable initialisation vectors (CVE-2011-3389)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite, is_cbc
from inspector_tls.observations import Part, Tls, TlsVersion

_VERSIONS = (TlsVersion.SSL_3, TlsVersion.TLS_1_0)


@check(
    "no-beast-exposure",
    title="CBC cipher suites are disabled in TLS 1.0 and SSL 3.0 (BEAST)",
    references=("CVE-2011-3389", "RFC 8996"),
    needs=(Part.SUITES,),
)
def no_beast_exposure(tls: Tls) -> Verdict:
    """Up to TLS 1.0 the initialisation vector of each record is predictable, so that a script of the attacker in the
    victim's browser can test guesses of a cookie (BEAST). Browsers work around it by record splitting; old clients and
    other programs may not.

    Remediation: disable TLS 1.0 and older versions.
    """
    cbc = accepted_suites(tls, is_cbc, _VERSIONS)
    if cbc:
        return failed("accepts {measured} in TLS 1.0 or SSL 3.0", measured=cbc)
    return passed("accepts no CBC cipher suite in TLS 1.0 or SSL 3.0", facts=every_suite(tls, _VERSIONS))
