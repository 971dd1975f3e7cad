from __future__ import annotations

from inspector import Verdict, check
from inspector_services.udp_exposure import none_answered
from inspector_services.udp_observations import UdpExposure


@check(
    "no-snmp-public-community",
    title="SNMP cannot be read with the community public",
    references=("NIST SP 800-53 IA-5(5)", "CIS Controls v8 4.7"),
)
def no_snmp_public_community(exposure: UdpExposure) -> Verdict:
    """The community ``public`` is the password that everybody tries first; it opens configuration, addresses and
    processes to be read.

    Remediation: remove the community (snmpd: delete ``rocommunity public``), use SNMPv3 with authentication and
    privacy, and let the firewall accept UDP 161 from the monitoring station only.
    """
    answers = exposure.answers("snmp_v1", "snmp_v2c")
    return none_answered(answers, ("/snmp_v1", "/snmp_v2c", "/elsewhere"))
