"""No suite that was weakened for export."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite
from inspector_tls.observations import Tls


@check(
    "no-export-suites",
    title="No suite made for export is accepted",
    references=("CVE-2015-0204", "CVE-2015-4000", "RFC 9325 §4.1"),
)
def no_export_suites(tls: Tls) -> Verdict:
    """Suites made for the export rules of the 1990s have keys that are broken in hours: whoever sits on the path forces
    client and server down to them (FREAK, Logjam) and reads and changes what passes.

    Remediation: take them out of the list of suites; in OpenSSL's notation add ``!EXPORT``; update the TLS library.
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
    return passed("accepts no suite made for export", facts=every_suite(tls))
