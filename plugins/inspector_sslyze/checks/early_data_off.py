"""Early data (0-RTT) of TLS 1.3."""

from inspector import Verdict, check, failed, passed
from inspector_sslyze.observations import TlsSessions


@check("early-data-off", title="Early data (0-RTT) of TLS 1.3 is disabled", references=("RFC 8446 §8", "RFC 8470"))
def early_data_off(sessions: TlsSessions) -> Verdict:
    """An attacker who recorded early data can replay it: the request in it is then carried out twice. Whether the
    application prevents that cannot be seen from outside.

    Remediation: keep early data disabled, unless the application answers requests that must not be repeated with status
    425 (Too Early).
    """
    if sessions.early_data.value:
        return failed("accepts early data, which can be replayed", facts="/early_data")
    return passed("does not accept early data", facts="/early_data")
