"""Downgrade protection by TLS_FALLBACK_SCSV (RFC 7507)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Part, Tls, TlsVersion


@check(
    "fallback-scsv-honoured",
    title="Downgrade protection (TLS_FALLBACK_SCSV) is supported",
    references=("RFC 7507", "RFC 8446 §4.1.3"),
    needs=(Part.FALLBACK,),
)
def fallback_scsv_honoured(tls: Tls) -> Verdict:
    """Some clients retry with an older version when a connection fails, and an attacker on the path can make
    connections fail. Such a client adds TLS_FALLBACK_SCSV to its ClientHello, and a server that supports a newer
    version must reject the handshake. Where TLS 1.2 is the oldest version, TLS 1.3 itself detects the downgrade.

    Remediation: update the TLS library, or disable versions older than TLS 1.2.
    """
    old = tls.versions.below(TlsVersion.TLS_1_2)
    if not any(version is not TlsVersion.SSL_2 for version in old.accepted):
        for version in TlsVersion:
            _ = tls[version].accepted.value
        return not_applicable("accepts no version from SSL 3.0 to TLS 1.1")
    refused = tls.extensions.fallback_refused.value
    if refused is None:
        return not_applicable("accepts only one version", facts="/extensions/fallback_refused")
    if not refused:
        return failed(
            "accepts a downgraded handshake although it supports a newer version", facts="/extensions/fallback_refused"
        )
    return passed("rejects a downgraded handshake", facts="/extensions/fallback_refused")
