"""Completeness of the certificate chain."""

from inspector import Answer, Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.certificates.observations import Certificates, Chain, Trust
from inspector_tls.criteria.client_policies import where_clients_validate


@check(
    "certificate-chain-complete",
    title="Certificate chain is complete",
    references=("RFC 8446 §4.4.2", "RFC 5246 §7.4.2"),
)
@where_clients_validate
def chain_complete(certificates: Certificates) -> Verdict:
    """A client without the intermediate certificates cannot build a path to a trusted root: browsers often fetch or
    cache them, other programs and mobile devices fail. A server may omit a root that its clients have, and nothing
    else: with declared roots, an issuer of the server certificate that is neither sent nor a declared or public root is
    missing. What counts is the key that made a signature, not the name of the issuer. Whether the root is trusted is a
    separate check.

    Remediation: send the intermediate certificates after the server certificate: configure the file with the full chain
    (``fullchain.pem``).
    """
    for chain in certificates.served:
        if _is_intermediate_missing(chain, declared=certificates.declared_roots > 0):
            return failed(
                "does not send the certificate of {measured} that signed {certificate}",
                certificate=chain.leaf.subject,
                measured=chain.leaf.issuer,
                facts=chain.leaf.sha256,
            )
    chains = certificates.complete()
    if not chains:
        return not_applicable("presents no certificate")
    for chain in chains:
        if not _is_whole(chain):
            _ = chain.signatures.value, *(answer.value for answer in _asked(chain))
            return inconclusive(
                "does not send the certificate of {measured}, which may be a root or an intermediate certificate",
                measured=chain.signed[-1].issuer,
                cause=Cause.AMBIGUOUS,
            )
    return passed("sends all intermediate certificates", facts=[chain.leaf.sha256 for chain in chains])


def _is_intermediate_missing(chain: Chain, *, declared: bool) -> bool:
    """Whether the issuer of the server's certificate is not sent and is no root: where the certificate claims a policy
    whose roots sign no server's certificate, or where the roots are known, because they are declared.
    """
    if not chain.signatures.is_seen or not all(each.is_seen for each in _asked(chain)) or _is_whole(chain):
        return False
    is_known = declared and chain.declared_trust.is_seen
    return chain.signed == (chain.leaf,) and (is_known or chain.leaf.claims_public_policy)


def _asked(chain: Chain) -> list[Answer[Trust]]:
    """The answers about trust, where roots were given."""
    return [each for each in (chain.public_trust, chain.declared_trust) if each.unseen is not Cause.NOT_SELECTED]


def _is_whole(chain: Chain) -> bool:
    trusts = [answer.seen for answer in _asked(chain) if answer.seen is not None]
    return any(trust.reaches_root for trust in trusts) or (chain.signatures.is_seen and chain.ends_in_root)
