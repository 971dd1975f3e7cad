"""One configuration at every address."""

from inspector import Every, SubjectKind, Verdict, check
from inspector_tls.criteria.addresses import compare_addresses
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.observations import Tls

_MESSAGES = {
    "differs": "{port} accepts different versions or suites at {measured}",
    "same": "the same versions and suites at every address",
}


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
    return compare_addresses(tls, _accepted, **_MESSAGES)


def _accepted(tls: Tls) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(sorted(every_suite(tls, [each.version]))) for each in tls.versions.each)
