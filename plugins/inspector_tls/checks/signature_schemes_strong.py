"""Signatures of TLS 1.2 handshakes (RFC 9155)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.observations import Part, Tls, TlsVersion
from inspector_tls.wire.code_points import signature_named


@check(
    "signature-schemes-strong",
    title="TLS 1.2 handshakes are not signed with MD5 or SHA-1",
    references=("RFC 9155", "CVE-2015-7575"),
    needs=(Part.SUITES, Part.WEAK_SIGNATURES),
)
def signature_schemes_strong(tls: Tls) -> Verdict:
    """An attacker who finds two messages with the same digest can use a signature over one as a signature over the
    other (SLOTH). For MD5 that takes seconds; for SHA-1 it is within the means of an organisation.

    Remediation: allow only schemes with SHA-256 or better, in OpenSSL by ``SignatureAlgorithms`` or ``@SECLEVEL=2``;
    update the TLS library.
    """
    weak = [scheme.name for scheme in tls.accepted_signatures if scheme.is_forgeable]
    if weak:
        return failed("signs handshakes with {measured}", measured=weak)
    if not tls[TlsVersion.TLS_1_2].accepted.value:
        return not_applicable("signs no TLS 1.2 handshake")
    if not tls.signatures.open or any(signature_named(name).is_forgeable for name in tls.signatures.open):
        _ = tls.signatures.complete.value
    if not tls.signatures.accepted:
        every_suite(tls, [TlsVersion.TLS_1_2])
        return not_applicable("signs no TLS 1.2 handshake")
    return passed("signs neither with MD5 nor with SHA-1; seen are {measured}", measured=tls.signatures.accepted)
