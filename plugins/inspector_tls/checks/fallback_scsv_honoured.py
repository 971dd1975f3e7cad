"""Nobody can force a client down."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Tls, TlsVersion


@check(
    "fallback-scsv-honoured",
    title="A fallback to an older version that was forced from outside is refused",
    references=("RFC 7507", "RFC 8446 §4.1.3"),
)
def fallback_scsv_honoured(tls: Tls) -> Verdict:
    """Some clients try an older version when the connection breaks, which whoever sits on the path can bring about.
    They say so in their hello, and a server that speaks a newer version must then refuse. Where TLS 1.2 is the oldest
    version, TLS 1.3 itself protects from falling back.

    Remediation: update the TLS library, or accept no version older than TLS 1.2.
    """
    old = tls.versions.below(TlsVersion.TLS_1_2)
    if not any(version is not TlsVersion.SSL_2 for version in old.accepted):
        for version in TlsVersion:
            _ = tls[version].accepted.value
        return not_applicable("accepts no version between SSL 3.0 and TLS 1.1")
    refused = tls.extensions.fallback_refused.value
    if refused is None:
        return not_applicable("accepts only one version", facts="/extensions/fallback_refused")
    if not refused:
        return failed("accepts a fallback although it speaks a newer version", facts="/extensions/fallback_refused")
    return passed("refuses a fallback", facts="/extensions/fallback_refused")
