"""Finite-field Diffie-Hellman: the length of primes."""

from inspector import Cause, Quantity, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.criteria.dh_primes import hidden_primes
from inspector_tls.observations import Tls


@check(
    "dh-strong",
    title="Diffie-Hellman primes are long enough",
    references=("RFC 9325 §4.5", "RFC 7919", "CVE-2015-4000"),
)
def dh_strong(tls: Tls, *, bits: int = 2048) -> Verdict:
    """The shorter the prime, the cheaper it is to compute the session keys; primes of 1024 bits are within reach of
    states. The check covers the primes that the server sent and the finite-field groups of TLS 1.3.

    Remediation: use a group of RFC 7919 (``openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe3072 -out
    dh.pem``, then in nginx ``ssl_dhparam dh.pem;``, in Postfix ``smtpd_tls_dh1024_param_file``), or offer ECDHE only.
    """
    groups = [group for group in tls.accepted_groups if group.kind == "finite field"]
    sizes = [*(prime.bits for prime in tls.primes), *(group.bits for group in groups)]
    least = Quantity(value=bits, unit="bit")
    if min(sizes, default=bits) < bits:
        shortest = Quantity(value=min(sizes), unit="bit")
        return failed("shortest prime is {measured}; minimum is {threshold}", measured=shortest, threshold=least)
    every_suite(tls)
    _ = tls.groups.complete.value
    hidden = hidden_primes(tls)
    if hidden:
        return inconclusive("the prime of {measured} was not observed", measured=hidden, cause=Cause.AMBIGUOUS)
    if not sizes:
        return not_applicable("offers no finite-field Diffie-Hellman")
    shortest = Quantity(value=min(sizes), unit="bit")
    return passed("shortest prime is {measured}; minimum is {threshold}", measured=shortest, threshold=least)
