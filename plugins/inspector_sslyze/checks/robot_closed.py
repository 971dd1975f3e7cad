"""ROBOT: padding oracles of RSA key exchange (CVE-2017-13099)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_sslyze.observations import Robot, TlsAttacks


@check("robot-closed", title="Not vulnerable to ROBOT", references=("CVE-2017-13099", "RFC 5246 §7.4.7.1"))
def robot_closed(attacks: TlsAttacks) -> Verdict:
    """A server that answers differently to wrong paddings is an oracle: with enough queries an attacker decrypts
    recorded sessions, or signs with the server's key.

    Remediation: disable suites with RSA key exchange, in OpenSSL ``!kRSA``, and update the TLS library or the
    appliance.
    """
    if attacks.version.value is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/version")
    match attacks.robot.value:
        case Robot.STRONG_ORACLE:
            return failed("answers differently to correct and wrong paddings", facts="/robot")
        case Robot.WEAK_ORACLE:
            return failed(
                "answers differently to some wrong paddings: an oracle that is slow to exploit", facts="/robot"
            )
        case Robot.NO_RSA:
            return passed("does not accept RSA key exchange", facts="/robot")
    return passed("answers alike to correct and wrong paddings", facts="/robot")
