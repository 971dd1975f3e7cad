"""OCSP stapling: the validity of stapled responses."""

from inspector import Verdict, check, not_applicable, passed
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import where_clients_validate
from inspector_tls.criteria.stapling import refusal


@check(
    "certificate-staple-good",
    title="OCSP staple is valid",
    references=("RFC 6066 §8", "RFC 6960 §3.2"),
)
@where_clients_validate
def staple_good(certificates: Certificates) -> Verdict:
    """A stapled OCSP response proves to the client that the issuer has not revoked the certificate; an expired staple,
    or one with the status ``revoked``, makes clients refuse the connection. The check covers responder, signature,
    validity and certificate of the staple; it does not apply where none is sent.

    Remediation: replace a revoked certificate at once; otherwise let the server fetch a fresh response and synchronise
    its clock.
    """
    for chain in certificates.served:
        staple = chain.staple.seen
        verdict = None if staple is None else refusal(chain, staple)
        if verdict is not None:
            return verdict
    stapled = [chain.leaf.sha256 for chain in certificates.complete() if chain.staple.value is not None]
    if not stapled:
        return not_applicable("sends no OCSP staple")
    return passed("every OCSP staple has the status good", facts=stapled)
