"""The TLS configuration of a host with several addresses."""

from inspector import Every, SubjectKind, Verdict, check
from inspector_tls.criteria.addresses import compare_addresses
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.observations import Part, Tls

_MESSAGES = {
    "differs": "{port} accepts different versions or cipher suites at {measured}",
    "same": "accepts the same versions and cipher suites at every address",
}


@check(
    "tls-same-everywhere",
    title="TLS versions and cipher suites are the same at every address of a host",
    about=SubjectKind.HOST,
    needs=(Part.SUITES,),
)
def tls_same_everywhere(tls: Every[Tls]) -> Verdict:
    """Addresses of a host that accept different versions or cipher suites indicate a server that was missed at the last
    change. The check does not apply where each port has a single address.

    Remediation: deploy the same configuration to every address that the name resolves to.
    """
    return compare_addresses(tls, _accepted, **_MESSAGES)


def _accepted(tls: Tls) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(sorted(every_suite(tls, [each.version]))) for each in tls.versions.each)
