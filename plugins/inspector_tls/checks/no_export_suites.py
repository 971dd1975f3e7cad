"""FREAK and Logjam: export cipher suites (CVE-2015-0204, CVE-2015-4000)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite
from inspector_tls.observations import Part, Tls


@check(
    "no-export-suites",
    title="Export cipher suites are disabled (FREAK, Logjam)",
    references=("CVE-2015-0204", "CVE-2015-4000", "RFC 9325 §4.1"),
    needs=(Part.SUITES,),
)
def no_export_suites(tls: Tls) -> Verdict:
    """The export cipher suites of the 1990s have keys that can be broken in hours: an attacker on the path downgrades
    client and server to them (FREAK, Logjam), then reads and changes the traffic.

    Remediation: disable export suites, in an OpenSSL cipher list by ``!EXPORT``, and update the TLS library.
    """
    short = accepted_suites(tls, lambda suite: suite.export)
    if short and tls.short_rsa_bits:
        return failed(
            "accepts {measured}, with RSA keys of {bits} bits",
            measured=short,
            bits=[str(each) for each in tls.short_rsa_bits],
        )
    if short:
        return failed("accepts {measured}", measured=short)
    return passed("accepts no export cipher suite", facts=every_suite(tls))
