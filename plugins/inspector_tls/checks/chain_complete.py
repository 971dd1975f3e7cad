"""The intermediates come along."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.certificates.observations import Certificates, Chain, Flaw, Trust
from inspector_tls.criteria.client_policies import where_clients_insist


@check(
    "certificate-chain-complete",
    title="Every certificate comes with its intermediate certificates",
    references=("RFC 8446 §4.4.2", "RFC 5246 §7.4.2"),
)
@where_clients_insist
def chain_complete(certificates: Certificates) -> Verdict:
    """A client that was never given the intermediate certificate cannot find the way to a root that it trusts; browsers
    often hide this, programs and phones fail. Whether the root is trusted is another question.

    Remediation: send the intermediate certificates along, the server's own first; in nginx ``ssl_certificate`` takes
    the full chain.
    """
    for chain in certificates.served:
        missing = [trust for trust in _trusts(chain) if trust.flaw is Flaw.MISSING_INTERMEDIATE]
        if missing and not _is_whole(chain):
            return failed(
                "the server does not send the intermediate certificate {measured}",
                measured=missing[0].at,
                facts=chain.leaf.sha256,
            )
    chains = certificates.complete()
    if not chains:
        return not_applicable("the server presents no certificate")
    for chain in chains:
        if not _is_whole(chain):
            return inconclusive(
                "the certificate of {measured} is not sent and not known: it may be a root or an intermediate",
                measured=chain.signed[-1].issuer,
                cause=Cause.AMBIGUOUS,
            )
    return passed("the intermediate certificates come along", facts=[chain.leaf.sha256 for chain in chains])


def _trusts(chain: Chain) -> list[Trust]:
    return [answer.seen for answer in (chain.public_trust, chain.declared_trust) if answer.seen is not None]


def _is_whole(chain: Chain) -> bool:
    return chain.ends_in_root or any(trust.reaches for trust in _trusts(chain))
