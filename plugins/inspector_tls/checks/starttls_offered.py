"""Services that begin in clear go over to TLS."""

from inspector import Verdict, check, failed, passed
from inspector_tls.starttls.observations import Readiness, StartTls


@check(
    "starttls-offered",
    title="A service that begins in clear goes over to TLS when asked",
    references=("RFC 3207", "RFC 8314", "RFC 9051 §6.2.1"),
)
def starttls_offered(starttls: StartTls) -> Verdict:
    """Without TLS, whoever sits on the path reads and changes what is said, passwords included. That TLS is offered
    does not say that clients insist on it.

    Remediation: give the service a certificate and switch STARTTLS on, and require it before a password is accepted; or
    use the port that begins with TLS (RFC 8314).
    """
    if starttls.readiness is Readiness.OFFERED:
        return passed("goes over to TLS when asked", facts="/readiness")
    if starttls.readiness is Readiness.REFUSED:
        return failed("offers TLS and then refuses it: {measured}", measured=starttls.reply)
    return failed("does not offer TLS: {measured}", measured=starttls.reply)
