"""CCS injection (CVE-2014-0224)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_sslyze.observations import TlsAttacks


@check("ccs-injection-closed", title="Not vulnerable to CCS injection", references=("CVE-2014-0224",))
def ccs_injection_closed(attacks: TlsAttacks) -> Verdict:
    """A server that accepts a ChangeCipherSpec before keys are agreed lets an attacker on the path choose known keys,
    and so read and change the traffic.

    Remediation: update OpenSSL and restart what uses it.
    """
    if attacks.version.value is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/version")
    if attacks.ccs_injection.value:
        return failed("accepts a premature ChangeCipherSpec", facts="/ccs_injection")
    return passed("rejects a premature ChangeCipherSpec", facts="/ccs_injection")
