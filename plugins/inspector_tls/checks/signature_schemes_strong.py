"""Signatures of TLS 1.2 handshakes (RFC 9155)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Tls, TlsVersion

_FORGEABLE = frozenset({"MD5", "SHA1"})


@check(
    "signature-schemes-strong",
    title="TLS 1.2 handshakes are not signed with MD5 or SHA-1",
    references=("RFC 9155", "CVE-2015-7575"),
)
def signature_schemes_strong(tls: Tls) -> Verdict:
    """An attacker who finds two messages with the same digest can use a signature over one as a signature over the
    other (SLOTH). For MD5 that takes seconds; for SHA-1 it is within the means of an organisation.

    Remediation: allow only schemes with SHA-256 or better, in OpenSSL by ``SignatureAlgorithms`` or ``@SECLEVEL=2``;
    update the TLS library.
    """
    weak = [scheme.name for scheme in tls.accepted_signatures if scheme.digest in _FORGEABLE]
    if weak:
        return failed("signs with {measured}", measured=weak)
    is_accepted = tls[TlsVersion.TLS_1_2].accepted.value
    _ = tls.signatures.complete.value
    if not is_accepted or not tls.signatures.accepted:
        return not_applicable("signs no TLS 1.2 handshake")
    return passed("signs with {measured}", measured=tls.signatures.accepted)
