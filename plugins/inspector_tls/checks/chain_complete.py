"""Completeness of the certificate chain."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.certificates.observations import Certificates, Chain, Flaw, Trust
from inspector_tls.criteria.client_policies import where_clients_validate


@check(
    "certificate-chain-complete",
    title="Certificate chain is complete",
    references=("RFC 8446 §4.4.2", "RFC 5246 §7.4.2"),
)
@where_clients_validate
def chain_complete(certificates: Certificates) -> Verdict:
    """A client without the intermediate certificates cannot build a path to a trusted root: browsers often fetch or
    cache them, other programs and mobile devices fail. Whether the root is trusted is a separate check.

    Remediation: send the intermediate certificates after the server certificate: in nginx point ``ssl_certificate`` to
    the full chain (``fullchain.pem``), in Postfix ``smtpd_tls_chain_files``.
    """
    for chain in certificates.served:
        missing = [trust for trust in _trusts(chain) if trust.flaw is Flaw.MISSING_INTERMEDIATE]
        if missing and not _is_whole(chain):
            return failed(
                "does not send the intermediate certificate {measured}",
                measured=missing[0].at,
                facts=chain.leaf.sha256,
            )
    chains = certificates.complete()
    if not chains:
        return not_applicable("presents no certificate")
    for chain in chains:
        if not _is_whole(chain):
            return inconclusive(
                "does not send the certificate of {measured}, which may be a root or an intermediate certificate",
                measured=chain.signed[-1].issuer,
                cause=Cause.AMBIGUOUS,
            )
    return passed("sends all intermediate certificates", facts=[chain.leaf.sha256 for chain in chains])


def _trusts(chain: Chain) -> list[Trust]:
    return [answer.seen for answer in (chain.public_trust, chain.declared_trust) if answer.seen is not None]


def _is_whole(chain: Chain) -> bool:
    return chain.ends_in_root or any(trust.reaches_root for trust in _trusts(chain))
