"""Cipher suites without encryption or without server authentication."""

from inspector import Verdict, check, failed, passed
from inspector_tls.criteria.cipher_suites import (
    accepted_suites,
    does_not_encrypt,
    every_suite,
    exempts_anonymous,
    is_unprotected,
)
from inspector_tls.observations import Part, Tls


@check(
    "no-null-or-anonymous-suites",
    title="NULL and anonymous cipher suites are disabled",
    references=("RFC 9325 §4.1", "RFC 5246 §F.1.1.1", "RFC 7435"),
    needs=(Part.SUITES,),
)
def no_null_or_anonymous_suites(tls: Tls) -> Verdict:
    """With a NULL suite anyone on the path reads the traffic; with an anonymous suite anyone on the path can
    impersonate the server.

    Between mail servers (smtp) anonymous suites are no weaker than certificates that are not validated (RFC 7435):
    there only NULL suites count.

    Remediation: disable NULL and anonymous suites: in an OpenSSL cipher list add ``!aNULL:!eNULL``.
    """
    opportunistic = exempts_anonymous(tls)
    bare = accepted_suites(tls, does_not_encrypt if opportunistic else is_unprotected)
    if bare:
        return failed("accepts {measured}", measured=bare)
    if opportunistic:
        return passed("accepts only cipher suites that encrypt", facts=every_suite(tls))
    return passed("accepts only cipher suites that encrypt and authenticate the server", facts=every_suite(tls))
