"""No suite without encryption or without a server."""

from inspector import Verdict, check, failed, passed
from inspector_tls.observations import Tls
from inspector_tls.suites import accepted_suites, every_suite, is_unprotected


@check(
    "no-null-or-anonymous-suites",
    title="No suite is accepted that does not encrypt or does not authenticate the server",
    references=("RFC 9325 §4.1", "RFC 5246 §F.1.1.1"),
)
def no_null_or_anonymous_suites(tls: Tls) -> Verdict:
    """With a NULL suite everybody on the path reads what passes; with an anonymous one anybody on the path can pass for
    the server.

    Remediation: take both out of the list of suites; in OpenSSL's notation add ``!aNULL:!eNULL``.
    """
    bare = accepted_suites(tls, is_unprotected)
    if bare:
        return failed("accepts {measured}", measured=bare)
    return passed("accepts only suites that encrypt and authenticate the server", on=every_suite(tls))
