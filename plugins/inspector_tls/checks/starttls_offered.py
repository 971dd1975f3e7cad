"""STARTTLS, and the TLS request of other protocols."""

from inspector import Cause, Verdict, check, failed, passed
from inspector_tls.starttls.observations import StartTls, TlsReadiness


@check(
    "starttls-offered",
    title="STARTTLS is offered",
    references=("RFC 3207", "RFC 8314", "RFC 9051 §6.2.1"),
)
def starttls_offered(starttls: StartTls) -> Verdict:
    """Without TLS an attacker on the path reads and changes the traffic, passwords included. That TLS is offered does
    not mean that clients require it.

    Remediation: install a certificate, enable STARTTLS and require it before authentication, or use the port of
    implicit TLS (RFC 8314).
    """
    if starttls.readiness is TlsReadiness.OFFERED:
        return passed("starts TLS on request", facts="/readiness")
    if starttls.readiness is TlsReadiness.REFUSED:
        refused = failed("offers TLS but refuses to start it: {measured}", measured=starttls.reply)
        return refused.explaining(Cause.PROTOCOL_ERROR)
    return failed("does not offer TLS: {measured}", measured=starttls.reply).explaining(Cause.PROTOCOL_ERROR)
