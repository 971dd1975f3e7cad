from __future__ import annotations

from inspector import Verdict, check
from inspector_services.udp_exposure import none_answered
from inspector_services.udp_observations import UdpExposure


@check(
    "ntp-control-not-answered",
    title="NTP answers no control and monitoring questions",
    references=("RFC 8633 §4.2", "CVE-2013-5211"),
)
def ntp_control_not_answered(exposure: UdpExposure) -> Verdict:
    """The modes 6 and 7 of NTP are for operators: they show the server's state and clients, and amplify attacks.

    Remediation: add ``noquery`` to the default restrictions (``restrict default kod nomodify nopeer noquery limited``)
    and ``disable monitor`` on an old ntpd.
    """
    answers = exposure.answers("ntp_control", "ntp_monitor")
    return none_answered(answers, ("/ntp_control", "/ntp_monitor", "/elsewhere"))
