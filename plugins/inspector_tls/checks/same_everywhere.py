"""One answer from every address."""

from inspector import Every, SubjectKind, Verdict, check
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.addresses import compare_addresses

_MESSAGES = {
    "differs": "{port} presents different certificates at {measured}",
    "same": "the same certificates at every address",
}


@check(
    "certificate-same-everywhere",
    title="Every address of a host presents the same certificates",
    about=SubjectKind.HOST,
)
def same_everywhere(certificates: Every[Certificates]) -> Verdict:
    """Addresses of one name that present different certificates point to a server that was forgotten at the last
    renewal, or that is not the owner's. A host whose ports are at one address each has nothing to compare.

    Remediation: roll the certificate out to every address that the name resolves to, or take the forgotten one out of
    the DNS.
    """
    return compare_addresses(certificates, _leaves, **_MESSAGES)


def _leaves(certificates: Certificates) -> tuple[str, ...]:
    return tuple(sorted({chain.leaf.sha256 for chain in certificates.complete()}))
