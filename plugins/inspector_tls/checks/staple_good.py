"""What is stapled is sound and says that the certificate is good."""

from inspector import Verdict, check, not_applicable, passed
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import where_clients_insist
from inspector_tls.criteria.stapling import refusal


@check(
    "certificate-staple-good",
    title="Every stapled OCSP response is sound and says that the certificate is good",
    references=("RFC 6066 §8", "RFC 6960 §3.2"),
)
@where_clients_insist
def staple_good(certificates: Certificates) -> Verdict:
    """A stapled response tells the client that the issuer has not revoked the certificate; one that says revoked, or is
    expired, makes clients refuse the connection. Judged are responder, signature, dates and which certificate it is
    about. A server that staples nothing is not judged here.

    Remediation: replace a revoked certificate at once; else let the server fetch a fresh response, and set its clock.
    """
    for chain in certificates.served:
        staple = chain.staple.seen
        verdict = None if staple is None else refusal(chain, staple)
        if verdict is not None:
            return verdict
    stapled = [chain.leaf.sha256 for chain in certificates.complete() if chain.staple.value is not None]
    if not stapled:
        return not_applicable("no response is stapled")
    return passed("every stapled response says good", facts=stapled)
