"""Client-initiated renegotiation (CVE-2011-1473)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_sslyze.observations import TlsAttacks


@check(
    "client-renegotiation-refused",
    title="Client-initiated renegotiation is refused",
    references=("CVE-2011-1473", "RFC 9325 §3.5"),
)
def client_renegotiation_refused(attacks: TlsAttacks, *, most: int = 0) -> Verdict:
    """Each renegotiation costs the server far more than the client: one connection that requests it over and over can
    keep a processor busy.

    Remediation: update the server, or disable client-initiated renegotiation; OpenSSL 3 refuses it by default.
    """
    if attacks.version.value is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/version")
    done = attacks.renegotiations.value
    if done > most:
        return failed(
            "carries out {measured} renegotiations in a row; {threshold} are allowed", measured=done, threshold=most
        )
    return passed("carries out {measured} renegotiations; {threshold} are allowed", measured=done, threshold=most)
