"""STARTTLS command injection (CVE-2011-0411)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.starttls.observations import StartTlsInjection, TlsReadiness


@check(
    "starttls-not-injectable",
    title="STARTTLS is not vulnerable to command injection",
    references=("CVE-2011-0411", "RFC 3207 §4.2"),
)
def starttls_not_injectable(starttls: StartTlsInjection) -> Verdict:
    """A server that executes inside TLS a command received in clear text before it lets an attacker on the path insert
    commands before the client's own, for instance to steal its password or its mail.

    Remediation: update the server; it must discard its input buffer when TLS starts (RFC 3207 §4.2).
    """
    if starttls.readiness is TlsReadiness.NOT_OFFERED:
        return not_applicable("does not offer TLS", facts="/readiness")
    if starttls.carried_out.value:
        return failed("executes inside TLS a command that was sent in clear text", facts="/carried_out")
    return passed("discards commands sent in clear text before TLS", facts="/carried_out")
