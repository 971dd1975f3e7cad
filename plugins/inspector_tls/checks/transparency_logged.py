"""Certificate Transparency, by the signed certificate timestamps (SCTs)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificates, Chain, Sct
from inspector_tls.criteria.client_policies import where_clients_validate

#: The number of logs that browsers require (Chrome's and Apple's policies): of SCTs delivered by TLS or OCSP; of those
#: embedded in a certificate that is valid for at most 180 days; of those embedded in any other.
_DELIVERED, _SHORT, _LONG = 2, 2, 3
_SHORT_DAYS = 180


@check(
    "certificate-transparency-logged",
    title="Certificate is logged in Certificate Transparency",
    references=("RFC 6962 §3.3", "Chrome Certificate Transparency Policy", "Apple's Certificate Transparency policy"),
)
@where_clients_validate
def transparency_logged(certificates: Certificates) -> Verdict:
    """A certificate in public logs was not issued in secret: the owner of the domain can discover one that an attacker
    obtained, and browsers reject certificates without signed certificate timestamps (SCTs). The check counts distinct
    logs; it verifies neither the signatures of the SCTs nor whether browsers trust the logs.

    Remediation: have the certificate issued by a public CA that logs what it issues, and do not ask it to omit the
    SCTs.
    """
    for chain in certificates.served:
        trust, delivered = chain.public_trust.seen, chain.timestamps.seen
        if trust is not None and trust.chains and delivered is not None and not _is_logged(chain, delivered):
            return failed(
                "the certificate has SCTs of {measured} logs; browsers require {threshold}",
                measured=_count(chain.leaf.timestamps),
                threshold=_required(chain),
                facts=chain.leaf.sha256,
            )
    public = [chain for chain in certificates.complete() if chain.is_public]
    if not public:
        return not_applicable("no certificate chains to a publicly trusted root")
    for chain in public:
        if _count(chain.leaf.timestamps) < _required(chain):
            _ = chain.timestamps.value
    return passed("has SCTs of enough logs", facts=[chain.leaf.sha256 for chain in public])


def _is_logged(chain: Chain, delivered: tuple[Sct, ...]) -> bool:
    return _count(chain.leaf.timestamps) >= _required(chain) or _count(delivered) >= _DELIVERED


def _required(chain: Chain) -> int:
    return _SHORT if chain.leaf.lifetime_days <= _SHORT_DAYS else _LONG


def _count(timestamps: tuple[Sct, ...]) -> int:
    return len({each.log for each in timestamps})
