"""No CBC mode in SSL 3.0 (POODLE)."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, every_suite, is_cbc
from inspector_tls.observations import Tls, TlsVersion


@check(
    "no-poodle",
    title="No suite in CBC mode is accepted in SSL 3.0",
    references=("CVE-2014-3566", "RFC 7568"),
)
def no_poodle(tls: Tls) -> Verdict:
    """SSL 3.0 does not authenticate its padding: whoever sits on the path forces a client down to it and computes
    cookies byte by byte (POODLE).

    Remediation: switch SSL 3.0 off.
    """
    cbc = accepted_suites(tls, is_cbc, [TlsVersion.SSL_3])
    if cbc:
        return failed("in SSL 3.0 accepts {measured}", measured=cbc)
    found = every_suite(tls, [TlsVersion.SSL_3])
    if not found:
        return passed("refuses SSL 3.0", facts="/versions/ssl_3")
    return passed("in SSL 3.0 accepts no suite in CBC mode", facts=found)
