"""Certificates stand in public logs, as far as the timestamps say."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificates, Chain, Sct
from inspector_tls.criteria.client_policies import where_clients_insist

#: Logs that browsers want to see (Chrome's and Apple's policies): beside the certificate; within one that lives at most
#: half a year; within one that lives longer.
_DELIVERED, _SHORT, _LONG = 2, 2, 3
_SHORT_DAYS = 180


@check(
    "certificate-transparency-logged",
    title="Publicly trusted certificates carry timestamps of enough transparency logs",
    references=("RFC 6962 §3.3", "Chrome Certificate Transparency Policy", "Apple's Certificate Transparency policy"),
)
@where_clients_insist
def transparency_logged(certificates: Certificates) -> Verdict:
    """What stands in public logs was not issued in secret: a certificate that a stranger obtained comes to light, and
    browsers refuse one without timestamps. Counted are distinct logs; the signatures of the timestamps are not
    verified, nor whether a browser knows the logs.

    Remediation: have the certificate issued by a public authority that logs what it issues, and do not ask it to leave
    the timestamps out.
    """
    for chain in certificates.served:
        trust, beside = chain.public_trust.seen, chain.timestamps.seen
        if trust is not None and trust.chains and beside is not None and not _is_logged(chain, beside):
            return failed(
                "the certificate carries timestamps of {measured} logs; browsers want {threshold}",
                measured=_count(chain.leaf.timestamps),
                threshold=_wanted(chain),
                facts=chain.leaf.sha256,
            )
    public = [chain for chain in certificates.complete() if chain.is_public]
    if not public:
        return not_applicable("no certificate leads to a public root")
    for chain in public:
        if _count(chain.leaf.timestamps) < _wanted(chain):
            _ = chain.timestamps.value
    return passed("carries timestamps of enough logs", facts=[chain.leaf.sha256 for chain in public])


def _is_logged(chain: Chain, beside: tuple[Sct, ...]) -> bool:
    return _count(chain.leaf.timestamps) >= _wanted(chain) or _count(beside) >= _DELIVERED


def _wanted(chain: Chain) -> int:
    return _SHORT if chain.leaf.lifetime_days <= _SHORT_DAYS else _LONG


def _count(timestamps: tuple[Sct, ...]) -> int:
    return len({each.log for each in timestamps})
