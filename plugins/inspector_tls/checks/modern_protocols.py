"""Obsolete versions of TLS and SSL."""

from inspector import Verdict, check, failed, inconclusive, passed
from inspector_tls.observations import Tls, TlsVersion


@check(
    "tls-modern-protocols",
    title="TLS 1.0, TLS 1.1 and SSL are disabled",
    references=("RFC 8996", "RFC 9325 §3.1.1"),
    needs=(),
)
def modern_protocols(tls: Tls, *, oldest: TlsVersion = TlsVersion.TLS_1_2) -> Verdict:
    """TLS 1.0 and 1.1 authenticate the handshake with MD5 and SHA-1 and have no AEAD suites (RFC 8996); SSL 2.0 and 3.0
    are broken. An attacker on the path can downgrade a client to an old version that both sides support.

    Remediation: allow TLS 1.2 and 1.3 only; in OpenSSL ``MinProtocol = TLSv1.2``.
    """
    old = tls.versions.below(oldest)
    if old.accepted:
        return failed(
            "offers {measured}; the oldest version allowed is {threshold}", measured=old.accepted, threshold=oldest
        )
    if old.unseen:
        return inconclusive("could not determine whether {measured} is offered", measured=old.unseen, cause=old.cause)
    return passed("offers no version older than {threshold}", threshold=oldest, facts=old.refused)
