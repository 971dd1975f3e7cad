"""The order of preference of cipher suites."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite, is_strong
from inspector_tls.observations import Part, Preference, Tls, VersionSupport


@check(
    "server-order-preferred",
    title="Server prefers strong cipher suites",
    references=("RFC 9325 §4.2.1",),
    needs=(Part.SUITES, Part.MIXED_PREFERENCE),
)
def server_order_preferred(tls: Tls) -> Verdict:
    """Where the client's order decides, a client with an outdated list gets a weak suite although both sides support a
    strong one. A suite is strong if it is AEAD with forward secrecy; the check applies to versions with both strong and
    weak suites.

    Remediation: put strong suites first and enforce the server's order; or accept strong suites only.
    """
    mixed = [support for support in tls.accepted if _weak(support) and _strong(support)]
    for support in mixed:
        if support.preference.seen is Preference.CLIENT:
            return failed(
                "the client's order decides in {version}, even for {measured}",
                version=support.version,
                measured=_weak(support),
            )
        if support.ordered and support.suites.accepted[0] in _weak(support):
            return failed(
                "prefers {measured} in {version}", version=support.version, measured=support.suites.accepted[0]
            )
    every_suite(tls)
    if not mixed:
        return not_applicable("accepts no weak cipher suites besides strong ones")
    for support in mixed:
        if support.preference.value is Preference.MIXED:
            return inconclusive(
                "the order in {version} is inconsistent: sometimes the server's, sometimes the client's",
                version=support.version,
                cause=Cause.AMBIGUOUS,
            )
    return passed("chooses the cipher suite by its own order", facts=[support.version for support in mixed])


def _strong(support: VersionSupport) -> tuple[str, ...]:
    return tuple(suite.name for suite in support.accepted_suites if is_strong(suite))


def _weak(support: VersionSupport) -> tuple[str, ...]:
    return tuple(suite.name for suite in support.accepted_suites if not is_strong(suite))
