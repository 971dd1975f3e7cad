"""The stream cipher RC4 (RFC 7465)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite
from inspector_tls.observations import Part, Tls


@check(
    "no-rc4",
    title="RC4 is disabled",
    references=("RFC 7465", "CVE-2013-2566", "CVE-2015-2808"),
    needs=(Part.SUITES,),
)
def no_rc4(tls: Tls) -> Verdict:
    """The RC4 key stream is biased: plaintext that is sent often enough, such as a cookie, can be recovered from the
    encrypted traffic.

    Remediation: disable RC4: in an OpenSSL cipher list add ``!RC4``.
    """
    weak = accepted_suites(tls, lambda suite: suite.cipher == "RC4")
    if weak:
        return failed("accepts {measured}", measured=weak)
    return passed("accepts no RC4 cipher suite", facts=every_suite(tls))
