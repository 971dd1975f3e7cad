"""The order of preference of cipher suites."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite, is_strong
from inspector_tls.observations import Preference, SpokenVersion, Tls


@check(
    "server-order-preferred",
    title="Server prefers strong cipher suites",
    references=("RFC 9325 §4.2.1",),
)
def server_order_preferred(tls: Tls) -> Verdict:
    """Where the client's order decides, a client with an outdated list gets a weak suite although both sides support a
    strong one. A suite is strong if it is AEAD with forward secrecy; the check applies to versions with both strong and
    weak suites.

    Remediation: put strong suites first and enforce the server's order, in nginx ``ssl_prefer_server_ciphers on;``, in
    Postfix ``tls_preempt_cipherlist = yes``; or accept strong suites only.
    """
    mixed = [spoken for spoken in tls.accepted if _weak(spoken) and _strong(spoken)]
    for spoken in mixed:
        if spoken.preference.seen is Preference.CLIENT:
            return failed(
                "the client's order decides in {version}, even for {measured}",
                version=spoken.version,
                measured=_weak(spoken),
            )
        if spoken.ordered and spoken.suites.accepted[0] in _weak(spoken):
            return failed("prefers {measured} in {version}", version=spoken.version, measured=spoken.suites.accepted[0])
    every_suite(tls)
    if not mixed:
        return not_applicable("accepts no weak cipher suites besides strong ones")
    for spoken in mixed:
        if spoken.preference.value is Preference.MIXED:
            return inconclusive(
                "the order in {version} is inconsistent: sometimes the server's, sometimes the client's",
                version=spoken.version,
                cause=Cause.AMBIGUOUS,
            )
    return passed("enforces its own order", facts=[spoken.version for spoken in mixed])


def _strong(spoken: SpokenVersion) -> tuple[str, ...]:
    return tuple(suite.name for suite in spoken.accepted_suites if is_strong(suite))


def _weak(spoken: SpokenVersion) -> tuple[str, ...]:
    return tuple(suite.name for suite in spoken.accepted_suites if not is_strong(suite))
