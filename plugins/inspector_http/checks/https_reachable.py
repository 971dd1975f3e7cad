from __future__ import annotations

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_http.observations import Http, Speech


@check("https-reachable", title="The web endpoint answers over HTTPS", references=("RFC 9110 §4.2.2",))
def https_reachable(http: Http) -> Verdict:
    """Without HTTPS whoever sits on the path reads and alters what a visitor and the server tell each other.

    Remediation: give the web server a certificate and let it listen with TLS on the declared port.
    """
    if http.scheme != "https":
        return not_applicable("this endpoint is declared without HTTPS")
    match http.speaks.value:
        case Speech.NOTHING:
            return failed("refuses connections", facts=("/speaks",))
        case Speech.HTTP:
            return failed("answers in clear on a port declared for HTTPS", facts=("/speaks",))
    return passed("answers over HTTPS", facts=("/speaks",))
