"""Clients cannot make the server renegotiate."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.vulnerabilities.observations import TlsAttacks


@check(
    "client-renegotiation-refused",
    title="Renegotiation that a client begins is refused",
    references=("CVE-2011-1473", "RFC 9325 §3.5"),
)
def client_renegotiation_refused(attacks: TlsAttacks, *, most: int = 0) -> Verdict:
    """Each renegotiation costs the server far more than the client: one connection that begins them on and on can keep
    a processor busy.

    Remediation: update the server, or switch it off; OpenSSL 3 refuses it by itself.
    """
    if attacks.version.value is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/version")
    done = attacks.renegotiations.value
    if done > most:
        return failed("carries out {measured} in a row; {threshold} are allowed", measured=done, threshold=most)
    return passed("carries out {measured}; {threshold} are allowed", measured=done, threshold=most)
