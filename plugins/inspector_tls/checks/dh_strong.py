"""Finite-field Diffie-Hellman: the length of primes."""

from inspector import Quantity, Verdict, check, failed, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.criteria.dh_primes import (
    ANONYMOUS_ONLY,
    counted_primes,
    hidden_primes,
    unsafe_prime,
    untested_prime,
)
from inspector_tls.observations import Part, Tls


@check(
    "dh-strong",
    title="Diffie-Hellman primes are long enough and safe",
    references=("RFC 9325 §4.5", "RFC 7919", "RFC 8247 §2.4", "CVE-2015-4000"),
    needs=(Part.SUITES, Part.GROUPS),
)
def dh_strong(tls: Tls, *, bits: int = 2048) -> Verdict:
    """The shorter the prime, the cheaper it is to compute the session keys; primes of 1024 bits are within reach of
    states. If the modulus is not a safe prime (a prime p of which (p-1)/2 is prime, too), or a key is trivial, the keys
    may be computed however long it is. The check covers the primes that the server sent and the finite-field groups of
    TLS 1.3; between mail servers (smtp) not those of anonymous suites alone.

    Remediation: offer ECDHE only, or use a group of RFC 7919 (``openssl genpkey -genparam -algorithm DH -pkeyopt
    group:ffdhe3072 -out dh.pem``).
    """
    groups = [group for group in tls.accepted_groups if group.kind == "finite field"]
    sizes = [*(prime.bits for prime in counted_primes(tls)), *(group.bits for group in groups)]
    least = Quantity(value=bits, unit="bit")
    if min(sizes, default=bits) < bits:
        shortest = Quantity(value=min(sizes), unit="bit")
        return failed("shortest prime is {measured}; minimum is {threshold}", measured=shortest, threshold=least)
    unsafe = unsafe_prime(tls)
    if unsafe is not None:
        return unsafe
    every_suite(tls)
    _ = tls.groups.complete.value
    undecided = hidden_primes(tls) or untested_prime(tls)
    if undecided is not None:
        return undecided
    if not sizes:
        return not_applicable("offers no finite-field Diffie-Hellman" if not tls.primes else ANONYMOUS_ONLY)
    shortest = Quantity(value=min(sizes), unit="bit")
    return passed("shortest prime is {measured}; minimum is {threshold}", measured=shortest, threshold=least)
