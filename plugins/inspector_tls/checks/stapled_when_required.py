"""OCSP stapling where the certificate requires it (RFC 7633)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import where_clients_validate
from inspector_tls.criteria.stapling import refusal


@check(
    "certificate-stapled-when-required",
    title="OCSP staple is sent where the certificate requires it (must-staple)",
    references=("RFC 7633", "RFC 6066 §8", "RFC 6960"),
)
@where_clients_validate
def stapled_when_required(certificates: Certificates) -> Verdict:
    """A must-staple certificate (RFC 7633) requires a stapled OCSP response in every handshake; clients that honour
    this refuse the connection where the response is missing, expired or about another certificate.

    Remediation: enable OCSP stapling, or have the certificate reissued without must-staple.
    """
    for chain in certificates.served:
        if chain.leaf.is_malformed("TLSFeature"):
            return failed("the TLS feature extension of {certificate} is malformed", certificate=chain.leaf.subject)
        if not chain.leaf.must_staple or not chain.staple.is_seen:
            continue
        staple = chain.staple.seen
        if staple is None:
            return failed("{certificate} requires an OCSP staple; none is sent", certificate=chain.leaf.subject)
        verdict = refusal(chain, staple)
        if verdict is not None:
            return verdict
    demanding = [chain for chain in certificates.complete() if chain.leaf.must_staple]
    if not demanding:
        return not_applicable("no certificate requires an OCSP staple")
    for chain in demanding:
        _ = chain.staple.value
    return passed("sends a valid OCSP staple", facts=[chain.leaf.sha256 for chain in demanding])
