"""The certificates of a host with several addresses."""

from inspector import Every, SubjectKind, Verdict, check
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.addresses import compare_addresses

_MESSAGES = {
    "differs": "{port} presents different certificates at {measured}",
    "same": "presents the same certificates at every address",
}


@check(
    "certificate-same-everywhere",
    title="Certificates are the same at every address of a host",
    about=SubjectKind.HOST,
)
def same_everywhere(certificates: Every[Certificates]) -> Verdict:
    """Addresses of a host that present different certificates indicate a server that was missed at the last renewal, or
    one that is not the owner's. The check does not apply where each port has a single address.

    Remediation: deploy the certificate to every address that the name resolves to, or remove the outdated address from
    DNS.
    """
    return compare_addresses(certificates, _leaves, **_MESSAGES)


def _leaves(certificates: Certificates) -> tuple[str, ...]:
    return tuple(sorted({chain.leaf.sha256 for chain in certificates.complete()}))
