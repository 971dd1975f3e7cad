"""The certificate path to a declared root."""

from inspector import Cause, Verdict, check, inconclusive
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import where_clients_validate
from inspector_tls.criteria.trust import lead_to_root


@check(
    "certificate-chains-to-declared-root",
    title="Certificate chains to a declared root",
    references=("RFC 5280 §6.1",),
)
@where_clients_validate
def chains_to_declared_root(certificates: Certificates) -> Verdict:
    """National and enterprise CAs are in no browser's trust store: their services are validated against the declared
    root certificates. Without declared roots the check is inconclusive. Revocation is a separate check.

    Remediation: install a certificate issued by the declared CA together with its intermediate certificates, the server
    certificate first; or declare the root certificate that applies to this service.
    """
    if not certificates.declared_roots:
        return inconclusive("no root certificate is declared", cause=Cause.NOT_SELECTED)
    return lead_to_root(certificates, lambda chain: chain.declared_trust)
