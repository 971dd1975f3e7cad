"""Nothing said in clear survives into TLS."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.starttls.observations import Readiness, StartTlsInjection


@check(
    "starttls-not-injectable",
    title="Commands sent in clear are forgotten when TLS begins",
    references=("CVE-2011-0411", "RFC 3207 §4.2"),
)
def starttls_not_injectable(starttls: StartTlsInjection) -> Verdict:
    """A server that carries out inside TLS what arrived in clear before it lets a stranger on the path put commands in
    front of the client's own, for instance to take its password or its mail.

    Remediation: update the server; it must discard what it has read before when it goes over to TLS.
    """
    if starttls.readiness is Readiness.NOT_OFFERED:
        return not_applicable("does not offer TLS, so that nothing can survive into it", facts="/readiness")
    if starttls.carried_out.value:
        return failed("carries out inside TLS a command that was sent in clear", facts="/carried_out")
    return passed("forgets what was sent in clear before TLS", facts="/carried_out")
