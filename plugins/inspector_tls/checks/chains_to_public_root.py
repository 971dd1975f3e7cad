"""The chain to the browsers' roots."""

from inspector import Outcome, Verdict, check, not_applicable
from inspector_tls.certificates.observations import Certificates, Flaw
from inspector_tls.criteria.client_policies import brings_own_roots, where_clients_insist
from inspector_tls.criteria.trust import lead_to_root

#: How a chain of an authority that is not public looks.
_PRIVATE = frozenset({Flaw.SELF_SIGNED, Flaw.MISSING_ISSUER, Flaw.UNKNOWN_ROOT})


@check(
    "certificate-chains-to-public-root",
    title="Every certificate leads to a root that browsers trust",
    references=("RFC 5280 §6.1",),
)
@where_clients_insist
def chains_to_public_root(certificates: Certificates) -> Verdict:
    """A browser warns its user away from a certificate that it cannot follow to a root it knows; who gets used to such
    warnings no longer notices the real attack. Revocation is not judged here.

    Clients of a database, a directory, a remote desktop or a mail store behind a mail server are told which root to
    trust, so that an authority of one's own is as good there; between mail servers any certificate will do.

    Remediation: install a certificate of a public authority together with its intermediate certificates, the server's
    own first; in nginx ``ssl_certificate`` takes the full chain.
    """
    verdict = lead_to_root(certificates, lambda chain: chain.public_trust)
    if verdict.outcome is Outcome.FAIL and brings_own_roots(certificates) and _is_private(certificates):
        return not_applicable("clients of this service are told which root to trust", facts=verdict.facts)
    return verdict


def _is_private(certificates: Certificates) -> bool:
    """Whether nothing is wrong but the authority; raises ``NotSeen`` where that rests on a chain nobody saw."""
    seen = [chain.public_trust.seen for chain in certificates.served]
    if any(trust is not None and trust.flaw not in (None, *_PRIVATE) for trust in seen):
        return False
    chains = certificates.complete()
    return bool(chains) and all(chain.public_trust.value.flaw in (None, *_PRIVATE) for chain in chains)
