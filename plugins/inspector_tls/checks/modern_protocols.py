"""No version below the oldest allowed."""

from inspector import Verdict, check, failed, inconclusive, passed
from inspector_tls.observations import Tls, TlsVersion


@check(
    "tls-modern-protocols",
    title="No TLS version older than allowed is offered",
    references=("RFC 8996", "RFC 9325 §3.1.1"),
)
def modern_protocols(tls: Tls, *, oldest: TlsVersion = TlsVersion.TLS_1_2) -> Verdict:
    """TLS 1.0 and 1.1 rest on broken primitives; whoever sits on the path can force a client down to them.

    Remediation: allow TLS 1.2 and 1.3 only; in nginx ``ssl_protocols TLSv1.2 TLSv1.3;``.
    """
    old = tls.versions.below(oldest)
    if old.accepted:
        return failed(
            "still offers {measured}; {threshold} is the oldest allowed", measured=old.accepted, threshold=oldest
        )
    if old.unseen:
        return inconclusive("no answer about {measured}", measured=old.unseen, cause=old.cause)
    return passed("offers nothing older than {threshold}", threshold=oldest, facts=old.refused)
