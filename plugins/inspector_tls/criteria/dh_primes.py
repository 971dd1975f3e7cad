"""Criteria of Diffie-Hellman over a prime: which accepted suites use one that was not seen."""

from __future__ import annotations

from inspector_tls.criteria.cipher_suites import accepted_suites
from inspector_tls.observations import Tls


def hidden_primes(tls: Tls) -> tuple[str, ...]:
    """The accepted suites with such a key of which no prime was seen."""
    shown = {suite for prime in tls.primes for suite in prime.suites}
    return accepted_suites(tls, lambda suite: suite.uses_prime and suite.name not in shown)
