"""Diffie-Hellman over primes that are long enough."""

from inspector import Cause, Quantity, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.criteria.dh_primes import hidden_primes
from inspector_tls.observations import Tls


@check(
    "dh-strong",
    title="Diffie-Hellman over a prime, where it is offered, uses a long one",
    references=("RFC 9325 §4.5", "RFC 7919", "CVE-2015-4000"),
)
def dh_strong(tls: Tls, *, bits: int = 2048) -> Verdict:
    """The shorter the prime, the cheaper it is to compute the keys of a session; primes of 1024 bits are within reach
    of states. Judged are the primes that the server showed and the groups of TLS 1.3 over a prime.

    Remediation: use a group of RFC 7919, in nginx by ``ssl_dhparam`` with its parameters, or offer ECDHE only.
    """
    groups = [group for group in tls.accepted_groups if group.kind == "finite field"]
    sizes = [*(prime.bits for prime in tls.primes), *(group.bits for group in groups)]
    least = Quantity(value=bits, unit="bit")
    if min(sizes, default=bits) < bits:
        shortest = Quantity(value=min(sizes), unit="bit")
        return failed("uses a prime of {measured}, shorter than {threshold}", measured=shortest, threshold=least)
    every_suite(tls)
    _ = tls.groups.complete.value
    hidden = hidden_primes(tls)
    if hidden:
        return inconclusive("the prime of {measured} was not seen", measured=hidden, cause=Cause.AMBIGUOUS)
    if not sizes:
        return not_applicable("offers no Diffie-Hellman over a prime")
    shortest = Quantity(value=min(sizes), unit="bit")
    return passed("its shortest prime has {measured}; {threshold} are enough", measured=shortest, threshold=least)
