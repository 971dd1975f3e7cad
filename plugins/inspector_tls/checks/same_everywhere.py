"""One answer from every address."""

from collections import defaultdict

from inspector import Every, SubjectKind, Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificates


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
    ports: dict[str, dict[str, Certificates | None]] = defaultdict(dict)
    for item in certificates.all:
        ports[item.subject.uri][item.subject.address or ""] = item.fact
    several = {uri: addresses for uri, addresses in ports.items() if len(addresses) > 1}
    if not several:
        return not_applicable("each port is at one address only", facts=sorted(ports))
    for uri, addresses in several.items():
        seen = {address: fact for address, fact in addresses.items() if fact is not None}
        if len({_leaves(fact) for fact in seen.values()}) > 1:
            return failed("{port} presents different certificates at {measured}", port=uri, measured=sorted(seen))
    return passed("the same certificates at every address", facts=sorted(several))


def _leaves(certificates: Certificates) -> tuple[str, ...]:
    return tuple(sorted({chain.leaf.sha256 for chain in certificates.complete()}))
