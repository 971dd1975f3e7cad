"""No oracle for RSA."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.vulnerabilities.observations import Robot, TlsAttacks


@check("robot-closed", title="The server is closed to ROBOT", references=("CVE-2017-13099", "RFC 5246 §7.4.7.1"))
def robot_closed(attacks: TlsAttacks) -> Verdict:
    """A server that answers wrong paddings differently is an oracle: with enough questions a stranger decrypts recorded
    sessions, or signs with the server's key.

    Remediation: switch off suites with RSA key exchange, in OpenSSL ``!kRSA``, and update the TLS library or the
    appliance.
    """
    if attacks.version.value is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/version")
    match attacks.robot.value:
        case Robot.STRONG_ORACLE:
            return failed("tells right paddings from wrong ones", facts="/robot")
        case Robot.WEAK_ORACLE:
            return failed("tells some right paddings from wrong ones: an oracle that is slow to use", facts="/robot")
        case Robot.NO_RSA:
            return passed("takes no RSA key exchange", facts="/robot")
    return passed("answers right and wrong paddings alike", facts="/robot")
