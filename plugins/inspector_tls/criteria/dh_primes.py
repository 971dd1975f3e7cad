"""Criteria of Diffie-Hellman over a prime: which primes count, and whether they are seen and safe."""

from __future__ import annotations

from inspector import Cause, Verdict, failed, inconclusive
from inspector_tls.criteria.cipher_suites import accepted_suites, exempts_anonymous, is_anonymous
from inspector_tls.observations import EphemeralPrime, PrimeFlaw, Tls
from inspector_tls.wire.code_points import Suite, suite_named

#: The message where only such suites use a prime.
ANONYMOUS_ONLY = "uses finite-field Diffie-Hellman in anonymous suites only, which are exempt between mail servers"
_MESSAGES = {
    PrimeFlaw.COMPOSITE: "uses a modulus of {measured} that is not a prime",
    PrimeFlaw.UNSAFE: "uses a prime of {measured} that is not a safe prime: its group has other subgroups",
    PrimeFlaw.TRIVIAL_KEY: "sends a trivial generator or public key for a prime of {measured}",
}


def counted_primes(tls: Tls) -> tuple[EphemeralPrime, ...]:
    """The primes, without those of anonymous suites alone where these are exempt."""
    return tuple(prime for prime in tls.primes if any(_counts(tls, suite_named(name)) for name in prime.suites))


def hidden_primes(tls: Tls) -> Verdict | None:
    """The inconclusive verdict where a suite that counts has such a key and no prime of it was seen, or None."""
    shown = {suite for prime in tls.primes for suite in prime.suites}
    hidden = accepted_suites(tls, lambda suite: suite.uses_prime and suite.name not in shown and _counts(tls, suite))
    return (
        inconclusive("the prime of {measured} was not observed", measured=hidden, cause=Cause.AMBIGUOUS)
        if hidden
        else None
    )


def unsafe_prime(tls: Tls) -> Verdict | None:
    """The failing verdict over the first counted prime whose group is not safe, or None."""
    for prime in counted_primes(tls):
        if prime.flaw.seen is not None:
            return failed(_MESSAGES[prime.flaw.seen], measured=prime.size, facts=prime.sha256)
    return None


def untested_prime(tls: Tls) -> Verdict | None:
    """The inconclusive verdict where a counted prime was not tested, or None."""
    for prime in counted_primes(tls):
        if prime.flaw.unseen is not None:
            return inconclusive(
                "whether the prime of {measured} is a safe prime was not determined",
                measured=prime.size,
                cause=prime.flaw.unseen,
            )
    return None


def _counts(tls: Tls, suite: Suite) -> bool:
    return not (exempts_anonymous(tls) and is_anonymous(suite))
