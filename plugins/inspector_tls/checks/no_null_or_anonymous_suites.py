"""No suite without encryption or without a server."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import accepted_suites, does_not_encrypt, every_suite, is_unprotected
from inspector_tls.observations import Tls
from inspector_tls.starttls.negotiation import SMTP


@check(
    "no-null-or-anonymous-suites",
    title="No suite is accepted that does not encrypt or does not authenticate the server",
    references=("RFC 9325 §4.1", "RFC 5246 §F.1.1.1", "RFC 7435"),
)
def no_null_or_anonymous_suites(tls: Tls) -> Verdict:
    """With a NULL suite everybody on the path reads what passes; with an anonymous one anybody on the path can pass for
    the server.

    Between mail servers (smtp) anonymous suites are no worse than the certificates that nobody checks there (RFC 7435):
    only NULL counts.

    Remediation: take both out of the list of suites; in OpenSSL's notation add ``!aNULL:!eNULL``.
    """
    opportunistic = tls.scheme == SMTP.name
    bare = accepted_suites(tls, does_not_encrypt if opportunistic else is_unprotected)
    if bare:
        return failed("accepts {measured}", measured=bare)
    if opportunistic:
        return passed("accepts only suites that encrypt", facts=every_suite(tls))
    return passed("accepts only suites that encrypt and authenticate the server", facts=every_suite(tls))
