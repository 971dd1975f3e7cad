"""TLS 1.3."""

from inspector import Verdict, check, failed, passed
from inspector_tls.observations import Tls


@check(
    "tls-1-3-offered",
    title="TLS 1.3 is offered",
    references=("RFC 9846", "RFC 9325 §3.1.1"),
    needs=(),
)
def tls_1_3_offered(tls: Tls) -> Verdict:
    """TLS 1.3 removes the constructions behind most attacks on older versions, encrypts the server certificate, and is
    the only version with post-quantum key exchange.

    Remediation: use a TLS library with TLS 1.3 (OpenSSL 1.1.1 or newer) and enable it.
    """
    if tls.versions.tls_1_3.accepted.value:
        return passed("offers TLS 1.3", facts="/versions/tls_1_3/accepted")
    return failed("does not offer TLS 1.3; offers {measured}", measured=tls.versions.all.accepted)
