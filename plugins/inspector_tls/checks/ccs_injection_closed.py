"""No keys are switched on early."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.vulnerabilities.observations import TlsAttacks


@check("ccs-injection-closed", title="The server is closed to CCS injection", references=("CVE-2014-0224",))
def ccs_injection_closed(attacks: TlsAttacks) -> Verdict:
    """A server that takes a ChangeCipherSpec before keys are agreed lets a stranger on the path choose keys that he
    knows, and so read and change what passes.

    Remediation: update OpenSSL and restart what uses it.
    """
    if attacks.version.value is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/version")
    if attacks.ccs_injection.value:
        return failed("takes a ChangeCipherSpec that comes early", facts="/ccs_injection")
    return passed("rejects a ChangeCipherSpec that comes early", facts="/ccs_injection")
