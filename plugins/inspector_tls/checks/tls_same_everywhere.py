"""One configuration at every address."""

from collections import defaultdict

from inspector import Every, SubjectKind, Verdict, check, failed, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.observations import Tls


@check(
    "tls-same-everywhere",
    title="Every address of a host accepts the same TLS versions and suites",
    about=SubjectKind.HOST,
)
def tls_same_everywhere(tls: Every[Tls]) -> Verdict:
    """Addresses of one name that accept different versions or suites point to a server that was forgotten at the last
    change. A host whose ports are at one address each has nothing to compare.

    Remediation: roll the same configuration out to every address that the name resolves to.
    """
    ports: dict[str, dict[str, Tls | None]] = defaultdict(dict)
    for item in tls.all:
        ports[item.subject.uri][item.subject.address or ""] = item.fact
    several = {uri: addresses for uri, addresses in ports.items() if len(addresses) > 1}
    if not several:
        return not_applicable("each port is at one address only", facts=sorted(ports))
    for uri, addresses in several.items():
        seen = {address: fact for address, fact in addresses.items() if fact is not None}
        if len({_accepted(fact) for fact in seen.values()}) > 1:
            return failed("{port} accepts different versions or suites at {measured}", port=uri, measured=sorted(seen))
    return passed("the same versions and suites at every address", facts=sorted(several))


def _accepted(tls: Tls) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(sorted(every_suite(tls, [each.version]))) for each in tls.versions.each)
