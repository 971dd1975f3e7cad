"""What the checks on Diffie-Hellman over a prime have in common: which suites use one, and was it seen."""

from __future__ import annotations

from inspector_tls.enumeration.codes import Suite
from inspector_tls.observations import Tls
from inspector_tls.suites import accepted_suites


def uses_prime(suite: Suite) -> bool:
    """Whether the server sends an ephemeral key modulo a prime."""
    return suite.key_exchange == "DHE" or (suite.key_exchange == "DH" and suite.authentication == "anon")


def hidden_primes(tls: Tls) -> tuple[str, ...]:
    """The accepted suites with such a key of which no prime was seen."""
    shown = {suite for prime in tls.primes for suite in prime.suites}
    return accepted_suites(tls, lambda suite: uses_prime(suite) and suite.name not in shown)
