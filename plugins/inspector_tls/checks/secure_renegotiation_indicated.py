"""Secure renegotiation (RFC 5746)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Part, Tls


@check(
    "secure-renegotiation-indicated",
    title="Secure renegotiation (RFC 5746) is supported",
    references=("RFC 5746", "CVE-2009-3555"),
    needs=(Part.EXTENSIONS,),
)
def secure_renegotiation_indicated(tls: Tls) -> Verdict:
    """Without the renegotiation_info extension a client cannot tell whether a handshake is the first of its connection:
    an attacker on the path can insert a request before the client's own (CVE-2009-3555).

    Remediation: update the TLS library; every maintained library supports the extension.
    """
    known = tls.extensions.secure_renegotiation.value
    if known is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/extensions/secure_renegotiation")
    if not known:
        return failed("does not support secure renegotiation", facts="/extensions/secure_renegotiation")
    return passed("supports secure renegotiation", facts="/extensions/secure_renegotiation")
