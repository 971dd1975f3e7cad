"""No RC4."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite
from inspector_tls.observations import Tls


@check("no-rc4", title="No suite with RC4 is accepted", references=("RFC 7465", "CVE-2013-2566", "CVE-2015-2808"))
def no_rc4(tls: Tls) -> Verdict:
    """The key stream of RC4 is not even: what is sent often enough, a cookie for instance, can be computed from the
    encrypted traffic.

    Remediation: take RC4 out of the list of suites; in OpenSSL's notation add ``!RC4``.
    """
    weak = accepted_suites(tls, lambda suite: suite.cipher == "RC4")
    if weak:
        return failed("accepts {measured}", measured=weak)
    return passed("accepts no suite with RC4", facts=every_suite(tls))
