"""No requests before the handshake is done."""

from inspector import Verdict, check, failed, passed
from inspector_tls.vulnerabilities.observations import TlsSessions


@check("early-data-off", title="Early data of TLS 1.3 is not taken", references=("RFC 8446 §8", "RFC 8470"))
def early_data_off(sessions: TlsSessions) -> Verdict:
    """Early data can be sent again by whoever recorded it: what it asks for is then done twice. Whether the application
    guards against that cannot be seen from outside.

    Remediation: leave early data off, in nginx ``ssl_early_data off;``, unless the application answers what must not be
    done twice with status 425 (Too Early).
    """
    if sessions.early_data.value:
        return failed("takes early data, which can be replayed", facts="/early_data")
    return passed("takes no early data", facts="/early_data")
