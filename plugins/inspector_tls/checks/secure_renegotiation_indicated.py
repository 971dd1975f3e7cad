"""Nobody can put words in front of a client's."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Tls


@check(
    "secure-renegotiation-indicated",
    title="The server knows secure renegotiation",
    references=("RFC 5746", "CVE-2009-3555"),
)
def secure_renegotiation_indicated(tls: Tls) -> Verdict:
    """Without the extension of RFC 5746 a client cannot tell whether its handshake is the first of the connection:
    where such a server renegotiates, a stranger's request can be put in front of the client's own.

    Remediation: update the TLS library; every maintained one knows the extension.
    """
    known = tls.extensions.secure_renegotiation.value
    if known is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/extensions/secure_renegotiation")
    if not known:
        return failed("does not answer with the extension", facts="/extensions/secure_renegotiation")
    return passed("answers with the extension", facts="/extensions/secure_renegotiation")
