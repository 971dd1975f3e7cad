"""Logjam: primes that can be broken by precomputation (CVE-2015-4000)."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.criteria.dh_primes import (
    ANONYMOUS_ONLY,
    counted_primes,
    hidden_primes,
    unsafe_prime,
    untested_prime,
)
from inspector_tls.observations import Part, Tls

#: Anyone can break shorter primes; a state can break a prime of this length, once for all servers that share it.
_BITS = 1024


@check(
    "no-logjam",
    title="Diffie-Hellman primes are safe from precomputation (Logjam)",
    references=("CVE-2015-4000", "RFC 7919 §1"),
    needs=(Part.SUITES,),
)
def no_logjam(tls: Tls) -> Verdict:
    """Most of the work to break Diffie-Hellman depends on the prime alone: once it is done, the sessions of every
    server with that prime can be decrypted. Primes shorter than 1024 bits are within reach of anyone, the few common
    primes of 1024 bits within reach of states. Longer standard primes (RFC 3526, RFC 7919) are safe although many
    servers share them. With a modulus that is not a safe prime, or a trivial key, not even that work may be needed.
    Between mail servers (smtp) the primes of anonymous suites alone do not count.

    Remediation: offer ECDHE only, or use a group of RFC 7919 (``openssl genpkey -genparam -algorithm DH -pkeyopt
    group:ffdhe3072 -out dh.pem``).
    """
    primes = counted_primes(tls)
    for prime in primes:
        if prime.bits < _BITS:
            return failed("uses a prime of {measured}, which can be broken", measured=prime.size, facts=prime.sha256)
        if prime.bits == _BITS and prime.known:
            return failed(
                "uses a widely shared prime of {measured}: {prime}",
                measured=prime.size,
                prime=prime.known,
                facts=prime.sha256,
            )
    unsafe = unsafe_prime(tls)
    if unsafe is not None:
        return unsafe
    every_suite(tls)
    undecided = hidden_primes(tls) or untested_prime(tls)
    if undecided is not None:
        return undecided
    if not primes:
        return not_applicable(
            "offers no finite-field Diffie-Hellman up to TLS 1.2" if not tls.primes else ANONYMOUS_ONLY
        )
    return passed("uses no prime that can be broken by precomputation", facts=[prime.sha256 for prime in primes])
