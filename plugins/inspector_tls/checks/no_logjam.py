"""No prime that is broken already."""

from inspector import Cause, Quantity, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.criteria.cipher_suites import every_suite
from inspector_tls.criteria.dh_primes import hidden_primes
from inspector_tls.observations import Tls

#: Shorter primes can be broken with some machines; primes of this length by a state, once for all that share them.
_BITS = 1024


@check(
    "no-logjam",
    title="No Diffie-Hellman prime is so short, or so widely shared, that it is broken in advance",
    references=("CVE-2015-4000", "RFC 7919 §1"),
)
def no_logjam(tls: Tls) -> Verdict:
    """The hard part of breaking Diffie-Hellman depends on the prime alone: done once, it opens the sessions of every
    server that uses the prime. For shorter primes than 1024 bits anybody can do that, for the few common primes of 1024
    bits a state may have. Long primes of a standard (RFC 3526, RFC 7919) are good, although many share them.

    Remediation: use a group of RFC 7919, in nginx by ``ssl_dhparam`` with its parameters, or offer ECDHE only.
    """
    for prime in tls.primes:
        bits = Quantity(value=prime.bits, unit="bit")
        if prime.bits < _BITS:
            return failed("uses a prime of {measured}, which can be broken", measured=bits, facts=prime.sha256)
        if prime.bits == _BITS and prime.known:
            return failed(
                "uses a prime of {measured} that many servers share: {prime}",
                measured=bits,
                prime=prime.known,
                facts=prime.sha256,
            )
    every_suite(tls)
    hidden = hidden_primes(tls)
    if hidden:
        return inconclusive("the prime of {measured} was not seen", measured=hidden, cause=Cause.AMBIGUOUS)
    if not tls.primes:
        return not_applicable("offers no Diffie-Hellman over a prime of its own choice")
    return passed("uses no prime that is known to be broken", facts=[prime.sha256 for prime in tls.primes])
