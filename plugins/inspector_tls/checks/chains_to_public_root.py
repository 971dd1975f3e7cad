"""The certificate path to a root that browsers trust."""

from inspector import Answer, Cause, Outcome, PublicRoots, TableAt, Verdict, check, not_applicable
from inspector_tls.certificates.observations import Certificates, Chain, Flaw, Trust
from inspector_tls.criteria.client_policies import brings_own_roots, where_clients_validate
from inspector_tls.criteria.trust import lead_to_root

#: The flaws of a chain of a private CA.
_PRIVATE = frozenset({Flaw.SELF_SIGNED, Flaw.MISSING_ISSUER, Flaw.UNKNOWN_ROOT})
#: The flaws of a chain whose root browsers may have begun to trust since.
_NOT_IN_STORE = frozenset({Flaw.MISSING_ISSUER, Flaw.UNKNOWN_ROOT})


@check(
    "certificate-chains-to-public-root",
    title="Certificate chains to a publicly trusted root",
    references=("RFC 5280 §6.1",),
)
@where_clients_validate
def chains_to_public_root(certificates: Certificates, roots: TableAt[PublicRoots]) -> Verdict:
    """Browsers warn about a certificate that does not chain to a root they trust; users who get used to such warnings
    miss a real attack. Revocation is a separate check.

    Clients of a database, a directory, a remote desktop or an LMTP mail store are configured with the root to trust, so
    that a private CA is acceptable there; between mail servers any certificate is. Where the inspecting side declares
    the root of a national or enterprise CA, a certificate with a valid path to it is not judged by the browsers' roots.
    These are a table with a date: by one that is too old nothing passes, nor does an unknown root fail.

    Remediation: install a certificate of a public CA together with its intermediate certificates, the server
    certificate first.
    """
    verdict = lead_to_root(certificates, lambda chain: chain.public_trust)
    if verdict.outcome is not Outcome.FAIL:
        return verdict
    if brings_own_roots(certificates) and _is_private(certificates):
        return not_applicable("clients of this service are configured with the root to trust", facts=verdict.facts)
    if certificates.declared_roots:
        declared = lead_to_root(certificates, lambda chain: chain.declared_trust)
        if declared.outcome is Outcome.PASS and _is_private(certificates):
            return not_applicable("the certificate chains to a declared root", facts=declared.facts)
    return lead_to_root(certificates, _without_newer_roots) if roots.is_stale else verdict


def _without_newer_roots(chain: Chain) -> Answer[Trust]:
    """The trust that roots which the table cannot have yet would not change."""
    trust = chain.public_trust.seen
    may_be_newer = trust is not None and trust.flaw in _NOT_IN_STORE
    return Answer[Trust](unseen=Cause.STALE_TABLE) if may_be_newer else chain.public_trust


def _is_private(certificates: Certificates) -> bool:
    """Whether the only flaw is a private CA; raises ``NotSeen`` where that depends on a chain that was not seen."""
    seen = [chain.public_trust.seen for chain in certificates.served]
    if any(trust is not None and trust.flaw not in (None, *_PRIVATE) for trust in seen):
        return False
    chains = certificates.complete()
    return bool(chains) and all(chain.public_trust.value.flaw in (None, *_PRIVATE) for chain in chains)
