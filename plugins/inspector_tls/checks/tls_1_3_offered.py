"""The newest version is there."""

from inspector import Verdict, check, failed, passed
from inspector_tls.observations import Tls


@check("tls-1-3-offered", title="TLS 1.3 is offered", references=("RFC 9846", "RFC 9325 §3.1.1"))
def tls_1_3_offered(tls: Tls) -> Verdict:
    """TLS 1.3 leaves out what made older versions breakable, hides the certificate, and is the one that new
    key exchanges are made for.

    Remediation: use a TLS library that knows TLS 1.3 and switch it on; in nginx ``ssl_protocols TLSv1.2 TLSv1.3;``.
    """
    if tls.versions.tls_1_3.accepted.value:
        return passed("offers TLS 1.3", facts="/versions/tls_1_3/accepted")
    return failed("does not offer TLS 1.3; it offers {measured}", measured=tls.versions.all.accepted)
