"""No CBC mode with initial values that can be foreseen (BEAST)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite, is_cbc
from inspector_tls.observations import Tls, TlsVersion

_VERSIONS = (TlsVersion.SSL_3, TlsVersion.TLS_1_0)


@check(
    "no-beast-exposure",
    title="No suite in CBC mode is accepted in TLS 1.0 and older",
    references=("CVE-2011-3389", "RFC 8996"),
)
def no_beast_exposure(tls: Tls) -> Verdict:
    """Up to TLS 1.0 each record begins with a value that can be foreseen, so that a stranger's page can test guesses of
    a cookie (BEAST). Browsers guard against it by themselves; old clients and programs may not.

    Remediation: accept TLS 1.2 and 1.3 only.
    """
    cbc = accepted_suites(tls, is_cbc, _VERSIONS)
    if cbc:
        return failed("in TLS 1.0 or older accepts {measured}", measured=cbc)
    return passed("accepts no suite in CBC mode in TLS 1.0 and older", facts=every_suite(tls, _VERSIONS))
