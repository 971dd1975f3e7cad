from __future__ import annotations

from inspector import Cause, Verdict, check, failed, passed
from inspector_http.applicability import is_https
from inspector_http.observations import Http, WebProtocol


@check(
    "https-reachable",
    title="HTTPS is offered at the declared port",
    references=("RFC 9110 §4.2.2",),
    applies=is_https,
    needs=(),
)
def https_reachable(http: Http) -> Verdict:
    """Without HTTPS an attacker on the path reads and alters everything that visitor and server exchange.

    Remediation: give the web server a certificate and let it listen with TLS on the declared port.
    """
    match http.protocol.value:
        case WebProtocol.NONE:
            return failed("refuses connections", facts=("/protocol",)).explaining(Cause.REFUSED)
        case WebProtocol.HTTP:
            plain = failed("answers plain HTTP on a port declared for HTTPS", facts=("/protocol",))
            return plain.explaining(Cause.PROTOCOL_ERROR)
    return passed("answers over HTTPS", facts=("/protocol",))
