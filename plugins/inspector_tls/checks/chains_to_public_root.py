"""The chain to the browsers' roots."""

from inspector import Verdict, check
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.trusting import lead_to_root


@check(
    "certificate-chains-to-public-root",
    title="Every certificate leads to a root that browsers trust",
    references=("RFC 5280 §6.1",),
)
def chains_to_public_root(certificates: Certificates) -> Verdict:
    """A browser warns its user away from a certificate that it cannot follow to a root it knows; who gets used to such
    warnings no longer notices the real attack. Revocation is not judged here.

    Remediation: install a certificate of a public authority together with its intermediate certificates, the server's
    own first; in nginx ``ssl_certificate`` takes the full chain.
    """
    return lead_to_root(certificates, lambda chain: chain.public_trust)
