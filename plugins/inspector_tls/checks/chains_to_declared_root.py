"""The chain to the roots that the inspecting side was given."""

from inspector import Cause, Verdict, check, inconclusive
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import where_clients_insist
from inspector_tls.criteria.trust import lead_to_root


@check(
    "certificate-chains-to-declared-root",
    title="Every certificate leads to a declared root",
    references=("RFC 5280 §6.1",),
)
@where_clients_insist
def chains_to_declared_root(certificates: Certificates) -> Verdict:
    """National and enterprise authorities are in no browser's store: their services are judged against the roots that
    the inspecting side was given. Without such roots the question was not asked. Revocation is not judged here.

    Remediation: install a certificate of the declared authority together with its intermediate certificates, the
    server's own first; or hand the inspecting side the root that holds for this service.
    """
    if not certificates.declared_roots:
        return inconclusive("no root is declared to compare with", cause=Cause.NOT_SELECTED)
    return lead_to_root(certificates, lambda chain: chain.declared_trust)
