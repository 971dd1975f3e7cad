"""Handshakes are signed over digests that nobody forges."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Tls, TlsVersion

_FORGEABLE = frozenset({"MD5", "SHA1"})


@check(
    "signature-schemes-strong",
    title="No handshake of TLS 1.2 is signed over MD5 or SHA-1",
    references=("RFC 9155", "CVE-2015-7575"),
)
def signature_schemes_strong(tls: Tls) -> Verdict:
    """Who can find two messages with one digest can pass off a signature on one as a signature on the other (SLOTH).
    For MD5 that takes seconds, for SHA-1 the means of an organisation.

    Remediation: allow only schemes over SHA-256 or better, in OpenSSL by ``SignatureAlgorithms`` or ``@SECLEVEL=2``;
    update the TLS library.
    """
    weak = [scheme.name for scheme in tls.accepted_signatures if scheme.digest in _FORGEABLE]
    if weak:
        return failed("signs with {measured}", measured=weak)
    spoken = tls[TlsVersion.TLS_1_2].accepted.value
    _ = tls.signatures.complete.value
    if not spoken or not tls.signatures.accepted:
        return not_applicable("signs no handshake of TLS 1.2")
    return passed("signs with {measured}", measured=tls.signatures.accepted)
