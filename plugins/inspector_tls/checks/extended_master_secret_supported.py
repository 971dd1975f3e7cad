"""Extended Master Secret (RFC 7627)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Part, Tls


@check(
    "extended-master-secret-supported",
    title="Extended Master Secret (RFC 7627) is supported",
    references=("RFC 7627", "RFC 9325 §3.5"),
    needs=(Part.EXTENSIONS,),
)
def extended_master_secret_supported(tls: Tls) -> Verdict:
    """Without the extended master secret an attacker between client and server can make two connections share their
    keys and relay the client's authentication to another server (triple handshake attack).

    Remediation: update the TLS library; OpenSSL supports the extension since 1.1.0.
    """
    known = tls.extensions.extended_master_secret.value
    if known is None:
        return not_applicable("accepts no version up to TLS 1.2", facts="/extensions/extended_master_secret")
    if not known:
        return failed("does not support Extended Master Secret", facts="/extensions/extended_master_secret")
    return passed("supports Extended Master Secret", facts="/extensions/extended_master_secret")
