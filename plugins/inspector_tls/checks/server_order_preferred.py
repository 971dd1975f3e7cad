"""The server sees to it that strong suites are used."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite, is_strong
from inspector_tls.observations import Preference, SpokenVersion, Tls


@check(
    "server-order-preferred",
    title="Where weak suites are accepted beside strong ones, the server chooses, and chooses a strong one",
    references=("RFC 9325 §4.2.1",),
)
def server_order_preferred(tls: Tls) -> Verdict:
    """Where the client's order decides, a client with an old list ends up with a weak suite although both sides know
    a strong one. Strong is here an AEAD suite with forward secrecy; a version without both sorts has nothing to choose.

    Remediation: let the server's order decide and put the strong suites first, in nginx
    ``ssl_prefer_server_ciphers on;``; or accept strong suites only.
    """
    mixed = [spoken for spoken in tls.accepted if _weak(spoken) and _strong(spoken)]
    for spoken in mixed:
        if spoken.preference.seen is Preference.CLIENT:
            return failed(
                "in {version} the client's order decides, even for {measured}",
                version=spoken.version,
                measured=_weak(spoken),
            )
        if spoken.ordered and spoken.suites.accepted[0] in _weak(spoken):
            return failed(
                "in {version} it prefers {measured}", version=spoken.version, measured=spoken.suites.accepted[0]
            )
    every_suite(tls)
    if not mixed:
        return not_applicable("accepts no weak suites beside strong ones")
    for spoken in mixed:
        if spoken.preference.value is Preference.MIXED:
            return inconclusive(
                "in {version} now the server's order decides and now the client's",
                version=spoken.version,
                cause=Cause.AMBIGUOUS,
            )
    return passed("its own order decides", facts=[spoken.version for spoken in mixed])


def _strong(spoken: SpokenVersion) -> tuple[str, ...]:
    return tuple(suite.name for suite in spoken.accepted_suites if is_strong(suite))


def _weak(spoken: SpokenVersion) -> tuple[str, ...]:
    return tuple(suite.name for suite in spoken.accepted_suites if not is_strong(suite))
